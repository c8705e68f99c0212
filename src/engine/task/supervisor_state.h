// TaskSupervisor::State: the tasks and the rules between them. supervisor.cc takes inputs, supervisor_deciding.cc says
// what is to be done now, supervisor_ending.cc what the end of a run means, supervisor_saved.cc has the bytes.

#pragma once

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string_view>

#include "engine/task/supervisor.h"
#include "model/cron.h"

namespace selvedge::engine {

// The first half of SHA-256 of what concerns a run: with the same it need not be another run.
using TaskPrint = std::array<std::uint8_t, 16>;
TaskPrint run_print(const model::Task& task);
std::string bounded(std::string_view reason);

inline constexpr std::size_t most_task_reason = 512, most_boot_bytes = 64;
inline constexpr base::Duration kill_again = std::chrono::seconds(5);
inline constexpr base::Duration check_again = std::chrono::seconds(1);      // until it was well once
inline constexpr base::Duration contact_steps = std::chrono::seconds(30);   // contact is saved when so much newer
inline constexpr base::Duration clock_back = std::chrono::minutes(5);       // that far a wall clock may go back
inline constexpr base::Duration cron_look = std::chrono::minutes(1);        // it is looked at so often, as it may leap
inline constexpr std::uint32_t most_preparations = 8;                       // that fail in a row
inline constexpr std::size_t most_strays = 8;                               // of one task

struct TaskSupervisor::State {
  using Print = TaskPrint;

  // Why a run is being stopped.
  enum class Cause : std::uint8_t { none, unwished, replaced, held, time_limit, unhealthy };

  struct Preparation {
    enum class Phase : std::uint8_t { none, busy, ready, waiting, impossible } phase = Phase::none;
    Print print{};
    std::uint64_t id = 0;
    std::uint32_t failures = 0;
    base::Instant due{};                         // waiting: until then
    std::string reason;
  };

  // What a run is ended by, as of the newest value that concerns it.
  struct Terms {
    base::Duration grace{};
    model::TaskDisconnect disconnect;
  };

  struct Run {
    enum class Phase : std::uint8_t { none, starting, running, stopping } phase = Phase::none;
    std::uint64_t number = 0, generation = 0, preparation = 0;
    model::TaskMode mode = model::TaskMode::service;
    Print print{};
    Terms terms;
    base::Instant started{};
    std::string limits;
    Cause cause = Cause::none;
    std::string why;                             // in words, of `cause`
    base::Instant kill_at{};
    // Health.
    std::uint64_t check = 0;                     // in flight; 0: none
    base::Instant check_due{};                   // or when the one in flight is given up
    std::uint32_t unwell = 0;                    // in a row
    std::optional<bool> healthy;
    bool active() const { return phase != Phase::none; }
  };

  static Terms terms_of(const model::Task& task) { return {task.stop_grace, task.disconnect}; }

  // What was made of the newest value that was taken: kept until another print is wished for.
  struct Account {
    enum class Verdict : std::uint8_t { none, done, failed } verdict = Verdict::none;
    std::uint32_t restarts = 0, failures = 0, pauses = 0, interruptions = 0;   // failures: in a row, of a service
    std::optional<std::int32_t> exit;
    std::string reason;                          // of the last trouble
    std::string limits;                          // that held for the last run; not saved
    std::uint64_t epoch = 0;
    bool lost = false;
    std::string paused;                          // why; not saved: whoever paused it says so again after a restart
  };

  struct Entry {
    std::string name;
    bool wanted = false;                         // there is a wish, if perhaps one that cannot be read
    TaskValue wish;                              // the newest that was read
    std::optional<Print> print;                  // of it, and of the account
    std::string refused;                         // why the newest value was not taken
    std::optional<model::Cron> cron;
    Preparation preparation;
    Run run;
    Account account;
    std::uint64_t runs = 0;                      // the number of the last one
    std::optional<base::Instant> due;            // the end of a pause
    std::optional<base::Time> cron_base, cron_next;
    bool cron_due = false;
    std::vector<std::uint64_t> strays;           // runs nobody knows of, being killed
    base::Instant stray_kill{};
    std::optional<base::Instant> wake;           // in `timers`
    std::optional<model::TaskStatus> told;
    bool found = false;                          // before Begin: the run of `load` is there
    std::optional<std::int32_t> found_exit;
  };

  // supervisor.cc
  void take(const TaskWished& input);
  void take(const TaskPrepared& input);
  void take(const TaskStarted& input);
  void take(const TaskNotStarted& input);
  void take(const TaskExited& input);
  void take(const TaskChecked& input);
  void take(const TaskContact& input);
  void take(const TaskLease& input);
  void take(const TaskRetry& input);
  void take(const TaskFound& input);
  void take(const TaskBegin& input);
  void take(const TaskTick& input);
  void consider_all();
  void adopt(Entry& entry, TaskValue task);
  void begin(Entry& entry);
  void refuse(const std::string& name, std::string reason);
  Entry* find(std::string_view name);
  Entry* find_or_make(const std::string& name);
  Entry* running(std::string_view name, std::uint64_t run);

  // supervisor_deciding.cc. consider() may erase the entry, so it comes last in its caller.
  void consider(Entry& entry);
  void consider_run(Entry& entry);
  void consider_start(Entry& entry);
  void consider_schedule(Entry& entry);
  void consider_health(Entry& entry);
  void prepare(Entry& entry);
  void abandon(Entry& entry);
  void start(Entry& entry);
  void stop(Entry& entry, Cause cause, std::string why);
  std::string held(const Entry& entry, const Terms& terms) const;
  std::optional<base::Instant> stop_at(const Terms& terms) const;
  void wake_by(Entry& entry, base::Instant at);
  void set_timer(Entry& entry);
  void erase(Entry& entry);

  // supervisor_ending.cc
  void ended(Entry& entry, std::optional<std::int32_t> status);
  void count_failure(Entry& entry, std::string reason);
  void interrupted(Entry& entry);
  void unwell(Entry& entry, std::string_view reason);
  void note_finished(const std::string& name, const Print& print);
  base::Duration pause(const Entry& entry, std::uint32_t failures) const;

  // supervisor_status.cc
  model::TaskStatus describe(const Entry& entry) const;
  void report(Entry& entry);

  State(TaskSupervisorLimits l, std::uint32_t s) : limits(l), seed(s) {}

  TaskSupervisorLimits limits;
  std::uint32_t seed;
  std::map<std::string, Entry, std::less<>> entries;
  std::set<std::pair<base::Instant, std::string>> timers;
  std::deque<std::pair<std::string, Print>> finished;      // jobs that are done, by values not wished for
  std::uint64_t preparations = 0, checks = 0;
  std::string boot;
  bool begun = false;
  std::optional<base::Instant> contact;          // newest, as of `boot`
  std::optional<base::Time> contact_wall;        // of the same
  base::Instant contact_saved{};
  base::Instant began{};
  TaskClock clock;                               // of the step being made
  TaskOutputs* out = nullptr;
  TaskSupervisorStats stats;
};

}  // namespace selvedge::engine
