#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "os/world.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<RealWorld> make_world() { return std::move(RealWorld::create().value()); }

TEST(Loop, FiresTimersInOrderAndThoseOfOneMomentAsAdded) {
  const auto world = make_world();
  std::vector<int> fired;
  world->loop().after(2ms, [&] { fired.push_back(3); });
  world->loop().after(1ms, [&] { fired.push_back(1); });
  world->loop().after(1ms, [&] { fired.push_back(2); });
  world->loop().after(3ms, [&] { world->stop(); });

  EXPECT_EQ(world->run({}), 0);

  EXPECT_EQ(fired, (std::vector{1, 2, 3}));
}

}  // namespace
}  // namespace selvedge::os
