// ModelKind: models to serve, of the node's twin: features/models/desiredProperties/<name> =
// {"version": N, "digest": hex, "priority": 0..9, "also": [versions beside it]}.
//
// The artifact is fetched, verified and held like any other, then loaded; only when the new version
// serves do those that are not wished for any more go. If it fails, what served before serves on,
// also after a restart, and the reason is reported. docs/spec/reconcile.md.

#pragma once

#include <set>

#include "base/json_pointer.h"
#include "node/fetcher.h"
#include "node/held_models.h"
#include "node/reconcile_kind.h"

namespace selvedge::node {

// As wished for one name.
struct ModelWish {
  std::uint64_t version = 0;
  std::optional<model::Sha256> digest;
  std::uint8_t priority = 0;
  std::set<std::uint64_t> also;                    // without `version`

  std::set<std::uint64_t> versions() const;
};
base::Result<ModelWish> parse_model_wish(const std::string& json);

class ModelKind final : public ReconcileKind {
 public:
  ModelKind(os::Loop& loop, Fetcher& fetcher, store::ArtifactStore& store, HeldModels& held)
      : loop_(loop), fetcher_(fetcher), store_(store), held_(held) {}

  // Before the reconciler starts: loads what worked last (name and wish), where another version is
  // wished for by now that may never work.
  void restore(const engine::Twin& twin, const std::map<std::string, std::string>& good);
  bool is_wished(const std::string& name) const { return items_.contains(name); }

  engine::KindRule rule() const override;
  std::string_view feature() const override { return "models"; }
  void wished(const engine::Twin& twin, const Item& item) const override {
    each_wished_object(twin, feature(), item);
  }
  void running(const Item&) const override {}      // nothing serves when the program starts
  void start(const engine::StartAction& action, Done done) override;
  void cancel(const engine::CancelAction& action) override;
  std::string status_path(std::string_view name) const override { return "/" + base::pointer_token(name); }
  void report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const override;
  std::string item_of(std::string_view path) const override { return take_part(path); }

 private:
  struct Wanted {
    std::uint64_t action = 0;                      // under way; 0: none
    Done done;
    ModelWish wish;
    std::vector<std::uint64_t> left;               // versions to bring, the next one last
    std::optional<ActionEnd> trouble;              // the first
    std::set<std::uint64_t> stayed;                // versions of `wish` that came, or never went
    std::set<std::uint64_t> applied;               // versions of the wish that worked last
    std::optional<model::Sha256> digest;           // of what serves as wished
    std::uint64_t have = 0, size = 0;
    base::Instant told{};
  };

  void bring_back(const std::string& name, const std::set<std::uint64_t>& anyway);
  void remove(const std::string& name, Done done);
  void next(const std::string& name, std::uint64_t action);
  void fetch(const std::string& name, std::uint64_t action, std::uint64_t version);
  void load(const std::string& name, std::uint64_t action, std::uint64_t version);
  void failed(const std::string& name, std::uint64_t action, std::uint64_t version, ActionEnd end);
  void finish(const std::string& name);
  void note_what_stayed(const std::string& name);
  void keep_on_disk(const std::string& name);
  void drop_others(const std::string& name, const std::set<std::uint64_t>& wanted);
  void progress(const std::string& name, std::uint64_t action, std::uint64_t have, std::uint64_t size);
  Wanted* current(const std::string& name, std::uint64_t action);

  os::Loop& loop_;
  Fetcher& fetcher_;
  store::ArtifactStore& store_;
  HeldModels& held_;
  std::map<std::string, Wanted> items_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
