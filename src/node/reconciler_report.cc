// What the reconciler says in the node's twin: one merge patch for all that changed in a turn.

#include <map>

#include "base/json.h"
#include "base/log.h"
#include "node/reconciler_state.h"
#include "base/json_pointer.h"

namespace selvedge::node {
namespace {

constexpr base::Duration report_again = std::chrono::seconds(10);

// Leaves by pointer as one JSON document.
struct Tree {
  std::string json;                      // of a leaf
  std::map<std::string, Tree> members;

  void put(std::string_view pointer, std::string_view value) {
    Tree* at = this;
    while (!pointer.empty()) at = &at->members[take_part(pointer)];
    at->json = value;
    at->members.clear();                 // what was put beneath goes with it
  }
  void write(base::JsonWriter& to) const {
    if (members.empty()) {
      to.raw(json);
      return;
    }
    to.begin_object();
    for (const auto& [name, member] : members) {
      to.key(name);
      member.write(to);
    }
    to.end_object();
  }
};

}  // namespace

void Reconciler::State::report_soon() {
  if (std::exchange(report_planned, true)) return;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->report_planned = false;
    self->write_reports();
  });
}

void Reconciler::State::write_reports() {
  if (id.empty()) return;
  const engine::Twin* twin = twins.find(id);
  const auto same = [&](std::string_view feature, const ReportedLeaf& leaf) {
    const std::string path = "/" + std::string(feature) + leaf.path;
    const std::string_view there =
        twin == nullptr ? std::string_view() : twin->leaf(model::TwinPart::reported, path);
    return there == leaf.json;
  };
  const std::string at = json_text(base::to_iso8601(world.loop().wall_now()));
  for (const auto& [key, report] : reports) {
    const ReconcileKind* const one = kind(key.kind);
    std::vector<ReportedLeaf> said;
    one->report(report, said);
    const std::string status = one->status_path(key.name);
    auto& to = leaves[std::string(one->feature())];
    if (report.state == engine::ItemState::removed) {
      said.push_back({status, ""});
      to.insert(to.end(), said.begin(), said.end());
      continue;
    }
    said.push_back({status + "/state", json_text(engine::name(report.state))});
    said.push_back({status + "/attempts", std::to_string(report.attempts)});
    said.push_back({status + "/reason", report.reason.empty() ? "" : json_text(report.reason)});
    std::erase_if(said, [&](const ReportedLeaf& leaf) { return same(one->feature(), leaf); });
    if (said.empty()) continue;
    said.push_back({status + "/at", at});
    to.insert(to.end(), said.begin(), said.end());
  }
  reports.clear();
  std::erase_if(leaves, [](const auto& feature) { return feature.second.empty(); });
  write_leaves();
}

void Reconciler::State::write_leaves() {
  if (leaves.empty()) return;
  Tree tree;
  for (const auto& [feature, all] : leaves)
    for (const ReportedLeaf& leaf : all)
      tree.put("/features/" + base::pointer_token(feature) + "/properties" + leaf.path,
               leaf.json.empty() ? "null" : std::string_view(leaf.json));
  base::JsonWriter json;
  tree.write(json);
  const auto edited = twins.edit(id, {engine::TwinEdit::Kind::merge, "", json.text()});
  if (edited) {
    leaves.clear();
    twins.commit([] {});
    return;
  }
  base::log::warn("reconcile", "cannot report in the node's twin", {{"why", edited.error()}});
  if (edited.error().code != base::Code::exhausted) {
    leaves.clear();
    return;
  }
  if (report_timer != os::TimerId::none) return;
  report_timer = world.loop().after(report_again, [this] {
    report_timer = os::TimerId::none;
    write_leaves();
  });
}

void Reconciler::report_facts(std::string_view properties) {
  State& s = *state_;
  const auto edited =
      s.twins.edit(s.id, {engine::TwinEdit::Kind::merge, "",
                          "{\"features\":{\"node\":{\"properties\":" + std::string(properties) + "}}}"});
  if (!edited) base::log::warn("reconcile", "cannot report what this node is", {{"why", edited.error()}});
  s.twins.commit([] {});
}

}  // namespace selvedge::node
