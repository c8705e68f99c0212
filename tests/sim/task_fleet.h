// TaskFleet: a cloud's jobs over up to tens of thousands of nodes, on virtual time: churn, cut sites, storms of changes.
//
// The cloud is the real one: cloud::Jobs over a store of twins on a disk that is cut with its power, asked over HTTP. Each node
// is a TaskMachine with the real supervisor. Between them, in place of MQTT, wishes and reports are carried at a poll; a
// link may be silent for half a minute before the cloud notices. run() says what did not hold: no task lives twice, whatever
// happens, and when it is calm what is wished is what lives. The same options give the same history.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"

namespace selvedge::sim {

struct TaskFleetOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 50;
  double tasks = 3;                                // of each node
  base::Duration length = std::chrono::minutes(5);   // of trouble
  double trouble = 1;                              // how often; 0: never
  base::Duration patience = std::chrono::minutes(20);   // for all to come true

  std::string command() const;                     // how to run the same again
};

struct TaskFleetReport {
  std::vector<std::string> breaches;               // empty: all is well
  std::uint64_t jobs = 0, wanted = 0, starts = 0, most_processes = 0;
  std::uint64_t kills = 0, power_cuts = 0, burnt = 0, cuts = 0, site_cuts = 0, cloud_kills = 0, changes = 0, drains = 0;
  std::size_t storm = 0;                           // jobs that were changed at one moment
  base::Duration first_placed{};                   // until all of the first jobs lived
  base::Duration calm_after{};                     // until all was as wished, from the end of the trouble

  std::string text() const;
};

class TaskFleet {
 public:
  explicit TaskFleet(const TaskFleetOptions& options);
  ~TaskFleet();

  TaskFleetReport run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::sim
