// Reconciler::State, private to reconciler.cc (driving) and reconciler_report.cc (what is said).

#pragma once

#include <deque>
#include <set>

#include "node/reconciler.h"

namespace selvedge::node {

struct Reconciler::State : std::enable_shared_from_this<Reconciler::State> {
  State(os::World& w, store::TwinStore& t, std::vector<std::unique_ptr<ReconcileKind>> k,
        base::Registry& metrics);
  ~State();

  // reconciler.cc
  void read_wishes();
  void read_wishes_soon();
  void feed(engine::ReconcileInput input);       // takes effect in order, also from within
  void drain();
  void carry_out(engine::ReconcileOutputs out);
  void start_action(const engine::StartAction& start);
  void progressed(const engine::ItemKey& key, std::uint64_t action);
  void observe(const ReconcileKind& kind);
  void save();
  void saved(const base::Result<void>& outcome);
  void arm();
  ReconcileKind* kind(std::string_view name) const;

  // reconciler_report.cc
  void report_soon();
  void write_reports();
  void write_leaves();

  os::World& world;
  store::TwinStore& twins;
  std::vector<std::unique_ptr<ReconcileKind>> kinds;   // in the order of their rules
  std::unique_ptr<engine::Reconcile> engine;
  std::shared_ptr<os::Dir> dir;                        // shared with jobs on the pool
  std::string id;                                      // of the twin; empty: not started
  std::map<std::string, std::set<std::string>> wished; // names by kind, as last read
  std::uint64_t readings = 0;                          // of wishes: their revision
  bool read_planned = false, draining = false;
  std::deque<engine::ReconcileInput> inputs;
  // Saving: one write at a time; starts that must not run before it is on disk.
  bool saving = false, dirty = false;
  std::vector<engine::StartAction> held_back, next_held_back;
  // Reports.
  std::map<engine::ItemKey, engine::ItemReport> reports;  // to be written
  std::map<std::string, std::vector<ReportedLeaf>> leaves; // by feature, to be written
  bool report_planned = false;
  std::string retried;                                 // value of the wish to retry
  os::TimerId timer = os::TimerId::none, report_timer = os::TimerId::none;
  base::Instant timer_at{};
  store::TwinStore::WatchId watch = 0;
};

}  // namespace selvedge::node
