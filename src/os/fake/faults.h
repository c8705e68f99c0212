// Faults: a seeded plan of what goes wrong in a simulation, and when.
//
// Each kind of fault befalls each machine or link at random times with the rate asked for, and ends
// by itself: links are mended, machines restarted, disks given room again. A plan is plain data, so
// a failing test can print it, and a person can shorten it.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "os/fake/random.h"

namespace selvedge::os::fake {

class Simulation;

enum class FaultKind : std::uint8_t {
  link_reset,      // Cut::reset
  link_silent,     // Cut::silent
  link_forgets,    // connections become half-open
  link_slow,       // latency grows to `amount`
  link_pause,      // nothing arrives for a while
  power_cut,       // of a machine; peers see nothing of it
  kill,            // of its process; peers see a reset
  crash_in_write,  // a power cut at one of the next writes
  disk_full,
  sync_fails,      // the next sync
  clock_jump,      // by `amount`, and back
};
inline constexpr std::size_t fault_kinds = 11;

struct Fault {
  base::Duration at{};       // from when the plan is started
  base::Duration lasts{};
  FaultKind kind{};
  std::string machine;       // or one end of the link
  std::string peer;          // the other end
  base::Duration amount{};
  std::uint64_t writes = 0;  // of crash_in_write: at the n-th
};

std::string text(const Fault& fault);
std::string text(const std::vector<Fault>& plan);  // one line each

// How often an hour each machine or link meets with each kind, and how bad it gets.
struct FaultRates {
  double link_reset = 0, link_silent = 0, link_forgets = 0, link_slow = 0, link_pause = 0;
  double power_cut = 0, kill = 0, crash_in_write = 0, disk_full = 0, sync_fails = 0;
  double clock_jump = 0;

  base::Duration shortest = std::chrono::seconds(1), longest = std::chrono::minutes(1);
  base::Duration largest_latency = std::chrono::seconds(2);
  base::Duration largest_jump = std::chrono::hours(2);

  // The same rate for every kind.
  static FaultRates all(double per_hour);
};

struct FaultScope {
  std::vector<std::string> machines;
  std::vector<std::pair<std::string, std::string>> links;
};

// In order of time; nothing begins after `length`, and all has ended `longest` later.
std::vector<Fault> plan_faults(Random& random, const FaultScope& scope, const FaultRates& rates,
                               base::Duration length);

// Puts the plan into effect from now on. A machine that crashes is restarted by the plan; its
// program must have been started by Machine::run, or be looked after in on_crash and on_restart.
void start(Simulation& simulation, const std::vector<Fault>& plan);

}  // namespace selvedge::os::fake
