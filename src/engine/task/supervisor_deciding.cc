// What is to be done now with one task.

#include <algorithm>

#include "engine/task/supervisor_state.h"

namespace selvedge::engine {

using Policy = model::TaskDisconnect::Policy;

void TaskSupervisor::State::consider(Entry& e) {
  if (!begun) return;
  if (e.wake) timers.erase({*e.wake, e.name});
  e.wake.reset();
  if (e.wanted && e.wish && e.cron) consider_schedule(e);
  if (e.run.active()) consider_run(e);
  if (!e.strays.empty()) {
    if (clock.now >= e.stray_kill) {
      for (const std::uint64_t run : e.strays) out->signals.push_back({e.name, run, TaskSignal::Signal::kill});
      e.stray_kill = clock.now + kill_again;
    }
    wake_by(e, e.stray_kill);
  }
  if (!e.run.active() && e.strays.empty()) {
    if (!e.wanted) return erase(e);
    if (e.wish) consider_start(e);
  }
  report(e);
  set_timer(e);
}

void TaskSupervisor::State::consider_run(Entry& e) {
  Run& run = e.run;
  if (run.phase != Run::Phase::stopping) {
    const bool as_wished = e.wish != nullptr && run.print == e.print;
    const std::string why = held(e, run.terms);
    if (!e.wanted) {
      stop(e, Cause::unwished, "it is not wished for any more");
    } else if (!why.empty()) {
      stop(e, Cause::held, why);
    } else if (e.wish && !as_wished) {
      if (e.account.verdict == Account::Verdict::none) prepare(e);
      if (e.preparation.phase == Preparation::Phase::ready || e.account.verdict == Account::Verdict::done)
        stop(e, Cause::replaced, "generation " + std::to_string(e.wish->generation) + " takes its place");
    } else if (as_wished) {
      const base::Instant steady = run.started + e.wish->restart.steady;
      const base::Instant limit = run.started + e.wish->time_limit;
      if (e.wish->time_limit > base::Duration{}) {
        if (clock.now >= limit)
          stop(e, Cause::time_limit, "it ran longer than " + base::to_string(e.wish->time_limit));
        else
          wake_by(e, limit);
      }
      if (e.wish->mode == model::TaskMode::service && run.phase == Run::Phase::running &&
          e.account.failures + e.account.interruptions > 0) {
        if (clock.now >= steady) {
          e.account.failures = e.account.interruptions = 0;
          out->save = true;
        } else {
          wake_by(e, steady);
        }
      }
      if (run.phase == Run::Phase::running && e.wish->health.wanted()) consider_health(e);
    }
    if (const auto at = stop_at(run.terms); at && run.phase != Run::Phase::stopping) wake_by(e, *at);
  }
  if (run.phase != Run::Phase::stopping) return;
  if (clock.now >= run.kill_at) {
    ++stats.killed;
    out->signals.push_back({e.name, run.number, TaskSignal::Signal::kill});
    run.kill_at = clock.now + kill_again;
  }
  wake_by(e, run.kill_at);
}

void TaskSupervisor::State::consider_start(Entry& e) {
  if (e.account.verdict != Account::Verdict::none) return abandon(e);
  const Terms terms = terms_of(*e.wish);
  if (!held(e, terms).empty()) return;
  if (const auto at = stop_at(terms)) wake_by(e, *at);
  prepare(e);
  if (e.cron && !e.cron_due) return;
  if (e.due && clock.now < *e.due) return wake_by(e, *e.due);
  e.due.reset();
  if (e.preparation.phase == Preparation::Phase::ready) start(e);
}

void TaskSupervisor::State::consider_schedule(Entry& e) {
  const base::Time wall = clock.wall;
  if (!e.cron_base || *e.cron_base - wall > clock_back) {
    e.cron_base = wall;
    e.cron_next.reset();
    out->save = true;
  }
  if (!e.cron_next) e.cron_next = e.cron->next_after(*e.cron_base);
  if (e.cron_next && *e.cron_next <= wall) {
    e.cron_base = wall;
    e.cron_next = e.cron->next_after(wall);
    if (e.run.active()) ++stats.skipped;
    else e.cron_due = true;
    out->save = true;
  }
  const base::Duration left = e.cron_next ? *e.cron_next - wall : cron_look;
  wake_by(e, clock.now + std::min(left, cron_look));
}

void TaskSupervisor::State::consider_health(Entry& e) {
  Run& run = e.run;
  if (clock.now >= run.check_due) {
    if (run.check != 0) {
      run.check = 0;
      unwell(e, "no answer");
    } else {
      run.check = ++checks;
      run.check_due = clock.now + e.wish->health.timeout + check_again;
      out->checks.push_back({e.name, run.number, run.check, e.wish});
    }
  }
  if (run.unwell >= e.wish->health.failures)
    return stop(e, Cause::unhealthy, "it is not well: " + e.account.reason);
  wake_by(e, run.check_due);
}

// The value that is wished for is made ready, beside what runs.
void TaskSupervisor::State::prepare(Entry& e) {
  Preparation& p = e.preparation;
  if (p.phase != Preparation::Phase::none && p.print != e.print) abandon(e);
  if (p.phase == Preparation::Phase::waiting) {
    if (clock.now < p.due) return wake_by(e, p.due);
    p.phase = Preparation::Phase::none;
  }
  if (p.phase != Preparation::Phase::none) return;
  if (p.print != e.print) p.failures = 0;
  p.phase = Preparation::Phase::busy;
  p.print = *e.print;
  p.id = ++preparations;
  out->prepares.push_back({e.name, p.id, e.wish});
}

// The one that a run uses is let go when that ends.
void TaskSupervisor::State::abandon(Entry& e) {
  Preparation& p = e.preparation;
  const bool there = p.phase == Preparation::Phase::busy || p.phase == Preparation::Phase::ready;
  if (there && !(e.run.active() && e.run.preparation == p.id)) out->abandons.push_back({e.name, p.id});
  p.phase = Preparation::Phase::none;
  p.id = 0;
  p.reason.clear();
}

void TaskSupervisor::State::start(Entry& e) {
  ++stats.starts;
  e.cron_due = false;
  e.run = {};
  e.run.phase = Run::Phase::starting;
  e.run.number = ++e.runs;
  e.run.generation = e.wish->generation;
  e.run.mode = e.wish->mode;
  e.run.preparation = e.preparation.id;
  e.run.print = *e.print;
  e.run.terms = terms_of(*e.wish);
  e.run.started = clock.now;
  out->save = out->save_first = true;
  out->starts.push_back({e.name, e.run.number, e.preparation.id, e.wish});
  if (const auto at = stop_at(e.run.terms)) wake_by(e, *at);
  if (e.wish->time_limit > base::Duration{}) wake_by(e, clock.now + e.wish->time_limit);
}

void TaskSupervisor::State::stop(Entry& e, Cause cause, std::string why) {
  e.run.phase = Run::Phase::stopping;
  e.run.cause = cause;
  e.run.why = bounded(why);
  e.run.kill_at = clock.now + e.run.terms.grace;
  out->save = true;                              // or its end, found after a crash, would count against it
  out->signals.push_back({e.name, e.run.number, TaskSignal::Signal::term});
}

// When a run must begin to end for want of contact.
std::optional<base::Instant> TaskSupervisor::State::stop_at(const Terms& terms) const {
  const base::Duration after = terms.disconnect.after;
  switch (terms.disconnect.policy) {
    case Policy::keep:
    case Policy::site: break;
    case Policy::stop: return contact.value_or(began) + after;
    case Policy::replace:
      if (!contact) return base::Instant{INT64_MIN};
      return *contact + (after - after / model::TaskLimits::drift - model::TaskLimits::lease_margin - terms.grace);
  }
  return std::nullopt;
}

// Why a task may not run now; "" if it may.
std::string TaskSupervisor::State::held(const Entry& e, const Terms& terms) const {
  if (e.account.lost) return "another node has it";
  if (!e.account.paused.empty()) return e.account.paused;
  const auto at = stop_at(terms);
  if (!at || clock.now < *at) return {};
  if (at->ns == INT64_MIN) return "it waits for the cloud, which may have given it to another node";
  const std::string gone = "the cloud was not heard of for " + base::to_string(terms.disconnect.after);
  return terms.disconnect.policy == Policy::replace ? gone + ", less what a stop takes: another node may get it" : gone;
}

void TaskSupervisor::State::wake_by(Entry& e, base::Instant at) {
  if (!e.wake || at < *e.wake) e.wake = at;
}

void TaskSupervisor::State::set_timer(Entry& e) {
  // What lies in the past was acted upon; a timer there would only be a loop.
  if (e.wake && *e.wake <= clock.now) e.wake = clock.now + base::Duration(1);
  if (e.wake) timers.insert({*e.wake, e.name});
}

void TaskSupervisor::State::erase(Entry& e) {
  abandon(e);
  if (e.account.verdict == Account::Verdict::done && e.print) note_finished(e.name, *e.print);
  out->save = true;
  out->reports.push_back({e.name, std::nullopt});
  entries.erase(entries.find(e.name));
}

}  // namespace selvedge::engine
