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
    EXPECT_EQ(placement_rule(name(rule)), rule);
  }
  EXPECT_EQ(placement_rule("best fit"), std::nullopt);
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

}  // namespace
}  // namespace selvedge::engine
