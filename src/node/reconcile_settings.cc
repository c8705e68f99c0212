#include "node/reconcile_settings.h"
#include "base/json_pointer.h"

#include <algorithm>

namespace selvedge::node {

engine::KindRule SettingKind::rule() const {
  engine::KindRule rule{.kind = "setting", .attempts = 5};
  rule.good = engine::KindRule::Good::kept;
  return rule;
}

void SettingKind::wished(const engine::Twin& twin, const Item& item) const {
  paths_.clear();
  constexpr std::string_view prefix = "/settings";
  twin.each([&](model::TwinPart part, std::string_view path, std::string_view value, model::Stamp) {
    if (part != model::TwinPart::desired || !path.starts_with("/settings/")) return;
    path.remove_prefix(prefix.size());
    std::string key;
    for (std::string_view rest = path; !rest.empty();) key += (key.empty() ? "" : ".") + take_part(rest);
    paths_[key] = path;
    item(std::move(key), std::string(value));
  });
}

void SettingKind::running(const Item& item) const {
  for (const auto& [key, json] : settings_.wishes()) item(key, json);
}

void SettingKind::start(const engine::StartAction& action, Done done) {
  const auto set = action.value ? settings_.set(action.key.name, *action.value)
                                : settings_.unset(action.key.name);
  if (set) return done({});
  using Outcome = engine::Finished::Outcome;
  done({set.error().code == base::Code::invalid_input ? Outcome::impossible : Outcome::failed,
        set.error().message});
}

std::string SettingKind::status_path(std::string_view name) const {
  return "/status/" + base::pointer_token(name);
}

std::string SettingKind::item_of(std::string_view path) const {
  return take_part(path) == "status" ? take_part(path) : std::string();
}

void SettingKind::report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const {
  const std::string& key = report.key.name;
  const auto at = paths_.find(key);
  std::string path = at != paths_.end() ? at->second : "/" + key;
  if (at == paths_.end()) std::ranges::replace(path, '.', '/');
  const auto wish = settings_.wishes().find(key);
  leaves.push_back({path, wish == settings_.wishes().end() ? "" : wish->second});
}

}  // namespace selvedge::node
