// ArtifactKind: artifacts to hold, of the node's twin: features/artifacts/desiredProperties/<name> =
// {"version": N, "digest": hex, "pinned": bool, "priority": 0..9}. The Fetcher brings and verifies them; one that is no longer
// wished goes when room is needed.
//
// Progress is reported once a second at most.

#pragma once

#include "node/fetcher.h"
#include "node/reconcile_kind.h"
#include "os/loop.h"
#include "base/json_pointer.h"

namespace selvedge::node {

class ArtifactKind final : public ReconcileKind {
 public:
  ArtifactKind(os::Loop& loop, Fetcher& fetcher) : loop_(loop), fetcher_(fetcher) {}

  engine::KindRule rule() const override;
  std::string_view feature() const override { return "artifacts"; }
  void wished(const engine::Twin& twin, const Item& item) const override {
    each_wished_object(twin, feature(), item);
  }
  void running(const Item&) const override {}   // what is on disk is found, verified and held anew
  void start(const engine::StartAction& action, Done done) override;
  void cancel(const engine::CancelAction& action) override;
  std::string status_path(std::string_view name) const override { return "/" + base::pointer_token(name); }
  void report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const override;
  std::string item_of(std::string_view path) const override { return take_part(path); }

 private:
  struct Seen {
    std::uint64_t action = 0;                   // under way; 0: none
    std::uint64_t have = 0, size = 0;
    base::Instant told{};
    std::optional<HeldArtifact> held;
  };

  void progress(const std::string& name, std::uint64_t action, std::uint64_t have, std::uint64_t size);

  os::Loop& loop_;
  Fetcher& fetcher_;
  std::map<std::string, Seen> seen_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
