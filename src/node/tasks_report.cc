// What is said of tasks in the node's twin.

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "codec/task/task.h"
#include "node/tasks_state.h"

namespace selvedge::node {

namespace {

constexpr base::Duration between_reports = std::chrono::milliseconds(200);
constexpr base::Duration report_again = std::chrono::seconds(10);

}  // namespace

void Tasks::State::report(const engine::TaskReport& said) {
  std::optional<model::TaskStatus> status = said.status;
  if (site != nullptr && status && status->state == model::TaskState::failed && lent.contains(said.name)) site->give_up(said.name);
  if (!status) {
    artifacts.release(said.name);
    whys.erase(said.name);
    if (const auto log = logs.extract(said.name)) log.mapped()->end();
    world.loop().work(
        lane(said.name),
        [&w = world, root = place.root, name = said.name] {
          base::ignore(remove_task_folder(w, root, name), "the next start of the node removes it");
        },
        [] {});
  } else if (const auto why = whys.find(said.name); why != whys.end() && status->exit) {
    if (status->state == model::TaskState::waiting || status->state == model::TaskState::failed)
      status->reason += (status->reason.empty() ? "" : "; ") + why->second;
  }
  reports[said.name] = std::move(status);
  report_soon();
  check_heard();
}

void Tasks::State::check_heard() {
  if (revision.empty() || revision == heard || phase != Phase::running) return;
  bool leaving = false;
  supervisor.each([&](const std::string& name, const model::TaskStatus&) { leaving = leaving || !wished.contains(name); });
  if (leaving) return;
  heard = revision;
  report_soon();
}

// At once, and then not again for a moment.
void Tasks::State::report_soon() {
  if (report_planned || report_timer != os::TimerId::none || phase == Phase::stopped) return;
  const base::Duration left = reported.ns == 0 ? base::Duration{} : between_reports - (world.loop().now() - reported);
  if (left > base::Duration{}) {
    report_timer = world.loop().after(left, [this] {
      report_timer = os::TimerId::none;
      report_soon();
    });
    return;
  }
  report_planned = true;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->report_planned = false;
    self->write_reports();
  });
}

void Tasks::State::write_reports() {
  if (phase != Phase::running) return;
  const engine::Twin* twin = twins.find(id());
  const bool heard_is_new = !heard.empty() && (twin == nullptr || twin->leaf(model::TwinPart::reported, "/tasks/_heard") != heard);
  if (reports.empty() && !heard_is_new) return;
  reported = world.loop().now();
  base::JsonWriter json;
  json.begin_object().key("features").begin_object().key(tasks_feature).begin_object().key("properties").begin_object();
  for (const auto& [name, status] : reports) {
    json.key(name);
    if (!status) {
      json.null();
      continue;
    }
    json.begin_object();
    for (const auto& member : codec::task::status_members(*status))
      json.key(member.name).raw(member.json.empty() ? "null" : std::string_view(member.json));
    json.end_object();
  }
  if (heard_is_new) json.key("_heard").raw(heard);
  json.end_object().end_object().end_object().end_object();
  const auto edited = twins.edit(id(), {engine::TwinEdit::Kind::merge, "", json.text()});
  if (edited) {
    reports.clear();
    twins.commit([] {});
    return;
  }
  base::log::warn("tasks", "cannot report in the node's twin", {{"why", edited.error()}});
  if (edited.error().code != base::Code::exhausted) return reports.clear();
  report_timer = world.loop().after(report_again, [this] {
    report_timer = os::TimerId::none;
    report_soon();
  });
}

}  // namespace selvedge::node
