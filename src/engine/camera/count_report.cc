#include "engine/camera/count_report.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace selvedge::engine {
namespace {

constexpr std::size_t most_label_bytes = 64;
constexpr std::string_view total;

double rounded(double value, double parts) { return std::round(value * parts) / parts; }

}  // namespace

std::string level_of_label(const Detection& found) {
  std::string name = found.name.empty() ? "label-" + std::to_string(found.label) : found.name.substr(0, most_label_bytes);
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/' || c == '+' || c == '#') c = '_';
  if (!base::is_utf8(name)) return "label-" + std::to_string(found.label);
  // Names of what else is made of a camera.
  if (name == "count" || name == "detections" || name == "anomaly" || name == "anomalous") name += '_';
  return name;
}

bool CountReport::wanted(const std::string& name, float score) const {
  if (!(score >= static_cast<float>(rule_.least_score))) return false;
  return rule_.labels.empty() || std::ranges::find(rule_.labels, name) != rule_.labels.end();
}

bool CountReport::believe(Seen& seen, std::int64_t count) const {
  seen.run = seen.last == count ? std::min(seen.run + 1, 1'000'000U) : 1;
  seen.last = count;
  if (seen.said == count || seen.run < rule_.confirm) return false;
  seen.said = count;
  return true;
}

CountReport::Report CountReport::step(std::span<const Detection> found, base::Time now) {
  Report report;
  std::map<std::string, std::int64_t> counts;
  for (const Detection& one : found) {
    if (!wanted(one.name, one.score)) continue;
    report.found.push_back(one);
    std::string label = level_of_label(one);
    if (labels_.contains(label) || counts.contains(label) || labels_.size() + counts.size() < most_labels)
      ++counts[std::move(label)];
  }
  for (const auto& [label, count] : counts) labels_.try_emplace(label);
  labels_.try_emplace(std::string(total));
  // A clock that was set back must not silence it.
  const bool due = rule_.report.count() > 0 && said_at_ && (now >= *said_at_ + rule_.report || now < *said_at_);
  for (auto& [label, seen] : labels_) {
    const auto at = counts.find(label);
    const auto count = label == total ? static_cast<std::int64_t>(report.found.size()) : at == counts.end() ? 0 : at->second;
    const bool news = believe(seen, count);
    report.changed = report.changed || news;
    if (news || (due && seen.said >= 0)) report.counts.push_back({label, seen.said});
  }
  if (due || !said_at_) said_at_ = now;
  if (!report.found.empty() &&
      (report.changed || !listed_at_ || now >= *listed_at_ + rule_.list || now < *listed_at_)) {
    report.list = true;
    listed_at_ = now;
  }
  return report;
}

CountReport::Report CountReport::step(std::span<const Ranked> ranked, base::Time now) {
  std::vector<Detection> found;
  if (!ranked.empty()) found.push_back({ranked[0].label, ranked[0].name, ranked[0].score, {0, 0, 1, 1}});
  return step(found, now);
}

std::string detections_json(std::span<const Detection> found, std::size_t most) {
  constexpr std::size_t of_the_rest = 40;
  base::JsonWriter json;
  json.begin_object().key("detections").begin_array();
  std::size_t count = 0;
  for (const Detection& one : found) {
    base::JsonWriter item;
    item.begin_object().field("label", level_of_label(one)).field("score", rounded(one.score, 1000)).key("box").begin_array();
    for (const float side : one.box) item.value(rounded(side, 10'000));
    item.end_array().end_object();
    if (json.text().size() + item.text().size() + of_the_rest > most) break;
    json.raw(item.text());
    ++count;
  }
  json.end_array();
  if (count < found.size()) json.field("more", static_cast<std::uint64_t>(found.size() - count));
  return json.end_object().take();
}

}  // namespace selvedge::engine
