// Timers: the deadlines of many objects in one heap, for objects that change their mind often.
//
// A binary heap whose entries know their object and whose objects know their place, so that
// disarming is exact and nothing stale gathers. The broker does not touch it per packet: a
// connection's timer fires, looks when the connection was last heard, and is armed again.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace selvedge::engine {

// To be derived from. Must be disarmed before it dies.
struct Timer {
  enum class Kind : std::uint8_t { connection, session };

  explicit Timer(Kind kind_of) : kind(kind_of) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  static constexpr std::uint32_t unarmed = ~std::uint32_t{0};
  std::uint32_t place = unarmed;
  const Kind kind;
};

class Timers {
 public:
  // Sets the one deadline of `timer`, in place of an earlier one.
  void arm(Timer& timer, base::Time at);
  void disarm(Timer& timer);

  // The timer that is most overdue, disarmed; null if none is due.
  Timer* take_due(base::Time now);
  std::optional<base::Time> next() const;
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    base::Time at;
    Timer* timer = nullptr;
  };

  void put(std::size_t place, Entry entry);
  void sift(std::size_t place, Entry entry);

  std::vector<Entry> heap_;
};

}  // namespace selvedge::engine
