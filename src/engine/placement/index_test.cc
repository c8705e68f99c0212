#include "engine/placement/index.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/placement/fleet_for_test.h"
#include "engine/placement/tight_cost.h"

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
  // 2,000 equal nodes whose free amounts are drawn: best fit by four candidates leaves little more than the plain rule.
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

TEST(Grid, HoldsInItsCellsWhatItsNodesHaveFreeEvenAfterATrial) {
  World world(7, 300);
  for (int step = 0; step < 600; ++step) {
    if (step % 50 == 49) world.fleet.begin();
    const ShapeId wanted = world.shape();
    const Found found = world.index.find({.shape = wanted, .rule = PlacementRule::best_fit});
    if (step % 50 == 49) {
      if (found.node != none) base::ignore(world.fleet.release(*world.fleet.commit(wanted, found.node, {})), "it was placed on trial");
      if (!world.tasks.empty()) base::ignore(world.fleet.release(world.tasks[0]), "it runs");
      world.fleet.undo();
    }
    world.step(PlacementRule::opportunity);
  }
  const Grid& grid = world.fleet.grid();
  std::size_t seen = 0;
  for (Cell cell = 0; cell < Grid::cells; ++cell)
    for (const Spot& spot : grid.spots(cell)) {
      ++seen;
      const Room& room = grid.room(spot.node());
      ASSERT_EQ(room.place.cell, cell);
      ASSERT_EQ(grid.spots(cell)[room.place.at].node(), spot.node());
      ASSERT_EQ(spot.cpu, room.cpu);
      ASSERT_EQ(spot.memory, room.memory);
      ASSERT_EQ(spot.cpu_capacity, room.cpu_capacity);
      ASSERT_EQ(spot.accelerated(), room.devices > 0);
    }
  EXPECT_EQ(seen, grid.count());
}

TEST(TightCost, SaysWhatTheRuleSaysToTheLastBit) {
  World world(3, 60);
  for (int step = 0; step < 300; ++step) world.step(PlacementRule::opportunity);
  const Demand& demand = world.fleet.demand();
  int compared = 0;
  for (const PlacementRule rule : {PlacementRule::best_fit, PlacementRule::opportunity})
    for (const ShapeId shape : world.shapes) {
      const Ask& ask = world.fleet.shape(shape).ask;
      if (!TightCost::knows(rule, ask, demand)) continue;
      const TightCost quick(rule, ask, demand);
      for (NodeId node = 0; node < world.fleet.node_numbers(); ++node) {
        const NodeSpace space = world.fleet.space(node);
        if (!space.devices.empty() || !fits(ask, space)) continue;
        ASSERT_EQ(quick.of(static_cast<std::int32_t>(space.capacity.cpu), static_cast<float>(space.capacity.memory), space.free.cpu, space.free.memory),
                  cost(rule, ask, space, demand));
        ++compared;
      }
    }
  EXPECT_GT(compared, 100);
}

TEST(Index, LetsOpportunityChooseAmongUnlikeShapesOfSpace) {
  // 300 nodes with as much room in all, a few of them with more processor, most with more memory: what fits the task's
  // shape is found though many others are as tight.
  Fleet fleet;
  const ShapeId eats_cpu = *fleet.add_shape(plain_shape(6'000, 2)), eats_memory = *fleet.add_shape(plain_shape(2'000, 6));
  const ShapeId wanted = *fleet.add_shape(plain_shape(6'000, 2));
  for (int i = 0; i < 300; ++i) {
    const NodeId node = *fleet.add_node(plain_node("n" + std::to_string(i), 8'000, 8));
    ASSERT_TRUE(fleet.commit(i % 60 == 59 ? eats_memory : eats_cpu, node, {}));
  }
  for (int i = 0; i < 40; ++i) fleet.asked(i % 2 ? eats_cpu : eats_memory);
  const Index index(fleet);
  const Found found = index.find({.shape = wanted, .rule = PlacementRule::opportunity});
  ASSERT_NE(found.node, none);
  EXPECT_EQ(found.node % 60, 59U);
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
