// ReconcileKind: one kind of thing that a node's twin wishes for, as the Reconciler drives it: where
// the wishes lie in the twin, what runs, how to start and cancel an action, what to report.
//
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/reconcile/reconcile.h"
#include "engine/twin/twin.h"

namespace selvedge::node {

struct ActionEnd {
  engine::Finished::Outcome outcome = engine::Finished::Outcome::done;
  std::string reason;
  engine::Finished::Left left = engine::Finished::Left::as_it_was;
};

// One leaf to report: a pointer below the feature's properties ("/pump/state"), and JSON; empty JSON
// removes what is there.
struct ReportedLeaf {
  std::string path, json;
};

class ReconcileKind {
 public:
  using Item = std::function<void(std::string name, std::string value)>;
  using Done = std::function<void(ActionEnd end)>;
  // An action goes on, and perhaps there is more to report of its item.
  using Progress = std::function<void(const std::string& name, std::uint64_t action)>;

  virtual ~ReconcileKind() = default;

  virtual engine::KindRule rule() const = 0;
  virtual std::string_view feature() const = 0;            // of the node's twin

  // Every wish. The same wish must give the same text.
  virtual void wished(const engine::Twin& twin, const Item& item) const = 0;
  // What runs, as the text it was wished with, when the node starts.
  virtual void running(const Item& item) const = 0;

  // `done` once, perhaps at once. A value of none: remove the item.
  virtual void start(const engine::StartAction& action, Done done) = 0;
  // Ends the action; its `done` is then called with `cancelled`, if it was not called before.
  virtual void cancel(const engine::CancelAction& action) = 0;
  void on_progress(Progress told) { progress_ = std::move(told); }

  // Where the item's state lies ("/pump"), and what else there is to say of it.
  virtual std::string status_path(std::string_view name) const = 0;
  virtual void report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const = 0;
  // The item whose status a pointer below the feature's properties belongs to; "" if none.
  virtual std::string item_of(std::string_view path) const = 0;

 protected:
  void progressed(const std::string& name, std::uint64_t action) {
    if (progress_) progress_(name, action);
  }

 private:
  Progress progress_;
};

// Takes the first part off a pointer and gives its name.
std::string take_part(std::string_view& pointer);
std::string json_text(std::string_view text);

// Wishes that are objects: features/<feature>/desiredProperties/<name>/..., each with the text of its JSON.
void each_wished_object(const engine::Twin& twin, std::string_view feature,
                        const ReconcileKind::Item& item);

}  // namespace selvedge::node
