#include "engine/placement/index.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/placement/fleet_for_test.h"

namespace selvedge::engine::placement {
namespace {

// The same question by looking at every node, without masks and grid.
Found plain_scan(const Fleet& fleet, const Index& index, const Query& query) {
  const Shape& shape = fleet.shape(query.shape);
  const ConstraintSet& set = fleet.set(shape.set);
  Found best{none, {std::numeric_limits<double>::infinity(), no_device}};
  for (NodeId node = 0; node < fleet.node_numbers(); ++node) {
    std::size_t which = 0;
    if (!fleet.knows(node) || fleet.facts(node).state != NodeState::ready || fleet.facts(node).held) continue;
    if (set.unmet(fleet.facts(node), fleet.names(), fleet.links(), which) != Unmet::nothing) continue;
    if (!fits(shape.ask, fleet.space(node))) continue;
    const Offer offer = index.price(query, node);
    if (offer.cost < best.offer.cost) best = {node, offer};
  }
  return best;
}

struct World {
  explicit World(std::uint64_t seed, int nodes, IndexSettings settings = {}) : index(fleet, settings) {
    draw.state = seed;
    for (int i = 0; i < nodes; ++i) CHECK(fleet.add_node(drawn_node(draw, "n" + std::to_string(i))));
    for (int i = 0; i < 40; ++i) shapes.push_back(*fleet.add_shape(drawn_shape(draw)));
  }
  ShapeId shape() { return shapes[static_cast<std::size_t>(draw.in(0, 39))]; }
  // One of: place by the rule, release, change a node's state.
  void step(PlacementRule rule) {
    const ShapeId wanted = shape();
    if (draw.one_in(4)) fleet.asked(wanted);
    const Found found = index.find({.shape = wanted, .rule = rule});
    if (found.node != none) tasks.push_back(*fleet.commit(wanted, found.node, {}, found.offer.device));
    if ((found.node == none || draw.one_in(5)) && !tasks.empty()) {
      std::swap(tasks[static_cast<std::size_t>(draw.in(0, static_cast<std::int64_t>(tasks.size()) - 1))], tasks.back());
      ASSERT_TRUE(fleet.release(tasks.back()));
      tasks.pop_back();
    }
    if (draw.one_in(20)) {
      const auto node = static_cast<NodeId>(draw.in(0, static_cast<std::int64_t>(fleet.node_numbers()) - 1));
      ASSERT_TRUE(fleet.set_state(node, draw.one_in(3) ? NodeState::cordoned : NodeState::ready));
    }
  }

  Draw draw;
  Fleet fleet;
  Index index;
  std::vector<ShapeId> shapes;
  std::vector<TaskId> tasks;
};

TEST(Levels, AreMonotoneAndBounded) {
  for (const std::uint64_t most : {1ULL, 1000ULL, 64'000ULL, 1ULL << 31, 1ULL << 40}) {
    Levels levels;
    levels.widen(most);
    std::uint32_t before = 0;
    for (int i = 0; i <= 4096; ++i) {
      const std::uint64_t value = most / 4096 * static_cast<std::uint64_t>(i) + most % 4096 * static_cast<std::uint64_t>(i) / 4096;
      const std::uint32_t level = levels.of(value);
      ASSERT_LT(level, Levels::count);
      ASSERT_GE(level, before);
      ASSERT_LT(value, levels.above(level));
      ASSERT_TRUE(level == 0 || value >= levels.above(level - 1));
      before = level;
    }
    EXPECT_GE(before, most < 4096 ? 0U : 55U);
  }
}

TEST(Index, NeverMissesANodeThatFitsAndAgreesWithAPlainScanWhereItSaysSo) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed)
    for (std::size_t i = 0; i < placement_rules; ++i) {
      const auto rule = static_cast<PlacementRule>(i);
      World world(seed * 100 + i, 250, {.candidates = 3, .sampled = 8, .whole = 4});
      for (int step = 0; step < 120; ++step) {
        world.step(rule);
        const Query query{.shape = world.shape(), .rule = rule, .salt = static_cast<std::uint64_t>(step)};
        const Found plain = plain_scan(world.fleet, world.index, query);
        const Found quick = world.index.find(query);
        ASSERT_EQ(quick.node == none, plain.node == none) << name(rule) << " seed " << seed << " step " << step;
        Query exact = query;
        exact.effort = Effort::exact;
        ASSERT_EQ(world.index.find(exact).node, plain.node) << name(rule);
        const Ask& ask = world.fleet.shape(query.shape).ask;
        const bool same = rule == PlacementRule::article || rule == PlacementRule::first_fit || rule == PlacementRule::random_fit ||
                          (free_order(rule) == FreeOrder::more_is_cheaper && ask.amounts.disk == 0);
        ASSERT_TRUE(!same || quick.node == plain.node) << name(rule) << " seed " << seed << " step " << step;
      }
    }
}

TEST(Index, TakesATightFitCloseToTheTightest) {
  // 2,000 equal nodes whose free amounts are drawn: best fit by six candidates leaves little more than the plain rule.
  Fleet fleet;
  Draw draw;
  const ShapeId filler = *fleet.add_shape(plain_shape(1000, 1));
  for (int i = 0; i < 2000; ++i) {
    const NodeId node = *fleet.add_node(plain_node("n" + std::to_string(i), 64'000, 64));
    for (std::int64_t load = draw.in(0, 60); load > 0; --load) ASSERT_TRUE(fleet.commit(filler, node, {}));
  }
  const Index index(fleet);
  double quick = 0, plain = 0;
  for (int i = 0; i < 50; ++i) {
    const ShapeId shape = *fleet.add_shape(plain_shape(draw.in(1000, 30'000), draw.in(1, 30)));
    quick += index.find({.shape = shape}).offer.cost;
    plain += index.find({.shape = shape, .effort = Effort::exact}).offer.cost;
  }
  EXPECT_LE(quick, plain + 0.05 * 50);
}

TEST(Index, PrefersTheTierWithMoreWishesMet) {
  Fleet fleet;
  NodeSpec near = plain_node("near", 4000, 8), far = plain_node("far", 1000, 1);
  near.labels = {{"zone", "a"}};
  far.labels = {{"zone", "b"}};
  const NodeId first = *fleet.add_node(far), second = *fleet.add_node(near);
  ShapeSpec shape = plain_shape(1000, 1);
  shape.constraints = {{.label = "zone", .is = model::Constraint::Is::equal, .values = {"a"}, .weight = 10}};
  const ShapeId wanted = *fleet.add_shape(shape), any = *fleet.add_shape(plain_shape(1000, 1));
  const Index index(fleet);
  EXPECT_EQ(index.find({.shape = any}).node, first);
  EXPECT_EQ(index.find({.shape = wanted}).node, second);
  ASSERT_TRUE(fleet.set_state(second, NodeState::cordoned));
  EXPECT_EQ(index.find({.shape = wanted}).node, first);
}

TEST(Index, WeighsDataToMoveAndEnergy) {
  Fleet fleet;
  NodeSpec here = plain_node("here", 8000, 8), there = plain_node("there", 1000, 1);
  here.site = "a";
  there.site = "b";
  here.busy_watts = 400;
  there.busy_watts = 10;
  const NodeId loose = *fleet.add_node(here), tight = *fleet.add_node(there);
  ASSERT_TRUE(fleet.set_link("a", "b", {.latency_ms = 5, .bytes_per_second = 1e8}));
  const Index index(fleet);
  ShapeSpec shape = plain_shape(1000, 1);
  EXPECT_EQ(index.find({.shape = *fleet.add_shape(shape)}).node, tight);
  shape.sources = {{"a", 100'000'000'000}};                      // a thousand seconds away
  const ShapeId moving = *fleet.add_shape(shape);
  EXPECT_DOUBLE_EQ(seconds_to_move(fleet, moving, tight), 1000);
  EXPECT_DOUBLE_EQ(seconds_to_move(fleet, moving, loose), 0);
  EXPECT_EQ(index.find({.shape = moving}).node, loose);
  shape.energy_weight = 1;
  EXPECT_EQ(index.find({.shape = *fleet.add_shape(shape)}).node, tight);
}

TEST(Index, KeepsToTheLatencyLimitOfASite) {
  Fleet fleet;
  NodeSpec near = plain_node("near", 1000, 1), far = plain_node("far", 1000, 1);
  near.site = "a";
  far.site = "b";
  const NodeId far_node = *fleet.add_node(far), near_node = *fleet.add_node(near);
  ShapeSpec shape = plain_shape(500, 1);
  shape.near = "c";
  shape.latency_limit_ms = 10;
  const ShapeId wanted = *fleet.add_shape(shape);
  const Index index(fleet);
  EXPECT_EQ(index.find({.shape = wanted}).node, none);           // nothing is said of the links
  ASSERT_TRUE(fleet.set_link("a", "c", {.latency_ms = 3, .bytes_per_second = 1e6}));
  ASSERT_TRUE(fleet.set_link("b", "c", {.latency_ms = 30, .bytes_per_second = 1e6}));
  EXPECT_EQ(index.find({.shape = wanted}).node, near_node);
  ASSERT_TRUE(fleet.set_link("b", "c", {.latency_ms = 3, .bytes_per_second = 1e6}));
  EXPECT_EQ(index.find({.shape = wanted}).node, far_node);
}

}  // namespace
}  // namespace selvedge::engine::placement
