#include "engine/session/timers.h"

namespace selvedge::engine {

void Timers::put(std::size_t place, Entry entry) {
  heap_[place] = entry;
  entry.timer->place = static_cast<std::uint32_t>(place);
}

// Puts `entry` where it belongs, given that `place` is free for it.
void Timers::sift(std::size_t place, Entry entry) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap_[parent].at <= entry.at) break;
    put(place, heap_[parent]);
    place = parent;
  }
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (entry.at <= heap_[child].at) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

void Timers::arm(Timer& timer, base::Time at) {
  std::size_t place = timer.place;
  if (place == Timer::unarmed) {
    place = heap_.size();
    heap_.emplace_back();
  }
  sift(place, {at, &timer});
}

void Timers::disarm(Timer& timer) {
  const std::size_t place = timer.place;
  if (place == Timer::unarmed) return;
  timer.place = Timer::unarmed;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) sift(place, last);
}

Timer* Timers::take_due(base::Time now) {
  if (heap_.empty() || heap_.front().at > now) return nullptr;
  Timer* timer = heap_.front().timer;
  disarm(*timer);
  return timer;
}

std::optional<base::Time> Timers::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

}  // namespace selvedge::engine
