// Fleet: a cloud, nodes and devices, each on a machine of its own, in one process on virtual time.
//
// run() lets them work through the trouble that the seed has in store, then through a calm time until
// everything has arrived, and says what did not hold. The same options give the same history.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "bounds.h"

namespace selvedge::sim {

struct FleetOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 5, devices = 30;
  base::Duration length = std::chrono::seconds(60);  // of publishing, and of trouble
  double trouble = 1;                                // how often; 0: never
  base::Duration patience = std::chrono::minutes(15);  // for everything to arrive
  bool print_plan = false;
  std::string watched = {};                   // a device whose doings, and whose troubles, are printed

  std::string command() const;           // how to run the same again
};

struct FleetReport {
  std::vector<std::string> breaches;     // of what must hold; empty: all is well

  std::uint64_t published = 0, acknowledged = 0, stored = 0, repeated = 0;
  std::uint64_t refused_messages = 0;
  std::uint64_t blocks = 0, duplicate_blocks = 0, refused_batches = 0;
  std::uint64_t crashes = 0, faults = 0, commits = 0, failed_commits = 0;
  Peaks peaks;
  base::Duration simulated{}, drained_after{};
  std::uint64_t turns = 0, trace_hash = 0;

  std::string text() const;
};

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options);
  ~Fleet();

  FleetReport run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::sim
