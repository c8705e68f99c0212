// Reconciler: the node's own twin ("<node>:_node") is its desired state; this makes it come true.
//
// It reads the wishes of the twin, has engine::Reconcile decide what to do, and the kinds (settings,
// devices, artifacts, ...) do it. What came of each wish is reported in the same twin:
// `state` (pending, applied, failed), `reason`, `attempts` and `at`, only when something changed. What
// must survive a crash is in <state>/reconcile; a file that is damaged is left aside and everything
// is tried anew, which is harmless.
//
// features/reconcile/desiredProperties/retry: whenever its value changes, everything that rests after
// failures is tried again.
//
// When the twin store is full, reports wait and are tried again. docs/spec/reconcile.md. Belongs to the
// loop thread.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/reconcile/reconcile.h"
#include "node/reconcile_kind.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

// What an earlier run saved; Code::not_found if there is none.
base::Result<base::Bytes> read_reconcile_file(os::World& world, std::string_view state);
// The wishes of a kind in it that worked last: name and JSON. Of kinds that keep them.
std::map<std::string, std::string> good_wishes(base::BytesView saved, std::string_view kind);
inline std::map<std::string, std::string> good_settings(base::BytesView saved) { return good_wishes(saved, "setting"); }

class Reconciler {
 public:
  // `twins` must outlive this. Reads <state>/reconcile.
  static base::Result<std::unique_ptr<Reconciler>> open(
      os::World& world, std::string_view state, store::TwinStore& twins,
      std::vector<std::unique_ptr<ReconcileKind>> kinds, base::Registry& metrics);
  ~Reconciler();

  // Begins with the twin of this node. What needs no waiting is done when it returns. Called again
  // under another name, it goes on with that twin.
  void start(std::string node);
  // Says facts about the node in its twin: feature "node", JSON object of its properties.
  void report_facts(std::string_view properties);
  // Tries again what waits for its next attempt: the link is up.
  void hurry();
  // Tries again everything that failed, as often as a new wish.
  void retry();
  // Nothing is in flight, waits or is still to be written.
  bool settled() const;
  // Every item as JSON for people: [{"kind", "name", "state", "reason", "attempts"}].
  std::string items_json() const;

 private:
  struct State;
  explicit Reconciler(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
