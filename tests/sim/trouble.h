// Trouble: what befalls a simulated fleet, drawn from its seed: every kind of os::fake::FaultKind on
// machines and links, orderly restarts, and a database that fails for a while.
//
// Everything has ended `longest_trouble` after the length it was planned for. What cannot be in a
// fault plan (restarts and the database) is described by the same kind of line.

#pragma once

#include <string>
#include <vector>

#include "os/fake/faults.h"

namespace selvedge::sim {

inline constexpr base::Duration longest_trouble = std::chrono::seconds(20);

struct Places {
  std::string cloud;
  std::vector<std::string> nodes;
  std::vector<std::pair<std::string, std::string>> devices;  // with the node of each
};

struct Spell {
  base::Duration at{}, lasts{};
  std::string machine;
};

struct Trouble {
  std::vector<os::fake::Fault> faults;
  std::vector<Spell> orderly_restarts;   // of nodes and the cloud
  std::vector<Spell> database_failures;

  std::string text() const;
};

// `rate` multiplies how often everything happens; 0 is a calm day.
Trouble plan_trouble(os::fake::Random& random, const Places& places, double rate,
                     base::Duration length);

}  // namespace selvedge::sim
