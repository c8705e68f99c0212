#include "engine/placement/placer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/placement/fleet_for_test.h"

namespace selvedge::engine::placement {
namespace {

using base::Code;

struct Ten {                               // nodes of 4 cores and 8 GiB, in five zones
  Ten() : placer(fleet, PlacementRule::best_fit) {
    for (int i = 0; i < 10; ++i) {
      NodeSpec node = plain_node("n" + std::to_string(i), 4000, 8);
      node.labels = {{"zone", std::to_string(i % 5)}};
      nodes.push_back(*fleet.add_node(node));
    }
  }
  ShapeId shape(std::int64_t cpu, std::int64_t memory, std::int32_t priority = 50) {
    ShapeSpec spec = plain_shape(cpu, memory);
    spec.priority = priority;
    return *fleet.add_shape(spec);
  }
  Fleet fleet;
  Placer placer;
  std::vector<NodeId> nodes;
};

TEST(Placer, SaysWhyNothingFits) {
  Ten ten;
  const auto placed = ten.placer.place({ten.shape(5000, 1), {}});
  EXPECT_EQ(placed.error().code, Code::exhausted);
  EXPECT_EQ(to_text(ten.placer.explain({ten.shape(5000, 1), {}})), "0 of 10 nodes: 10 too little cpu");
  EXPECT_EQ(ten.placer.place({99, {}}).error().code, Code::not_found);
}

TEST(Placer, SpreadsOverNodesAndGivesASecondMemberOnlyWhenItMust) {
  Ten ten;
  const GroupId group = *ten.fleet.add_group({.gang = false, .spread = "node", .apart = {}});
  const Want want{ten.shape(1000, 1), {.tag = 0, .group = group}};
  std::set<NodeId> used;
  for (int i = 0; i < 10; ++i) used.insert(ten.placer.place(want)->node);
  EXPECT_EQ(used.size(), 10U);
  std::set<NodeId> again;
  for (int i = 0; i < 10; ++i) again.insert(ten.placer.place(want)->node);
  EXPECT_EQ(again.size(), 10U);
}

TEST(Placer, SpreadsEvenlyOverTheValuesOfALabel) {
  Ten ten;
  const GroupId group = *ten.fleet.add_group({.gang = false, .spread = "zone", .apart = {}});
  const Want want{ten.shape(1000, 1), {.tag = 0, .group = group}};
  std::array<int, 5> zones{};
  for (int i = 0; i < 15; ++i) ++zones[ten.placer.place(want)->node % 5];
  for (const int zone : zones) EXPECT_EQ(zone, 3);
  // A zone that is full does not hold up the others.
  for (const NodeId node : {ten.nodes[0], ten.nodes[5]}) ASSERT_TRUE(ten.fleet.set_state(node, NodeState::cordoned));
  for (int i = 0; i < 4; ++i) EXPECT_NE(ten.placer.place(want)->node % 5, 0U);
}

TEST(Placer, KeepsGroupsApart) {
  Ten ten;
  const GroupId first = *ten.fleet.add_group({});
  const GroupId second = *ten.fleet.add_group({.gang = false, .spread = "", .apart = {first}});
  const ShapeId shape = ten.shape(1000, 1);
  std::set<NodeId> used;
  for (int i = 0; i < 36; ++i) used.insert(ten.placer.place({shape, {.tag = 0, .group = first}})->node);
  EXPECT_EQ(used.size(), 9U);                                    // packed
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(used.contains(ten.placer.place({shape, {.tag = 0, .group = second}})->node));
  const Explanation why = ten.placer.explain({shape, {.tag = 0, .group = second}});
  EXPECT_EQ(why.counts[static_cast<std::size_t>(WhyNot::apart)], 9U);
}

TEST(Placer, PlacesTheBiggestOfABatchFirst) {
  Ten ten;
  const ShapeId small = ten.shape(1000, 2), large = ten.shape(4000, 8);
  std::vector<Want> wants;
  for (int i = 0; i < 20; ++i) wants.push_back({small, {}});
  for (int i = 0; i < 5; ++i) wants.push_back({large, {}});
  wants.push_back({1234, {}});
  const auto placed = ten.placer.place_batch(wants);
  ASSERT_EQ(placed.size(), 26U);
  for (std::size_t i = 0; i < 25; ++i) EXPECT_TRUE(placed[i]) << i;
  EXPECT_EQ(placed[25].error().code, Code::not_found);
  for (const auto& one : ten.placer.place_batch(std::vector<Want>(Placer::most_batch + 1, wants[0]))) EXPECT_FALSE(one);
}

TEST(Placer, PlacesAGangWholeOrNotAtAll) {
  Ten ten;
  const GroupId group = *ten.fleet.add_group({.gang = true, .spread = "", .apart = {}});
  const std::vector<Want> wants(20, {ten.shape(2000, 4), {.tag = 0, .group = group}});
  const TaskId other = ten.placer.place({ten.shape(100, 1), {}})->task;
  base::Bytes before, after;
  ten.fleet.save(before);
  EXPECT_EQ(ten.placer.place_gang(wants).error().code, Code::exhausted);
  EXPECT_EQ(ten.fleet.tasks(), 1U);
  EXPECT_TRUE(ten.fleet.group(group).members.empty());
  ASSERT_TRUE(ten.fleet.release(other));
  EXPECT_EQ(ten.placer.place_gang(wants)->size(), 20U);
  EXPECT_EQ(ten.fleet.group(group).members.size(), 20U);
}

TEST(Placer, RivalGangsNeverBlockEachOther) {
  // A hundred gangs of which the fleet holds two at a time: whoever is asked again gets its turn, none holds a part.
  Ten ten;
  const ShapeId shape = ten.shape(2000, 4);
  std::vector<bool> done(100);
  std::vector<std::vector<Placed>> running;
  int rounds = 0;
  for (std::size_t left = done.size(); left > 0 && rounds < 1000; ++rounds) {
    for (std::size_t i = 0; i < done.size(); ++i) {
      if (done[i]) continue;
      auto placed = ten.placer.place_gang(std::vector<Want>(8, {shape, {}}));
      if (!placed) continue;
      running.push_back(*placed);
      done[i] = true;
      --left;
    }
    EXPECT_EQ(ten.fleet.tasks(), running.size() * 8);
    for (const Placed& placed : running.front()) ASSERT_TRUE(ten.fleet.release(placed.task));
    running.erase(running.begin());
  }
  EXPECT_LE(rounds, 100);
}

// All choices of tasks on all nodes, by brute force: the least cost at which the shape fits.
double cheapest_displacement(const Fleet& fleet, ShapeId shape) {
  double best = INFINITY;
  for (NodeId node = 0; node < fleet.node_numbers(); ++node) {
    std::vector<TaskId> tasks;
    for (TaskId id = fleet.grid().room(node).first_task; id != none; id = fleet.task(id).next) tasks.push_back(id);
    for (std::uint32_t chosen = 1; chosen < 1U << tasks.size(); ++chosen) {
      model::Resources free = fleet.space(node).free;
      double cost = 0;
      bool may = true;
      std::set<TaskId> victims;
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!(chosen >> i & 1)) continue;
        const Task& task = fleet.task(tasks[i]);
        victims.insert(tasks[i]);
        if (task.grouped() && fleet.group(fleet.note(tasks[i]).group).spec.gang)
          for (const TaskId member : fleet.group(fleet.note(tasks[i]).group).members) victims.insert(member);
      }
      for (const TaskId victim : victims) {
        const Shape& gone = fleet.shape(fleet.task(victim).shape);
        may = may && gone.priority < fleet.shape(shape).priority;
        cost += victim_cost(fleet, victim);
        if (fleet.task(victim).node() != node) continue;
        free.cpu += gone.ask.amounts.cpu;
        free.memory += gone.ask.amounts.memory;
      }
      const model::Resources& ask = fleet.shape(shape).ask.amounts;
      if (may && free.cpu >= ask.cpu && free.memory >= ask.memory) best = std::min(best, cost);
    }
  }
  return best;
}

TEST(Preemption, IsAsCheapAsTheCheapestOfAllChoices) {
  int planned = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Draw draw{seed};
    Fleet fleet;
    Placer placer(fleet, PlacementRule::worst_fit);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(fleet.add_node(plain_node("n" + std::to_string(i), 8000, 16)));
    const GroupId gang = *fleet.add_group({.gang = true, .spread = "", .apart = {}});
    for (int i = 0; i < 24; ++i) {
      ShapeSpec spec = plain_shape(draw.in(500, 3000), draw.in(1, 5));
      spec.priority = static_cast<std::int32_t>(draw.in(0, 9));
      base::ignore(placer.place({*fleet.add_shape(spec), {.tag = 0, .group = draw.one_in(5) ? gang : none}}), "it may be full");
    }
    ShapeSpec spec = plain_shape(draw.in(3000, 8000), draw.in(4, 16));
    spec.priority = static_cast<std::int32_t>(draw.in(3, 12));
    const ShapeId shape = *fleet.add_shape(spec);
    if (placer.look({shape, {}}).node != none) continue;
    const double best = cheapest_displacement(fleet, shape);
    const auto plan = plan_preemption(fleet, shape);
    ASSERT_EQ(plan.has_value(), std::isfinite(best)) << seed;
    if (!plan) continue;
    ++planned;
    EXPECT_EQ(plan->cost, best) << seed;
    EXPECT_FALSE(plan_preemption(fleet, shape, {.most_cost = best - 0.5}));
    const std::uint32_t before = fleet.tasks();
    const auto displaced = placer.place_or_displace({shape, {.tag = 77}});
    ASSERT_TRUE(displaced);
    EXPECT_EQ(displaced->placed.node, plan->node);
    EXPECT_EQ(fleet.tasks(), before - plan->victims.size() + 1);
    EXPECT_TRUE(fleet.group(gang).members.empty() || displaced->victims.size() < plan->victims.size() + 1);
  }
  EXPECT_GT(planned, 10);
}

TEST(Preemption, NeverTakesPartOfAGangNorTasksOfEqualPriority) {
  Ten ten;
  const GroupId gang = *ten.fleet.add_group({.gang = true, .spread = "", .apart = {}});
  std::vector<Want> members(9, {ten.shape(4000, 8, 1), {.tag = 0, .group = gang}});
  members.push_back({ten.shape(4000, 7, 60), {.tag = 0, .group = gang}});
  ASSERT_TRUE(ten.placer.place_gang(members));
  EXPECT_FALSE(plan_preemption(ten.fleet, ten.shape(1000, 1, 50)));        // one member is above
  EXPECT_FALSE(plan_preemption(ten.fleet, ten.shape(1000, 1, 60)));
  EXPECT_EQ(ten.placer.place_or_displace({ten.shape(1000, 2, 60), {}}).error().code, Code::exhausted);
  const auto displaced = ten.placer.place_or_displace({ten.shape(1000, 2, 61), {}});
  ASSERT_TRUE(displaced);
  EXPECT_EQ(displaced->victims.size(), 10U);
  EXPECT_EQ(ten.fleet.tasks(), 1U);
}

TEST(Explanation, NamesEveryReasonAndHowMuchIsMissing) {
  Fleet fleet;
  NodeSpec spec = plain_node("a", 1000, 2);
  spec.taints = {"reserved"};
  spec.labels = {{"arch", "arm64"}};
  const NodeId bad = *fleet.add_node(spec);
  const NodeId near = *fleet.add_node(plain_node("b", 2000, 2));
  const NodeId away = *fleet.add_node(plain_node("c", 9000, 9));
  ASSERT_TRUE(fleet.set_state(away, NodeState::draining));
  ShapeSpec shape = plain_shape(2500, 3);
  shape.constraints = {{.label = "arch", .is = model::Constraint::Is::not_equal, .values = {"arm64"}}};
  shape.accelerators = {1, 1000, "t4"};
  const ShapeId wanted = *fleet.add_shape(shape);
  EXPECT_EQ(to_text(fleet, wanted, explain_node(fleet, wanted, bad)),
            "node 'a': constraint on 'arch' not met; taint 'reserved' not tolerated; no accelerator of model 't4'; "
            "1500 thousandths of cpu missing; 1073741824 bytes of memory missing; 1 accelerators missing");
  shape.accelerators = {};
  const ShapeId other = *fleet.add_shape(shape);
  const Explanation why = explain(fleet, other, 2);
  EXPECT_EQ(why.fit, 0U);
  ASSERT_EQ(why.closest.size(), 2U);
  EXPECT_EQ(why.closest[0].node, near);
  EXPECT_EQ(why.closest[1].node, away);
  EXPECT_EQ(why.unmet, std::vector<std::uint32_t>{1});
  EXPECT_EQ(why.most_free.cpu, 2000);
  EXPECT_EQ(to_text(why), "0 of 3 nodes: 1 not ready, 1 constraint not met, 1 too little cpu");
  EXPECT_EQ(explain_node(fleet, other, near).missing.cpu, 500);
}

}  // namespace
}  // namespace selvedge::engine::placement
