// A node's machine for the fleet of tasks: processes on virtual time under a real engine::TaskSupervisor, with what it has on disk.
//
// Its program can be killed (processes go on), its power cut (they do not). What a program saved is on disk; an answer that
// was on its way when the program was killed is lost. TaskLedger sees each process begin and end, and what must never be.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/task/supervisor.h"

namespace selvedge::sim {

// What lives, of all machines.
struct TaskLedger {
  std::map<std::string, std::map<std::string, int>, std::less<>> live;   // task -> node -> processes
  std::map<std::string, std::uint64_t> ended_well;  // "<task> <generation> on <node>"
  std::vector<std::string> breaches;
  std::uint64_t starts = 0, processes = 0, most_processes = 0, killed = 0;

  void begins(const std::string& task, const std::string& node);
  void ends(const std::string& task, const std::string& node);
};

class TaskMachine {
 public:
  TaskMachine(std::string name, std::uint64_t seed, TaskLedger& ledger);

  const std::string& name() const { return name_; }
  bool runs() const { return supervisor_ != nullptr; }
  bool powered() const { return powered_; }

  // ---- what comes over the link; the program runs ----
  void hear(std::map<std::string, std::string> wishes, std::string revision, base::Instant now);
  void contact(base::Instant sent, base::Instant now);
  const std::string& revision() const { return revision_; }
  // What it has to say, as a merge patch of its twin; "" nothing. It is said once.
  std::string take_reports();
  // Says everything again, also that what the twin still names, and it does not have, is gone.
  void say_all(const std::set<std::string>& in_twin);

  // ---- what happens to it ----
  void turn(base::Instant now);                    // at or after wake_at()
  base::Instant wake_at() const;
  void kill_program(base::Instant now);
  void start_program(base::Instant now);
  void cut_power(base::Instant now);

 private:
  using Key = std::pair<std::string, std::uint64_t>;   // task, run
  struct Process {
    std::uint64_t generation = 0, mark = 0;         // only the newest of what was planned for it happens
    bool lives = true;
    std::int32_t exit = 0;
  };

  void say(const engine::TaskInput& input, base::Instant now);
  void carry_out(const engine::TaskOutputs& out, base::Instant now);
  void begin(const engine::TaskStart& start, base::Instant now);
  void signal(const engine::TaskSignal& signal, base::Instant now);
  void end_after(const Key& key, base::Duration time, std::int32_t status, base::Instant now);
  void end(const Key& key, std::int32_t status, base::Instant now);
  void after(base::Duration time, base::Instant now, std::function<void(base::Instant)> what);
  void after_if_program(base::Duration time, base::Instant now, std::function<void(base::Instant)> what);
  void check_heard();
  base::Duration between(std::int64_t least_ms, std::int64_t most_ms);
  engine::TaskClock clock(base::Instant now) const;

  std::string name_;
  std::mt19937_64 random_;
  TaskLedger& ledger_;
  bool powered_ = true;
  std::uint64_t boots_ = 0, programs_ = 0, marks_ = 0;
  std::multimap<base::Instant, std::function<void(base::Instant)>> planned_;
  std::map<Key, Process> processes_;

  // On disk: what the supervisor saved, and its twin.
  base::Bytes saved_;
  std::map<std::string, std::string> wishes_;
  std::string revision_;

  // Of the program.
  std::unique_ptr<engine::TaskSupervisor> supervisor_;
  engine::TaskOutputs out_;
  std::map<std::string, std::optional<model::TaskStatus>> reports_;
  std::string heard_, said_heard_;
};

}  // namespace selvedge::sim
