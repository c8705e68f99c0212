#include "node/telemetry_twins.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/json.h"
#include "base/log.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t most_stars = 9;
constexpr base::Duration least_wait = std::chrono::milliseconds(10);

// What the stars of `pattern` are in `text`, each as short as possible; nothing if it does not match.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view text) {
  std::vector<std::string_view> stars;
  const std::size_t first = pattern.find('*');
  if (first == std::string_view::npos) {
    if (pattern != text) return std::nullopt;
    return stars;
  }
  if (!text.starts_with(pattern.substr(0, first))) return std::nullopt;
  text.remove_prefix(first);
  pattern.remove_prefix(first);
  while (!pattern.empty()) {
    pattern.remove_prefix(1);                                 // a star
    const std::string_view fixed = pattern.substr(0, pattern.find('*'));
    const bool last = fixed.size() == pattern.size();
    std::size_t at = text.find(fixed);
    if (last) at = text.ends_with(fixed) ? text.size() - fixed.size() : std::string_view::npos;
    if (at == std::string_view::npos) return std::nullopt;
    stars.push_back(text.substr(0, at));
    text.remove_prefix(at + fixed.size());
    pattern.remove_prefix(fixed.size());
  }
  return stars;
}

std::string filled(std::string_view form, const std::vector<std::string_view>& stars) {
  std::string text;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool word = form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}' &&
                      form[i + 1] >= '1' && form[i + 1] <= '9';
    const auto which = word ? static_cast<std::size_t>(form[i + 1] - '1') : 0;
    if (!word || which >= stars.size()) {
      text += form[i];
      continue;
    }
    text += stars[which];
    i += 2;
  }
  return text;
}

Result<void> check_form(std::string_view what, std::string_view form, std::size_t stars) {
  if (form.empty()) return base::fail(Code::invalid_input, "twin: no " + std::string(what));
  for (std::size_t i = 0; i + 2 < form.size(); ++i) {
    if (form[i] != '{' || form[i + 2] != '}') continue;
    const char digit = form[i + 1];
    if (digit < '1' || digit > '9' || static_cast<std::size_t>(digit - '1') >= stars)
      return base::fail(Code::invalid_input, "twin: " + std::string(what) + " '" + std::string(form) +
                                                 "': the series has no star of that number");
  }
  return {};
}

}  // namespace

Result<void> check(const TelemetryRule& rule) {
  if (rule.series.empty()) return base::fail(Code::invalid_input, "twin: no series");
  const auto stars = static_cast<std::size_t>(std::ranges::count(rule.series, '*'));
  if (stars > most_stars || rule.series.find("**") != std::string::npos)
    return base::fail(Code::invalid_input, "twin: series '" + rule.series +
                                               "': at most 9 stars, with text between them");
  TRY(check_form("feature", rule.feature, stars));
  TRY(check_form("property", rule.property, stars));
  if (rule.min_interval < std::chrono::milliseconds(10))
    return base::fail(Code::invalid_input, "twin: min-interval is below 10ms");
  if (!(rule.deadband >= 0))
    return base::fail(Code::invalid_input, "twin: deadband is below 0");
  return {};
}

TelemetryTwins::TelemetryTwins(os::World& world, store::TwinStore& twins, base::Registry& metrics,
                               std::vector<TelemetryRule> rules, std::function<std::string()> node)
    : world_(world),
      twins_(twins),
      rules_(std::move(rules)),
      node_(std::move(node)),
      edits_(metrics.counter("selvedge_twin_telemetry_edits_total",
                             "Edits of twins made from readings.")),
      coalesced_(metrics.counter("selvedge_twin_telemetry_coalesced_total",
                                 "Readings whose value gave way to a later one.")),
      refused_(metrics.counter("selvedge_twin_telemetry_refused_total",
                               "Edits of twins from readings, or series, that were refused.")) {}

TelemetryTwins::~TelemetryTwins() { world_.loop().cancel(timer_); }

void TelemetryTwins::take(std::size_t at, std::string_view series, std::string_view device,
                          base::Time time, const model::ValueView& value) {
  if (at >= by_series_.size()) by_series_.resize(std::max(at + 1, by_series_.size() * 2), unknown);
  if (by_series_[at] == unknown) by_series_[at] = resolve(series, device);
  if (by_series_[at] == ignored) return;
  Leaf& leaf = *leaves_[by_series_[at] - 1];
  if (time < leaf.time) return;
  leaf.time = time;
  leaf.kind = value.kind;
  switch (value.kind) {
    case model::Kind::float64: leaf.number = value.float64; break;
    case model::Kind::int64:
      leaf.integer = value.int64;
      leaf.number = static_cast<double>(value.int64);
      break;
    case model::Kind::boolean: leaf.number = value.boolean ? 1 : 0; break;
    case model::Kind::text: leaf.text = value.text; break;
  }
  if (leaf.waiting) {
    coalesced_.add();
    return;
  }
  if (!is_news(leaf)) return;
  leaf.waiting = true;
  waiting_.push_back(&leaf);
  plan(leaf);
}

std::uint32_t TelemetryTwins::resolve(std::string_view series, std::string_view device) {
  if (series.starts_with("twin/")) return ignored;   // made of twins, see TwinHistory
  for (const TelemetryRule& rule : rules_) {
    const auto stars = match(rule.series, series);
    if (!stars) continue;
    if (leaves_.size() >= most_leaves || !model::is_twin_id(model::twin_id(node_(), device))) {
      refused_.add();
      return ignored;
    }
    auto leaf = std::make_unique<Leaf>();
    leaf->rule = &rule;
    leaf->device = device;
    leaf->feature = filled(rule.feature, *stars);
    leaf->property = filled(rule.property, *stars);
    leaf->series = series;
    leaf->time.ns = INT64_MIN;
    leaves_.push_back(std::move(leaf));
    return static_cast<std::uint32_t>(leaves_.size());
  }
  return ignored;
}

bool TelemetryTwins::is_news(const Leaf& leaf) const {
  if (!leaf.was_told || leaf.kind == model::Kind::text) return true;
  if (leaf.kind == model::Kind::boolean) return leaf.number != leaf.told;
  const double moved = std::abs(leaf.number - leaf.told);
  return !(moved <= leaf.rule->deadband) || std::isnan(moved);
}

void TelemetryTwins::plan(const Leaf& leaf) {
  const base::Instant now = world_.loop().now();
  const base::Instant at = std::max(leaf.not_before, now);
  if (timer_ != os::TimerId::none && timer_at_ <= at) return;
  world_.loop().cancel(timer_);
  timer_at_ = at;
  timer_ = world_.loop().after(at - now, [this] {
    timer_ = os::TimerId::none;
    flush();
  });
}

void TelemetryTwins::flush() {
  const base::Instant now = world_.loop().now();
  std::vector<Leaf*> due;
  std::erase_if(waiting_, [&](Leaf* leaf) {
    if (leaf->not_before > now) return false;
    due.push_back(leaf);
    return true;
  });
  std::ranges::sort(due, {}, [](const Leaf* leaf) { return std::string_view(leaf->device); });
  for (std::size_t begin = 0, end = 0; begin < due.size(); begin = end) {
    while (end < due.size() && due[end]->device == due[begin]->device) ++end;
    edit(std::span(due).subspan(begin, end - begin));
  }
  if (!due.empty()) twins_.commit([] {});   // nobody waits for it, but the log shall not gather
  const auto next = std::ranges::min_element(waiting_, {}, [](const Leaf* l) { return l->not_before; });
  if (next == waiting_.end()) return;
  timer_at_ = std::max((*next)->not_before, now + least_wait);
  timer_ = world_.loop().after(timer_at_ - now, [this] {
    timer_ = os::TimerId::none;
    flush();
  });
}

namespace {

// Members of nested objects in order, so that each object is opened once.
struct Tree {
  std::map<std::string, Tree> below;
  std::string json;

  void put(std::string_view path, std::string value) {
    Tree* at = this;
    while (true) {
      const std::size_t slash = path.find('/');
      at = &at->below[std::string(path.substr(0, slash))];
      if (slash == std::string_view::npos) break;
      path.remove_prefix(slash + 1);
    }
    at->json = std::move(value);
  }
  void write(base::JsonWriter& out) const {
    if (below.empty()) {
      out.raw(json);
      return;
    }
    out.begin_object();
    for (const auto& [name, tree] : below) {
      out.key(name);
      tree.write(out);
    }
    out.end_object();
  }
};

}  // namespace

void TelemetryTwins::edit(std::span<Leaf* const> of_one_device) {
  const base::Instant now = world_.loop().now();
  std::map<std::string_view, Tree> features;
  base::JsonWriter json;
  json.begin_object();
  bool history = false;
  for (Leaf* leaf : of_one_device) {
    base::JsonWriter value;
    if (leaf->kind == model::Kind::int64) value.value(leaf->integer);
    else if (leaf->kind == model::Kind::boolean) value.value(leaf->number != 0);
    else if (leaf->kind == model::Kind::text) value.value(leaf->text);
    else value.value(leaf->number);
    features[leaf->feature].put(leaf->property, value.take());
    if (!leaf->was_told) {
      if (!std::exchange(history, true)) json.key("attributes").begin_object().key("history").begin_object();
      json.field(leaf->feature + '/' + leaf->property, leaf->series);
    }
    leaf->told = leaf->number;
    leaf->was_told = true;
    leaf->waiting = false;
    leaf->not_before = now + leaf->rule->min_interval;
  }
  if (history) json.end_object().end_object();
  json.key("features").begin_object();
  for (const auto& [name, tree] : features) {
    json.key(name).begin_object().key("properties");
    tree.write(json);
    json.end_object();
  }
  json.end_object().end_object();
  editing_ = true;
  const auto edited = twins_.edit(model::twin_id(node_(), of_one_device.front()->device),
                                  {engine::TwinEdit::Kind::merge, "", json.text()});
  editing_ = false;
  edits_.add();
  if (edited) return;
  refused_.add();
  base::log::debug("twins", "a reading could not update a twin",
                   {{"device", of_one_device.front()->device}, {"why", edited.error()}});
  for (Leaf* leaf : of_one_device) leaf->was_told = false;   // to be told with the next reading
}

}  // namespace selvedge::node
