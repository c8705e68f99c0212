// Storm: a whole fleet that comes back at once, against the handshake queue, in virtual time. Pure.
//
// A model, for choosing the order and for saying what to expect: one CPU, one loop whose turns serve
// what the connected nodes asked and then do handshakes for a few milliseconds; a handshake in two
// parts with the network between them; nodes that give up after a time and come back with full
// jitter (engine/forward). The kernel's queue in front of ours is bounded, and a SYN that finds it
// full comes again after 1, 3 and 7 s as Linux does it.

#pragma once

#include <cstdint>

#include "base/time.h"
#include "engine/admission/handshake_queue.h"

namespace selvedge::engine {

struct StormPlan {
  std::uint32_t nodes = 10'000;
  base::Duration handshake = std::chrono::microseconds(1500);   // CPU of one, both parts
  base::Duration round_trip = std::chrono::milliseconds(40);
  base::Duration patience = std::chrono::seconds(15);           // of a node, for being let in
  base::Duration backoff_first = std::chrono::milliseconds(250);
  base::Duration backoff_most = std::chrono::seconds(60);
  // Every connected node asks once in this time, which costs that.
  base::Duration request_every = std::chrono::seconds(10);
  base::Duration request = std::chrono::microseconds(25);
  base::Duration handshakes_a_turn = std::chrono::milliseconds(4);
  std::uint32_t kernel_queue = 4096;
  bool sees_hang_ups = true;             // a peer that gave up costs no handshake
  HandshakeLimits limits;
  std::uint64_t seed = 1;
};

struct StormOutcome {
  base::Duration floor{};                // nodes x handshake
  base::Duration half_in{}, all_in{};    // when half, when all were connected
  base::Duration longest_request{};      // of a connected node, from asking to served
  std::uint64_t attempts = 0;
  std::uint64_t dismissed = 0, wasted = 0;   // told to go; handshakes paid for nobody
  base::Duration cpu_wasted{};
  bool finished = false;                 // false: an hour was not enough

  double times_floor() const {
    return static_cast<double>(all_in.count()) / static_cast<double>(floor.count());
  }
};

StormOutcome run_storm(const StormPlan& plan);

}  // namespace selvedge::engine
