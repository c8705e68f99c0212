// Five nodes, random cuts, losses, kills and wishes: no task ever runs twice, and in peace each runs.

#include <gtest/gtest.h>

#include "engine/site/site_fixture.h"

namespace selvedge::engine {
namespace {

class SiteLives : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(SiteLives, NothingRunsTwiceAndInPeaceEverythingRuns) {
  constexpr int nodes = 5, tasks = 6;
  Site site(nodes, GetParam());
  site.grace_ = std::chrono::milliseconds(GetParam() % 3 * 150);
  std::vector<std::uint64_t> generation(tasks, 1);
  const auto task = [](std::uint32_t i) { return "t" + std::to_string(i); };
  for (std::uint32_t i = 0; i < tasks; ++i) site.wish(static_cast<int>(i % nodes), task(i), 1);
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    const int a = static_cast<int>(site.pick(nodes)), b = static_cast<int>(site.pick(nodes));
    switch (site.pick(8)) {
      case 0:
      case 1:
        if (a != b) site.cut(a, b, true);
        break;
      case 2:
        if (a != b) site.cut(a, b, false);
        break;
      case 3: site.heal(); break;
      case 4:
        if (site.alive(a)) site.kill(a);
        break;
      case 5:
        if (!site.alive(a)) site.start(a);
        break;
      case 6: site.loss_ = site.pick(3) * 15; break;
      default: {                                   // the cloud moves one, with a new generation
        const std::uint32_t i = site.pick(tasks);
        for (int n = 0; n < nodes; ++n) site.unwish(n, task(i));
        site.wish(a, task(i), ++generation[i]);
      }
    }
    site.pass(std::chrono::milliseconds(site.pick(2'500)));
  }
  site.heal();
  site.loss_ = 0;
  for (int i = 0; i < nodes; ++i)
    if (!site.alive(i)) site.start(i);
  site.pass(15s);
  for (std::uint32_t i = 0; i < tasks; ++i) EXPECT_GE(site.runner(task(i)), 0) << task(i);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SiteLives, ::testing::Range(1U, 6U));

}  // namespace
}  // namespace selvedge::engine
