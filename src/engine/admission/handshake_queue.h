// HandshakeQueue: who of those that wait for a TLS handshake is next. Pure.
//
// A handshake costs a millisecond of the loop's time and a connection that waits costs nothing but
// its descriptor, so they wait here: in order of arrival, at most `running` handshakes under way, at
// most `per_second` begun a second, and nobody longer than `deadline`: whoever has waited that long
// is about to give up, and a handshake begun for it would be paid and lost. It is told to go and
// comes back with back-off, while its place serves one that is still there. When `waiting` are here
// the listener stops accepting and the rest wait in the kernel.
//
// Why oldest first: the storm (storm.h) says so. With 10,000 nodes at 1.5 ms both orders have all of
// them in after 15.2 s, the CPU's floor being 15.0; but newest first sends one in five away for
// another try, and oldest first nobody. What counts is not to work for those who have left: without
// the deadline, and deaf to hang-ups, a machine of 5 ms a handshake needs 242 s instead of 52.
//
// Suspects (sources whose handshakes failed often lately) wait in a line of their own, which gets
// every eighth turn while there are others, and all of them when there are none: a bad neighbour
// slows its address down and locks nobody out.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/time.h"

namespace selvedge::engine {

struct HandshakeLimits {
  std::uint32_t waiting = 4096;
  std::uint32_t running = 256;
  std::uint32_t per_second = 0;          // 0: as many as the machine can
  base::Duration deadline = std::chrono::seconds(12);
  enum class Order : std::uint8_t { oldest_first, newest_first } order = Order::oldest_first;
};

enum class Visitor : std::uint64_t {};

class HandshakeQueue {
 public:
  explicit HandshakeQueue(HandshakeLimits limits) : limits_(limits) {}

  enum class Standing : std::uint8_t { good, suspect };
  void arrived(Visitor who, Standing standing, base::Instant now);
  // It hung up while it waited.
  void gone(Visitor who);
  // A handshake that was begun has ended, well or not.
  void finished();

  struct Next {
    std::vector<Visitor> begin;          // their handshakes
    std::vector<Visitor> dismiss;        // waited too long
  };
  Next step(base::Instant now);
  // When step() may have more to say, if nobody arrives or finishes before.
  std::optional<base::Instant> wake_at() const;

  bool full() const { return waiting() >= limits_.waiting; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t running() const { return running_; }
  std::uint64_t dismissed() const { return dismissed_; }

 private:
  struct Waiting {
    Visitor who{};
    base::Instant since{};
  };
  using Line = std::deque<Waiting>;

  void dismiss_late(Line& line, base::Instant now, Next& next);
  bool may_begin(base::Instant now);
  std::optional<Visitor> take(Line& line);

  HandshakeLimits limits_;
  Line good_, suspects_;                 // some may be gone: `waiting_` knows
  std::unordered_set<Visitor> waiting_;
  std::uint32_t running_ = 0, begun_ = 0;
  base::Instant next_at_{INT64_MIN};     // by per_second
  std::uint64_t dismissed_ = 0;
};

}  // namespace selvedge::engine
