// SettingKind: settings of the node's twin: features/settings/desiredProperties/log/level is the key
// "log.level". What is applied is reported under the same path, its state under status/log.level.

#pragma once

#include "node/live_settings.h"
#include "node/reconcile_kind.h"

namespace selvedge::node {

class SettingKind final : public ReconcileKind {
 public:
  explicit SettingKind(LiveSettings& settings) : settings_(settings) {}

  engine::KindRule rule() const override;
  std::string_view feature() const override { return "settings"; }
  void wished(const engine::Twin& twin, const Item& item) const override;
  void running(const Item& item) const override;
  void start(const engine::StartAction& action, Done done) override;
  void cancel(const engine::CancelAction&) override {}    // nothing is ever in flight
  std::string status_path(std::string_view name) const override;
  void report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const override;
  std::string item_of(std::string_view path) const override;

 private:
  LiveSettings& settings_;
  mutable std::map<std::string, std::string> paths_;      // of keys, as they were wished
};

}  // namespace selvedge::node
