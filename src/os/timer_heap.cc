#include "os/timer_heap.h"

#include <algorithm>
#include <utility>

namespace selvedge::os {
namespace {

constexpr std::size_t fan_out = 4;

TimerId name_of(std::uint32_t slot, std::uint32_t generation) {
  return static_cast<TimerId>(std::uint64_t{generation} << 32 | slot);
}

}  // namespace

bool TimerHeap::before(const Entry& a, const Entry& b) {
  return a.at != b.at ? a.at < b.at : a.order < b.order;
}

void TimerHeap::put(std::size_t place, Entry entry) {
  slots_[entry.slot].place = static_cast<std::uint32_t>(place);
  heap_[place] = entry;
}

void TimerHeap::sift_up(std::size_t place) {
  const Entry entry = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / fan_out;
    if (!before(entry, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void TimerHeap::sift_down(std::size_t place) {
  const Entry entry = heap_[place];
  for (;;) {
    const std::size_t first = place * fan_out + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + fan_out, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child)
      if (before(heap_[child], heap_[least])) least = child;
    if (!before(heap_[least], entry)) break;
    put(place, heap_[least]);
    place = least;
  }
  put(place, entry);
}

TimerId TimerHeap::add(base::Instant at, std::function<void()> what) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].what = std::move(what);
  heap_.push_back(Entry{at, next_order_++, slot});
  sift_up(heap_.size() - 1);
  return name_of(slot, slots_[slot].generation);
}

std::function<void()> TimerHeap::take(std::size_t place) {
  const std::uint32_t slot = heap_[place].slot;
  std::function<void()> what = std::exchange(slots_[slot].what, nullptr);
  ++slots_[slot].generation;
  free_.push_back(slot);
  const Entry moved = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    put(place, moved);
    sift_down(place);
    sift_up(slots_[moved.slot].place);
  }
  return what;
}

void TimerHeap::cancel(TimerId timer) {
  const auto slot = static_cast<std::uint32_t>(timer);
  const auto generation = static_cast<std::uint32_t>(static_cast<std::uint64_t>(timer) >> 32);
  if (slot >= slots_.size() || slots_[slot].generation != generation) return;
  if (!slots_[slot].what) return;
  take(slots_[slot].place);
}

std::optional<base::Instant> TimerHeap::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

void TimerHeap::fire(base::Instant now) {
  // What is added from here on sorts behind everything that is due.
  const std::uint64_t added_later = next_order_;
  while (!heap_.empty() && heap_.front().at <= now && heap_.front().order < added_later)
    take(0)();
}

}  // namespace selvedge::os
