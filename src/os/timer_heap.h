// TimerHeap: pending timers, the earliest first.
//
// A four-ary heap whose entries know their place, so that adding and cancelling cost O(log n) and
// leave nothing behind. Timers of the same moment fire in the order they were added. Loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"
#include "os/loop.h"

namespace selvedge::os {

class TimerHeap {
 public:
  TimerId add(base::Instant at, std::function<void()> what);
  void cancel(TimerId timer);

  std::optional<base::Instant> next() const;
  std::size_t size() const { return heap_.size(); }

  // Calls what is due at `now`, but none that was added meanwhile: a timer that sets itself again
  // with no delay cannot hold the loop.
  void fire(base::Instant now);

 private:
  struct Slot {
    std::function<void()> what;
    std::uint32_t generation = 1;
    std::uint32_t place = 0;
  };
  struct Entry {
    base::Instant at;
    std::uint64_t order;
    std::uint32_t slot;
  };

  static bool before(const Entry& a, const Entry& b);
  void put(std::size_t place, Entry entry);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  std::function<void()> take(std::size_t place);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_order_ = 0;
};

}  // namespace selvedge::os
