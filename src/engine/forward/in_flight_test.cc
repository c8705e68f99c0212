#include "engine/forward/in_flight.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using Ranges = std::vector<RangeSet::Range>;

constexpr base::Instant start{};

TEST(InFlight, GivesTheBytesOfAMessageBackAsItsBlocksAreTaken) {
  InFlight flight;
  flight.add(Lane::live, {1, 2, 5}, 100, start);
  flight.add(Lane::backlog, {3, 4}, 50, start);
  EXPECT_EQ(flight.take(2, 3), (Ranges{{2, 2}, {3, 3}}));
  EXPECT_EQ(flight.bytes(Lane::live), 67u);
  EXPECT_EQ(flight.bytes(Lane::backlog), 25u);
  EXPECT_EQ(flight.take(2, 3), Ranges{}) << "again";
  EXPECT_EQ(flight.take(0, 9), (Ranges{{1, 1}, {4, 4}, {5, 5}}));
  EXPECT_EQ(flight.bytes(), 0u);
  EXPECT_TRUE(flight.empty());
}

TEST(InFlight, FindsRuns) {
  InFlight flight;
  flight.add(Lane::backlog, {4, 5, 6}, 3, start);
  EXPECT_EQ(flight.find(5), (RangeSet::Range{4, 6}));
  EXPECT_EQ(flight.find(7), std::nullopt);
  EXPECT_EQ(flight.next_start(3), 4u);
  EXPECT_EQ(flight.next_start(4), std::nullopt);
}

TEST(InFlight, TakesAMessageThatIsLateAndLeavesTheLaterOnes) {
  InFlight flight;
  flight.add(Lane::backlog, {1, 2, 3, 4}, 40, start);
  flight.add(Lane::live, {9}, 10, start + 5s);
  flight.take(2, 2);
  flight.add(Lane::backlog, {2}, 10, start + 6s);
  EXPECT_EQ(flight.late_at(30s), start + 30s);
  EXPECT_EQ(flight.take_late(start + 29s, 30s), Ranges{});
  EXPECT_EQ(flight.take_late(start + 30s, 30s), (Ranges{{1, 1}, {3, 4}}));
  EXPECT_EQ(flight.bytes(), 20u);
  EXPECT_EQ(flight.find(2), (RangeSet::Range{2, 2}));
}

TEST(InFlight, WaitsForASlowLinkThatStillMoves) {
  InFlight flight;
  for (std::uint64_t block = 1; block <= 5; ++block) flight.add(Lane::backlog, {block}, 1, start);
  for (int i = 1; i <= 3; ++i) {
    const base::Instant now = start + i * 20s;
    flight.take(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i));
    flight.note_progress(now);
    EXPECT_EQ(flight.take_late(now, 30s), Ranges{});
  }
  flight.take(5, 5);
  flight.note_progress(start + 80s);
  EXPECT_EQ(flight.take_late(start + 80s, 30s), (Ranges{{4, 4}})) << "it was overtaken";
}

}  // namespace
}  // namespace selvedge::engine
