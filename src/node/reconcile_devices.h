// DeviceKind: devices of the node's twin: features/devices/desiredProperties/<name> with `disabled`
// (true or false), `certificate` (the serial of the only certificate that is taken) and `revoked` (serials
// that are not). A device that may no longer be here is disconnected at once.

#pragma once

#include "node/devices.h"
#include "node/reconcile_kind.h"
#include "base/json_pointer.h"

namespace selvedge::node {

class DeviceKind final : public ReconcileKind {
 public:
  // `enforce` ends connections that the device may no longer have.
  DeviceKind(Devices& devices, std::function<void(const std::string& name)> enforce)
      : devices_(devices), enforce_(std::move(enforce)) {}

  engine::KindRule rule() const override { return {.kind = "device", .attempts = 5}; }
  std::string_view feature() const override { return "devices"; }
  void wished(const engine::Twin& twin, const Item& item) const override {
    each_wished_object(twin, feature(), item);
  }
  void running(const Item&) const override {}             // Devices forgets its wishes with the run
  void start(const engine::StartAction& action, Done done) override;
  void cancel(const engine::CancelAction&) override {}    // nothing is ever in flight
  std::string status_path(std::string_view name) const override { return "/" + base::pointer_token(name); }
  void report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const override;
  std::string item_of(std::string_view path) const override { return take_part(path); }

 private:
  Devices& devices_;
  std::function<void(const std::string&)> enforce_;
};

}  // namespace selvedge::node
