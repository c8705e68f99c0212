// TaskSupervisor: what a node does with the tasks that are wished of it: prepare, start, check, stop, start again.
//
// It promises, whatever the order of inputs and wherever the program is killed:
//   - of one task there is at most one run at a time; one that replaces another starts when that has ended
//   - no start before the save that knows of it (save_first), so that a run found later is known or a stray; a job
//     that ended well is never started again, not even after it was unwished for and wished for anew
//   - a run whose value is unchanged goes on, also over a restart of the program; what does not concern the run
//     (restart, health, schedule, limits of time, disconnect policy) changes under it
//   - a new value is prepared beside the run of the old one, and only when it is ready does the old one stop
//   - SIGTERM, then after stop_grace SIGKILL, again every few seconds until the end of the run is told
//
// Without the cloud: `keep` goes on; `stop` begins to stop `after` the last contact; `replace` holds a lease of `after`
// from the moment the node *sent* what the cloud answered, and has ended a thousandth of `after` and lease_margin before
// it ends. So two machines whose clocks run within a thousandth of each other never both run it, if the cloud counts
// from what it received, adds a thousandth, and withdraws the wish here before it wishes elsewhere. A machine that
// stood still (suspended, a stopped program) ends its tasks only when it goes on: `now` must count that time.
// Contact may be told only once every wish that the cloud had then was told. After a restart of the machine the lease
// goes by the wall clock if that is trusted, else it is over until the next contact.
//
// Schedules go by the wall clock in UTC. Times that passed while nothing could run, or while the clock leapt ahead, are
// made up for by one run; those that pass during a run are left out. A clock that goes back by more than five minutes
// begins the schedule anew from where it is, by less never repeats a time.
//
// Bounds: TaskSupervisorLimits; what is beyond is refused and counted. step(input, clock) -> outputs: no clock, no I/O,
// no randomness. Belongs to one thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/task.h"

namespace selvedge::engine {

struct TaskClock {
  base::Instant now;
  base::Time wall;
};

struct TaskSupervisorLimits {
  std::uint32_t tasks = model::TaskLimits::tasks;
  std::uint32_t finished = 1'000;                // jobs that ended well, by values wished for no more; the newest are kept
  std::uint32_t interruptions = 16;              // of a job by crashes, then it failed
};

using TaskValue = std::shared_ptr<const model::Task>;

// ---- inputs ----

// As codec/task reads it; no value: it is to be gone. One that cannot be read leaves what runs alone and is reported.
struct TaskWished {
  std::string name;
  std::optional<std::string> value;
};
enum class TaskOutcome : std::uint8_t {
  done,
  failed,                                        // tried again after a pause; counts
  impossible,                                    // trying again cannot help
  unavailable,                                   // not its fault (no link, no room): tried again, does not count
};
struct TaskPrepared {
  std::string name;
  std::uint64_t preparation = 0;
  TaskOutcome outcome = TaskOutcome::done;
  std::string reason;
};
// A start is answered with one of these, then a run that started with TaskExited, once.
struct TaskStarted {
  std::string name;
  std::uint64_t run = 0;
  std::string limits;                            // which hold, for people
};
struct TaskNotStarted {
  std::string name;
  std::uint64_t run = 0;
  TaskOutcome outcome = TaskOutcome::failed;
  std::string reason;
};
struct TaskExited {
  std::string name;
  std::uint64_t run = 0;
  std::int32_t status = 0;                       // or minus the signal
};
struct TaskChecked {
  std::string name;
  std::uint64_t check = 0;
  enum class Is : std::uint8_t { well, unwell } is = Is::well;
  std::string reason;
};
// The cloud answered what the node sent at `sent`, and every wish it had then was told.
struct TaskContact {
  base::Instant sent;
};
// The cloud, or the nodes of the site, say who holds a task; the highest epoch counts. A new value begins anew.
struct TaskLease {
  std::string name;
  std::uint64_t epoch = 0;
  enum class Is : std::uint8_t {
    held,
    paused,                                      // it must not run until it is held again, of this epoch or a higher
    lost,                                        // another node has it: until it is held of a higher
  } is = Is::held;
  std::string reason{};                          // why it is paused, for people
};
// Tries again at once what waits after a failure, and what gave up. No name: every task.
struct TaskRetry {
  std::string name;
};
// When the program starts: a run that goes on, or whose end is known but perhaps was not taken note of.
struct TaskFound {
  std::string name;
  std::uint64_t run = 0;
  std::optional<std::int32_t> exit;
  std::string limits;
};
// Every wish and run of the start was told; nothing is done before. `boot` names the start of the machine.
struct TaskBegin {
  std::string boot;
  enum class Wall : std::uint8_t { trusted, doubtful } wall = Wall::doubtful;
};
struct TaskTick {};                              // at or after wake_at()

using TaskInput = std::variant<TaskWished, TaskPrepared, TaskStarted, TaskNotStarted, TaskExited, TaskChecked,
                               TaskContact, TaskLease, TaskRetry, TaskFound, TaskBegin, TaskTick>;

// ---- outputs ----

// Fetch, verify and unpack what it needs, into a place that no other preparation or run has. Answer: TaskPrepared.
struct TaskPrepare {
  std::string name;
  std::uint64_t preparation = 0;
  TaskValue task;
};
// What this preparation brought, or still brings, is not needed; it is not answered any more.
struct TaskAbandon {
  std::string name;
  std::uint64_t preparation = 0;
};
struct TaskStart {
  std::string name;
  std::uint64_t run = 0, preparation = 0;
  TaskValue task;
};
// Of a run that did not say yet whether it started: end it as soon as it does, or do not start it.
struct TaskSignal {
  std::string name;
  std::uint64_t run = 0;
  enum class Signal : std::uint8_t { term, kill } signal = Signal::term;
};
struct TaskCheck {
  std::string name;
  std::uint64_t run = 0, check = 0;
  TaskValue task;                                // health, and its timeout
};
struct TaskReport {
  std::string name;
  std::optional<model::TaskStatus> status;       // none: it is gone, with all that was kept of it
};

// To be carried out after each step, in this order: write save() if `save`; then all but the starts; then starts.
// With `save_first` no start may be made before what save() says is on disk. Several steps may share one save.
struct TaskOutputs {
  bool save = false, save_first = false;
  std::vector<TaskAbandon> abandons;
  std::vector<TaskSignal> signals;
  std::vector<TaskPrepare> prepares;
  std::vector<TaskCheck> checks;
  std::vector<TaskReport> reports;
  std::vector<TaskStart> starts;

  void clear();
};

struct TaskSupervisorStats {
  std::uint64_t starts = 0, exits = 0, failures = 0, killed = 0, adopted = 0, interrupted = 0, skipped = 0, refused = 0;
};

class TaskSupervisor {
 public:
  // `seed` spreads pauses, so that a fleet that failed at one moment does not try again at one.
  TaskSupervisor(TaskSupervisorLimits limits, std::uint32_t seed);
  ~TaskSupervisor();

  // What an earlier run saved; before anything else. Code::corrupt: begin without it.
  base::Result<void> load(base::BytesView saved);
  void save(base::Bytes& out) const;

  void step(const TaskInput& input, TaskClock clock, TaskOutputs& out);
  std::optional<base::Instant> wake_at() const;

  // Every task as it would be reported now.
  void each(const std::function<void(const std::string& name, const model::TaskStatus&)>& visit) const;
  const TaskSupervisorStats& stats() const;

  struct State;                                  // supervisor_state.h

 private:
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
