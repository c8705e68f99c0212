#include "engine/site/documents.h"

#include <algorithm>
#include <utility>

namespace selvedge::engine {

bool SiteDocuments::make_room(const SiteDocument& document) {
  const auto known = documents_.find(document.task);
  const std::uint64_t before = known == documents_.end() ? 0 : known->second.json.size();
  const auto fits = [&] {
    return bytes_ - before + document.json.size() <= limits_.bytes &&
           (known != documents_.end() || documents_.size() < limits_.documents);
  };
  if (!fits())
    std::erase_if(documents_, [&](const auto& one) { return one.second.json.empty() && one.first != document.task; });
  return fits();
}

bool SiteDocuments::take(SiteDocument document) {
  const auto known = documents_.find(document.task);
  if (known != documents_.end() && document.version() <= known->second.version()) return false;
  if (document.task.empty() || document.json.size() > limits_.document_bytes || !make_room(document)) {
    ++refused_;
    return false;
  }
  SiteDocument& kept = documents_[document.task];
  bytes_ = bytes_ - kept.json.size() + document.json.size();
  kept = std::move(document);
  return true;
}

const SiteDocument* SiteDocuments::say(const std::string& task, std::uint64_t generation, std::uint64_t epoch, std::string json) {
  SiteDocument document{task, generation, epoch, 0, std::move(json)};
  if (const auto known = documents_.find(task); known != documents_.end()) {
    const SiteDocument& before = known->second;
    if (std::pair(before.generation, before.epoch) == std::pair(generation, epoch)) {
      if (before.json == document.json) return nullptr;
      document.change = before.change + 1;
    }
  }
  return take(std::move(document)) ? &documents_.at(task) : nullptr;
}

const SiteDocument* SiteDocuments::withdraw(const std::string& task) {
  const auto known = documents_.find(task);
  if (known == documents_.end()) return nullptr;
  return say(task, known->second.generation, known->second.epoch, {});
}

const SiteDocument* SiteDocuments::find(const std::string& task) const {
  const auto known = documents_.find(task);
  return known == documents_.end() || known->second.json.empty() ? nullptr : &known->second;
}

void SiteDocuments::each(const std::function<void(const SiteDocument&)>& visit) const {
  for (const auto& [task, document] : documents_) visit(document);
}

}  // namespace selvedge::engine
