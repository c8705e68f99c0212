// Account: the books of the fleet: which readings each device has published, and which of them were
// acknowledged to it. Kept outside the devices, which forget everything when they crash.

#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace selvedge::sim {

// Where the time of a reading comes from.
enum class Clock : std::uint8_t {
  steady,    // the device: a clock that never goes back
  wall,      // the device: a clock that jumps
  arrival,   // the node, when the message arrives
};

struct Entry {
  std::int64_t time = 0;               // as published, nanoseconds; 0: of arrival
  double value = 0;                    // no other reading of the series has it
  std::int64_t published_at = 0;       // on the clock of the simulation
  std::int64_t acknowledged_at = never;

  static constexpr std::int64_t never = INT64_MAX;
  bool acknowledged() const { return acknowledged_at != never; }
};

// Of one series, which one device publishes.
struct Account {
  std::string node, series;
  Clock clock = Clock::steady;
  bool full_disk = false;              // the node's, for a while
  std::deque<Entry> entries;           // in the order of publishing
  std::int64_t last_time = 0;
  std::uint64_t messages = 0, refused = 0, not_taken = 0;

  double next_value() const { return static_cast<double>(entries.size() + 1) * 0.25; }
};

}  // namespace selvedge::sim
