// Ring, FlatMap and Timers, against the standard library.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "engine/session/flat_map.h"
#include "engine/session/ring.h"
#include "engine/session/timers.h"

namespace selvedge::engine {
namespace {

TEST(Ring, BehavesLikeADeque) {
  std::mt19937 random(1);
  Ring<std::unique_ptr<int>> ring;
  std::deque<int> deque;
  for (int i = 0; i < 20'000; ++i) {
    const bool grows = (i / 2'000) % 2 == 0;
    if (random() % 4 != 0 ? grows : !grows) {
      ring.push_back(std::make_unique<int>(i));
      deque.push_back(i);
    } else if (!deque.empty() && random() % 3 == 0) {
      const std::size_t at = random() % deque.size();
      ring.erase(at);
      deque.erase(deque.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (!deque.empty()) {
      ring.pop_front();
      deque.pop_front();
    }
    ASSERT_EQ(ring.size(), deque.size());
    if (deque.empty()) continue;
    ASSERT_EQ(*ring.front(), deque.front());
    ASSERT_EQ(*ring[deque.size() - 1], deque.back());
    const std::size_t at = random() % deque.size();
    ASSERT_EQ(*ring[at], deque[at]);
  }
}

TEST(FlatMap, BehavesLikeAMap) {
  std::mt19937 random(2);
  FlatMap<int> flat;
  std::map<std::uint64_t, int*> map;
  int values[7] = {};
  EXPECT_EQ(flat.find(1), nullptr);
  flat.erase(1);
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t key = random() % 500 + (random() % 2 ? 0 : std::uint64_t{1} << 40);
    if (!map.contains(key)) {
      int* value = &values[random() % 7];
      flat.insert(key, value);
      map[key] = value;
    } else if (random() % 2) {
      flat.erase(key);
      map.erase(key);
    }
    const std::uint64_t asked = random() % 500;
    const auto it = map.find(asked);
    ASSERT_EQ(flat.find(asked), it == map.end() ? nullptr : it->second);
    ASSERT_EQ(flat.size(), map.size());
  }
  std::size_t seen = 0;
  flat.for_each([&](int&) { ++seen; });
  EXPECT_EQ(seen, map.size());
}

TEST(Timers, GiveTheMostOverdueFirst) {
  struct Item : Timer {
    Item() : Timer(Kind::connection) {}
  };
  std::mt19937 random(3);
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 100; ++i) items.push_back(std::make_unique<Item>());
  Timers timers;
  std::map<Timer*, std::int64_t> armed;
  for (int i = 0; i < 20'000; ++i) {
    Item& item = *items[random() % items.size()];
    const auto at = static_cast<std::int64_t>(random() % 1'000);
    switch (random() % 4) {
      case 0:
        timers.disarm(item);
        armed.erase(&item);
        break;
      case 1: {
        std::int64_t first = 1'000;
        for (const auto& [timer, due] : armed) first = std::min(first, due);
        ASSERT_EQ(timers.next().value_or(base::Time{1'000}).ns, first);
        Timer* due = timers.take_due({at});
        ASSERT_EQ(due != nullptr, first <= at);
        if (!due) break;
        ASSERT_EQ(armed.at(due), first);
        armed.erase(due);
        break;
      }
      default:
        timers.arm(item, {at});
        armed[&item] = at;
    }
    ASSERT_EQ(timers.size(), armed.size());
  }
}

}  // namespace
}  // namespace selvedge::engine
