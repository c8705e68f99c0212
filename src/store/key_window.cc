#include "store/key_window.h"

#include <algorithm>

namespace selvedge::store {
namespace {

constexpr std::size_t slot_count = 2 * KeyWindow::generation;

}  // namespace

KeyWindow::KeyWindow() {
  for (Generation* g : {&young_, &old_}) {
    g->slots.assign(slot_count, 0);
    g->order.reserve(generation);
  }
}

// Keys may be anything, counters too: Fibonacci hashing (Knuth, TAOCP 3, 6.4) spreads them.
std::size_t KeyWindow::slot(std::uint64_t key) {
  return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 51) % slot_count;
}

bool KeyWindow::in(const Generation& g, std::uint64_t key) {
  if (key == 0) return false;
  for (std::size_t i = slot(key); g.slots[i] != 0; i = (i + 1) % slot_count)
    if (g.slots[i] == key) return true;
  return false;
}

void KeyWindow::add(std::uint64_t key) {
  if (key == 0 || in(young_, key)) return;
  if (young_.order.size() == generation) {
    std::swap(young_, old_);
    std::fill(young_.slots.begin(), young_.slots.end(), 0);
    young_.order.clear();
  }
  std::size_t i = slot(key);
  while (young_.slots[i] != 0) i = (i + 1) % slot_count;
  young_.slots[i] = key;
  young_.order.push_back(key);
}

}  // namespace selvedge::store
