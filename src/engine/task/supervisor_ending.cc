// What the end of a run means, and what trouble costs.

#include <algorithm>

#include "engine/task/supervisor_state.h"

namespace selvedge::engine {
namespace {

std::string said(std::int32_t status) {
  return status >= 0 ? "exit status " + std::to_string(status) : "ended by signal " + std::to_string(-status);
}

}  // namespace

// `status` is none where there was no process.
void TaskSupervisor::State::ended(Entry& e, std::optional<std::int32_t> status) {
  const Run run = std::exchange(e.run, {});
  if (run.preparation != 0 && run.preparation != e.preparation.id)
    out->abandons.push_back({e.name, run.preparation});
  out->save = true;
  const bool finished_well = status == 0 && run.mode == model::TaskMode::job;
  if (run.print != e.print) {                    // the account is of another value by now
    if (finished_well) note_finished(e.name, run.print);
    return;
  }
  if (status) e.account.exit = status;
  if (!run.limits.empty()) e.account.limits = run.limits;
  // A job that says it is done is, also if it was asked to end just then; one that breaks off must say otherwise.
  if (finished_well) {
    e.account.verdict = Account::Verdict::done;
    e.account.reason.clear();
    return;
  }
  switch (run.cause) {
    case Cause::unwished:
    case Cause::replaced:
    case Cause::held: return;                    // no fault of its own: it goes on another time
    case Cause::time_limit:
    case Cause::unhealthy: return count_failure(e, run.why);
    case Cause::none: break;
  }
  if (!status) return;
  if (*status == 0 && e.wish && e.wish->mode == model::TaskMode::cron) return e.account.reason.clear();
  // Steady is what ran long enough, though nobody may have looked in between.
  if (e.wish && e.wish->mode == model::TaskMode::service && run.phase == Run::Phase::running &&
      clock.now - run.started >= e.wish->restart.steady)
    e.account.failures = e.account.interruptions = 0;
  count_failure(e, said(*status));
}

void TaskSupervisor::State::count_failure(Entry& e, std::string reason) {
  ++stats.failures;
  Account& a = e.account;
  a.reason = bounded(reason);
  out->save = true;
  if (!e.wish) return;
  if (e.wish->mode == model::TaskMode::cron) return;       // its next time comes
  ++a.failures;
  const bool over = e.wish->mode == model::TaskMode::job
                        ? a.failures > e.wish->retries
                        : e.wish->restart.attempts > 0 && a.failures >= e.wish->restart.attempts;
  if (over) {
    a.verdict = Account::Verdict::failed;
    return;
  }
  ++a.restarts;
  e.due = clock.now + pause(e, a.failures);
}

// The program ended during a run, and the run with it, nobody knows how.
void TaskSupervisor::State::interrupted(Entry& e) {
  ++stats.interrupted;
  const Run run = std::exchange(e.run, {});
  if (run.preparation != 0) out->abandons.push_back({e.name, run.preparation});
  out->save = true;
  if (run.print != e.print || !e.wish) return;
  Account& a = e.account;
  a.reason = "run " + std::to_string(run.number) + " was cut off when the node stopped";
  switch (e.wish->mode) {
    case model::TaskMode::cron: return;
    case model::TaskMode::service:
      ++a.restarts;
      ++a.interruptions;                         // for the pause alone: it may be what stops the machine
      return;
    case model::TaskMode::job:
      ++a.restarts;
      if (++a.interruptions >= limits.interruptions) {
        a.verdict = Account::Verdict::failed;
        a.reason = "it was cut off " + std::to_string(a.interruptions) + " times when the node stopped";
      }
      return;
  }
}

void TaskSupervisor::State::unwell(Entry& e, std::string_view reason) {
  const model::TaskHealth& health = e.wish->health;
  const bool grace = clock.now < e.run.started + health.grace;
  e.run.check_due = clock.now + (grace && !e.run.healthy.value_or(false) ? std::min(health.every, check_again) : health.every);
  e.account.reason = bounded(reason);
  if (grace) return;
  e.run.healthy = false;
  ++e.run.unwell;
}

void TaskSupervisor::State::note_finished(const std::string& name, const Print& print) {
  std::erase_if(finished, [&](const auto& one) { return one.first == name; });
  if (limits.finished == 0) return;
  if (finished.size() >= limits.finished) finished.pop_front();
  finished.emplace_back(name, print);
}

// Doubles with each failure; half of it is spread. The same seed, task and run give the same.
base::Duration TaskSupervisor::State::pause(const Entry& e, std::uint32_t failures) const {
  const model::TaskRestart rule = e.wish ? e.wish->restart : model::TaskRestart{};
  base::Duration bound = rule.backoff_first;
  for (std::uint32_t n = 1; n < failures && bound < rule.backoff_most; ++n) bound *= 2;
  bound = std::min(bound, rule.backoff_most);
  std::uint64_t hash = 14'695'981'039'346'656'037ULL ^ seed;       // FNV-1a
  const auto mix = [&](std::uint64_t byte) { hash = (hash ^ byte) * 1'099'511'628'211ULL; };
  for (const char c : e.name) mix(static_cast<unsigned char>(c));
  for (int shift = 0; shift < 32; shift += 8) mix(e.runs >> shift & 0xFF);
  mix(failures & 0xFF);
  return bound / 2 + base::Duration(bound.count() / 2 / 1'024 * static_cast<std::int64_t>(hash >> 20 & 0x3FF));
}

}  // namespace selvedge::engine
