// Loop: the turn of one thread: timers, work handed to a pool, and calls from other threads.
//
// One loop thread owns all mutable state of a program; everything in os/ belongs to it except
// Loop::post. The fake loop in os/fake runs the same code on virtual time.

#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace selvedge::os {

// Names a timer. Zero names none; cancelling it, or one that has fired, does nothing.
enum class TimerId : std::uint64_t { none = 0 };

class Loop {
 public:
  virtual ~Loop() = default;

  virtual base::Instant now() const = 0;   // monotonic; constant within one turn
  virtual base::Time wall_now() const = 0; // may jump

  // Calls `what` once, `delay` from now, never from within this call.
  virtual TimerId after(base::Duration delay, std::function<void()> what) = 0;
  virtual void cancel(TimerId timer) = 0;

  // Calls `what` when the present turn's events are all handled, before output is flushed and
  // before the loop sleeps. Group work of one turn (a commit, one write a connection) starts here.
  virtual void defer(std::function<void()> what) = 0;

  // Runs `job` on a pool thread (blocking or heavy work on values), then `done` on the loop.
  // Jobs of one `lane` run one after the other in the order given; different lanes run in parallel.
  virtual void work(std::uint32_t lane, std::function<void()> job, std::function<void()> done) = 0;

  // For heavy work that would else keep short jobs waiting: so many threads of the pool more. They
  // start when they are needed.
  virtual void add_workers(unsigned) {}

  // The one call allowed from other threads: runs `what` on the loop.
  virtual void post(std::function<void()> what) = 0;
};

}  // namespace selvedge::os
