#include "engine/placement/names.h"

namespace selvedge::engine::placement {

base::Result<NameId> Names::hold(std::string_view text) {
  if (const auto at = numbers_.find(text); at != numbers_.end()) {
    ++entries_[at->second].holders;
    return at->second;
  }
  if (text.size() > Limits::name_bytes)
    return base::fail(base::Code::invalid_input,
                      "name '" + std::string(text.substr(0, 32)) + "...': longer than " + std::to_string(Limits::name_bytes) + " bytes");
  if (free_.empty() && entries_.size() >= Limits::names)
    return base::fail(base::Code::exhausted, "name '" + std::string(text) + "': there are " + std::to_string(Limits::names) + " already");
  NameId name = static_cast<NameId>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    name = free_.back();
    free_.pop_back();
  }
  entries_[name] = {std::string(text), 1};
  numbers_.emplace(std::string(text), name);
  return name;
}

void Names::drop(NameId name) {
  Entry& entry = entries_[name];
  CHECK(entry.holders > 0);
  if (--entry.holders > 0) return;
  numbers_.erase(entry.text);
  entry.text.clear();
  free_.push_back(name);
}

}  // namespace selvedge::engine::placement
