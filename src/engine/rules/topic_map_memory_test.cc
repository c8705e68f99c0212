// That a known topic costs no allocation, counted by an operator new of this test program.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "engine/rules/topic_map.h"

namespace {
std::size_t allocations = 0;
}

// Not inlined, or the compiler sees free() meet operator new and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace selvedge::engine {
namespace {

TEST(TopicMap, AllocatesNothingForATopicItKnows) {
  TopicRule by_name;
  by_name.filter = "#";
  for (const char* series : {"", "{device}/{client}/{1}/{field}"}) {
    by_name.series = series;
    TopicMap map = TopicMap::create({by_name}).value();
    const TopicSource source{"plant/hall-3/line-2/oven/temperature", "gateway-17", "client-4711"};
    std::string name;
    ASSERT_TRUE(name_series(map.look_up(source), "some/long/field/name", name));

    const std::size_t before = allocations;
    bool named = true;
    for (int i = 0; i < 1000; ++i)
      named = name_series(map.look_up(source), "some/long/field/name", name).has_value() && named;
    EXPECT_EQ(allocations - before, 0u) << series;
    EXPECT_TRUE(named);
  }
}

}  // namespace
}  // namespace selvedge::engine
