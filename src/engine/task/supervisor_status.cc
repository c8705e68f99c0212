// What is said of a task.

#include "engine/task/supervisor_state.h"

namespace selvedge::engine {

model::TaskStatus TaskSupervisor::State::describe(const Entry& e) const {
  using model::TaskState;
  model::TaskStatus status;
  const Account& a = e.account;
  status.run = e.runs;
  status.restarts = a.restarts;
  status.exit = a.exit;
  status.generation = e.run.active() ? e.run.generation : e.wish ? e.wish->generation : 0;
  status.limits = e.run.active() ? e.run.limits : a.limits;
  const Preparation& p = e.preparation;
  if (e.run.active()) {
    status.healthy = e.run.healthy;
    switch (e.run.phase) {
      case Run::Phase::starting: status.state = TaskState::starting; break;
      case Run::Phase::stopping: status.state = TaskState::stopping; break;
      default: status.state = TaskState::running; break;
    }
    if (e.run.phase == Run::Phase::stopping) {
      status.reason = e.run.why;
    } else if (!e.refused.empty()) {
      status.reason = e.refused;
    } else if (e.wish && e.run.print != e.print) {
      status.reason = "generation " + std::to_string(e.wish->generation) +
                      (p.reason.empty() ? " is made ready" : " cannot be made ready: " + p.reason);
    } else if (e.run.unwell > 0) {
      status.reason = a.reason;
    }
  } else if (!e.strays.empty()) {
    status.state = TaskState::stopping;
    status.reason = "an earlier run that nobody knows of is ended";
  } else if (!e.wish) {
    status.state = TaskState::failed;
    status.reason = e.refused;
  } else if (a.verdict == Account::Verdict::done) {
    status.state = TaskState::done;
    status.reason = e.refused;
  } else if (a.verdict == Account::Verdict::failed || p.phase == Preparation::Phase::impossible) {
    status.state = TaskState::failed;
    status.reason = a.verdict == Account::Verdict::failed ? a.reason : p.reason;
  } else if (const std::string why = held(e, terms_of(*e.wish)); !why.empty()) {
    status.state = TaskState::stopped;
    status.reason = why;
  } else {
    status.state = TaskState::waiting;
    if (!e.refused.empty()) status.reason = e.refused;
    else if (p.phase == Preparation::Phase::waiting) status.reason = p.reason;
    else if (e.cron && !e.cron_due && e.cron_next)
      status.reason = (a.reason.empty() ? "" : a.reason + "; ") + "next run at " + base::to_iso8601(*e.cron_next);
    else if (p.phase == Preparation::Phase::busy) status.reason = "it is made ready";
    else status.reason = a.reason;
  }
  status.since = e.told ? e.told->since : clock.wall;
  return status;
}

// Only what changed; the moment changes with the state, and with the run.
void TaskSupervisor::State::report(Entry& e) {
  model::TaskStatus status = describe(e);
  if (e.told && status == *e.told) return;
  if (e.told && (e.told->state != status.state || e.told->run != status.run)) status.since = clock.wall;
  e.told = status;
  out->reports.push_back({e.name, std::move(status)});
}

}  // namespace selvedge::engine
