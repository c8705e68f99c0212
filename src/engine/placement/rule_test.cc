#include "engine/placement/rule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/placement/demand.h"
#include "engine/placement/fragmentation.h"

namespace selvedge::engine {
namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

NodeSpace node_with(std::int64_t cpu, std::int64_t memory_gib, std::uint32_t order = 0) {
  return {{16'000, 64 * gib, 0}, {cpu, memory_gib * gib, 0}, {}, 0, order};
}

Ask ask_for(std::int64_t cpu, std::int64_t memory_gib) { return {{cpu, memory_gib * gib, 0}, 0, 1000, 0, 0}; }

TEST(PlacementRule, EveryNameLeadsBackToItsRule) {
  for (std::size_t i = 0; i < placement_rules; ++i) {
    const auto rule = static_cast<PlacementRule>(i);
    EXPECT_FALSE(name(rule).empty());
    EXPECT_EQ(placement_rule(name(rule)), rule);
  }
  EXPECT_EQ(placement_rule("best fit"), std::nullopt);
  EXPECT_EQ(name(default_placement_rule), "opportunity");
}

TEST(PlacementRule, CostsAreWhatTheirFormulasSay) {
  const Ask ask = ask_for(4'000, 8);
  const NodeSpace node = node_with(8'000, 16, 7);
  const Demand none;
  EXPECT_DOUBLE_EQ(cost(PlacementRule::article, ask, node, none), -(2.0 + 2.0));
  EXPECT_DOUBLE_EQ(cost(PlacementRule::first_fit, ask, node, none), 7);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::best_fit, ask, node, none), 0.25 + 0.125);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::worst_fit, ask, node, none), -0.375);
  EXPECT_NEAR(cost(PlacementRule::alignment, ask, node, none), -1, 1e-12);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::dot_product, ask, node, none), -(0.5 * 0.25 + 0.25 * 0.125));
  EXPECT_DOUBLE_EQ(cost(PlacementRule::kubernetes_least, ask, node, none), -0.1875);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::kubernetes_most, ask, node, none), 0.1875);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::kubernetes_balanced, ask, node, none), 0.0625);
  EXPECT_DOUBLE_EQ(cost(PlacementRule::kubernetes_default, ask, node, none), 0.0625 - 0.1875);
  EXPECT_NEAR(cost(PlacementRule::nomad_binpack, ask, node, none), std::pow(10, 0.25) + std::pow(10, 0.125), 1e-9);
}

TEST(PlacementRule, NothingAskedForOrMissingFromTheNodeIsStillANumber) {
  Demand demand;
  demand.add_node({16'000, 64 * gib, 0});
  for (int i = 0; i < 40; ++i) demand.add(ask_for(i % 3 == 0 ? 0 : 1000, i % 2));
  for (std::size_t i = 0; i < placement_rules; ++i) {
    const auto rule = static_cast<PlacementRule>(i);
    EXPECT_TRUE(std::isfinite(cost(rule, {}, node_with(8'000, 16), demand))) << name(rule);
    EXPECT_TRUE(std::isfinite(cost(rule, ask_for(1'000, 1), node_with(1'000, 1), demand))) << name(rule);
    EXPECT_TRUE(std::isfinite(cost(rule, {}, {}, demand))) << name(rule);
  }
}

TEST(PlacementRule, WithLessFreeCostsLessExactlyForThoseThatSaySo) {
  const Ask ask = ask_for(1'000, 2);
  const Demand none;
  for (std::size_t i = 0; i < placement_rules; ++i) {
    const auto rule = static_cast<PlacementRule>(i);
    if (rule == PlacementRule::opportunity) continue;      // nearly, as rule.h says
    const FreeOrder order = free_order(rule);
    if (order == FreeOrder::neither) continue;
    for (std::int64_t cpu = 1'000; cpu < 16'000; cpu += 1'500) {
      for (std::int64_t memory = 2; memory < 64; memory += 7) {
        const double here = cost(rule, ask, node_with(cpu, memory), none);
        const double more_cpu = cost(rule, ask, node_with(cpu + 500, memory), none) - here;
        const double more_memory = cost(rule, ask, node_with(cpu, memory + 1), none) - here;
        const double sign = order == FreeOrder::less_is_cheaper ? 1 : -1;
        EXPECT_GT(sign * more_cpu, 0) << name(rule);
        EXPECT_GT(sign * more_memory, 0) << name(rule);
      }
    }
  }
}

TEST(PlacementRule, BestFitGivesASmallTaskToASmallNodeOfTheFleet) {
  const NodeSpace small{{4'000, 16 * gib, 0}, {4'000, 16 * gib, 0}, {}, 0, 0};
  const NodeSpace large{{64'000, 256 * gib, 0}, {32'000, 128 * gib, 0}, {}, 0, 1};
  Demand demand;
  demand.add_node(small.capacity);
  demand.add_node(large.capacity);
  const Ask ask = ask_for(1'000, 4);
  demand.add(ask);
  EXPECT_LT(cost(PlacementRule::best_fit, ask, small, demand), cost(PlacementRule::best_fit, ask, large, demand));
}

TEST(PlacementRule, RandomFitIsDecidedByItsSaltAlone) {
  Ask ask = ask_for(1'000, 1);
  const Demand none;
  std::array<int, 8> chosen{};
  for (ask.salt = 0; ask.salt < 8'000; ++ask.salt) {
    std::uint32_t best = 0;
    double least = 2;
    for (std::uint32_t i = 0; i < 8; ++i) {
      const double here = cost(PlacementRule::random_fit, ask, node_with(8'000, 8, i), none);
      EXPECT_EQ(here, cost(PlacementRule::random_fit, ask, node_with(2'000, 3, i), none));
      if (here < least) {
        least = here;
        best = i;
      }
    }
    ++chosen[best];
  }
  for (const int count : chosen) EXPECT_NEAR(count, 1'000, 150);
}

TEST(PlacementRule, FitsMindsEachResourceModelsAndDevices) {
  const std::array<std::uint16_t, 3> devices = {1000, 400, 700};
  NodeSpace node{{16'000, 64 * gib, 100 * gib}, {4'000, 8 * gib, 10 * gib}, devices, 0b10, 0};
  Ask ask{{4'000, 8 * gib, 10 * gib}, 0, 1000, 0, 0};
  EXPECT_TRUE(fits(ask, node));
  for (std::int64_t model::Resources::*amount : {&model::Resources::cpu, &model::Resources::memory, &model::Resources::disk}) {
    Ask more = ask;
    more.amounts.*amount += 1;
    EXPECT_FALSE(fits(more, node));
  }
  ask.devices = 1;
  ask.thousandths = 700;
  EXPECT_TRUE(fits(ask, node));
  ask.devices = 2;
  EXPECT_TRUE(fits(ask, node));
  ask.thousandths = 1000;
  EXPECT_FALSE(fits(ask, node));
  ask.devices = 1;
  ask.models = 0b01;
  EXPECT_FALSE(fits(ask, node));
  ask.models = 0b11;
  EXPECT_TRUE(fits(ask, node));
}

TEST(PlacementRule, ASharedAskGetsTheFullestDeviceThatDoes) {
  const std::array<std::uint16_t, 4> devices = {1000, 300, 600, 600};
  const NodeSpace node{{16'000, 64 * gib, 0}, {8'000, 32 * gib, 0}, devices, 0, 0};
  Ask ask{{1'000, gib, 0}, 1, 500, 0, 0};
  const Demand none;
  EXPECT_EQ(offer(PlacementRule::best_fit, ask, node, none).device, 2);
  EXPECT_EQ(offer(PlacementRule::worst_fit, ask, node, none).device, 0);
  ask.thousandths = 1000;
  EXPECT_EQ(offer(PlacementRule::best_fit, ask, node, none).device, no_device);
}

TEST(Fragmentation, IsWhatTheShapesCannotUse) {
  // Half the tasks want 600 of a device, half a whole one: of 1000 + 400 the first lose 400, so do the second. With the
  // 400 taken nothing is lost; with 400 of the 1000 taken the first lose 400 and the second all 1000.
  Demand demand;
  demand.add({{1'000, gib, 0}, 1, 600, 0, 0});
  demand.add({{1'000, gib, 0}, 1, 1000, 0, 0});
  const std::array<std::uint16_t, 2> devices = {1000, 400};
  NodeSpace node{{16'000, 64 * gib, 0}, {8'000, 32 * gib, 0}, devices, 0, 0};
  const Ask ask{{100, gib, 0}, 1, 400, 0, 0};
  const Offer small = fragmentation_offer(ask, node, demand);
  EXPECT_EQ(small.device, 1);
  EXPECT_NEAR(small.cost, -0.4, 1e-9);
  node.devices = std::span(devices).first(1);                    // from nothing lost
  EXPECT_NEAR(fragmentation_offer(ask, node, demand).cost, (0 + 0.6) / 2, 1e-9);
  // Too little cpu for either: all is lost, before and after.
  node.free.cpu = 500;
  node.devices = devices;
  EXPECT_NEAR(fragmentation_offer(ask, node, demand).cost, -0.4, 1e-9);
  // Only after: what it leaves of the cpu is too little.
  node.free.cpu = 1'000;
  EXPECT_NEAR(fragmentation_offer(ask, node, demand).cost, 1.0 - 0.4, 1e-9);
}

TEST(Fragmentation, TheRuleTakesTheDeviceThatLeavesMostUseful) {
  Demand demand;
  for (int i = 0; i < 9; ++i) demand.add({{1'000, gib, 0}, 1, 1000, 0, 0});
  const std::array<std::uint16_t, 3> devices = {1000, 500, 1000};
  const NodeSpace node{{16'000, 64 * gib, 0}, {8'000, 32 * gib, 0}, devices, 0, 0};
  const Ask ask{{1'000, gib, 0}, 1, 500, 0, 0};
  for (const PlacementRule rule : {PlacementRule::fragmentation, PlacementRule::fragmentation_best_fit, PlacementRule::opportunity}) {
    EXPECT_EQ(offer(rule, ask, node, demand).device, 1) << name(rule);
  }
  // Its 500 were of no use to whole asks: taking them loses less than nothing.
  EXPECT_LT(offer(PlacementRule::fragmentation, ask, node, demand).cost, 0);
}

TEST(Fragmentation, ATaskWithoutDevicesKeepsOffNodesThatHaveThem) {
  Demand demand;
  for (int i = 0; i < 8; ++i) demand.add({{4'000, gib, 0}, 1, 1000, 0, 0});
  const std::array<std::uint16_t, 2> devices = {1000, 1000};
  const NodeSpace scarce{{16'000, 64 * gib, 0}, {4'000, 32 * gib, 0}, devices, 0, 0};
  const NodeSpace roomy{{16'000, 64 * gib, 0}, {16'000, 32 * gib, 0}, devices, 0, 1};
  const Ask ask = ask_for(1'000, 1);
  EXPECT_LT(offer(PlacementRule::fragmentation_best_fit, ask, roomy, demand).cost, offer(PlacementRule::fragmentation_best_fit, ask, scarce, demand).cost);
}

}  // namespace
}  // namespace selvedge::engine
