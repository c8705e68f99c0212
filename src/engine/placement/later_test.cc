// What looks beyond one decision: reservations, fairness, absences, deadlines, moves, the choice of a rule.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/placement/absence.h"
#include "engine/placement/deadline.h"
#include "engine/placement/fair.h"
#include "engine/placement/fleet_for_test.h"
#include "engine/placement/moves.h"
#include "engine/placement/reserve.h"
#include "engine/placement/rule_picker.h"

namespace selvedge::engine::placement {
namespace {

using base::Code;

struct Crowd {                             // four nodes of 4 cores and 8 GiB
  Crowd() : placer(fleet, PlacementRule::best_fit), reservations(fleet, placer) {
    for (int i = 0; i < 4; ++i) nodes.push_back(*fleet.add_node(plain_node("n" + std::to_string(i), 4000, 8)));
    small = *fleet.add_shape(plain_shape(1000, 2));
    large = *fleet.add_shape(plain_shape(4000, 8));
  }
  Fleet fleet;
  Placer placer;
  Reservations reservations;
  std::vector<NodeId> nodes;
  ShapeId small, large;
};

// A stream of small tasks, each of which lasts 10, keeps the fleet full. Returns when the large one starts.
std::int64_t starts_at(Crowd& crowd, bool reserves) {
  std::vector<TaskId> running;
  bool reserved = false;
  for (std::int64_t now = 0; now < 200; ++now) {
    std::erase_if(running, [&](TaskId task) {
      if (crowd.fleet.note(task).ends > now) return false;
      base::ignore(crowd.fleet.release(task), "it ran");
      return true;
    });
    for (const Placed& placed : crowd.reservations.start())
      if (crowd.fleet.task(placed.task).shape == crowd.large) return now;
    if (now == 20 && !reserves && crowd.placer.place({crowd.large, {}})) return now;
    if (now == 20 && reserves && !reserved) {
      const auto made = crowd.reservations.reserve({crowd.large, {}}, now);
      EXPECT_TRUE(made);
      EXPECT_LE(made->starts, 30);
      reserved = true;
    }
    if (now > 20 && !reserves && crowd.placer.place({crowd.large, {}})) return now;
    for (int i = 0; i < 2; ++i) {          // 20 cores asked for, 16 there
      const auto placed = crowd.reservations.place({crowd.small, {.tag = 0, .group = none, .ends = now + 10}});
      if (placed) running.push_back(placed->task);
    }
  }
  return endless;
}

TEST(Reservations, ALargeTaskStartsByItsPromiseWhereItWouldStarve) {
  Crowd without, with;
  EXPECT_EQ(starts_at(without, false), endless);
  EXPECT_LE(starts_at(with, true), 30);
}

TEST(Reservations, FillHeldNodesWithWhatIsOverInTime) {
  Crowd crowd;
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(crowd.placer.place({crowd.small, {.tag = 0, .group = none, .ends = i % 4 == 0 ? 5 : 100}}));
  const auto made = crowd.reservations.reserve({crowd.large, {}}, 0);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->starts, 100);
  for (NodeId node : crowd.nodes) {
    const Room& room = crowd.fleet.grid().room(node);
    for (TaskId id = room.first_task, next; id != none; id = next) {
      next = crowd.fleet.task(id).next;
      if (crowd.fleet.note(id).ends == 5 && node == made->node) base::ignore(crowd.fleet.release(id), "it runs");
    }
  }
  ASSERT_EQ(crowd.fleet.space(made->node).free.cpu, 1000);
  EXPECT_FALSE(crowd.reservations.place({crowd.small, {.tag = 0, .group = none, .ends = 101}}));
  const auto filled = crowd.reservations.place({crowd.small, {.tag = 0, .group = none, .ends = 100}});
  ASSERT_TRUE(filled);
  EXPECT_EQ(filled->node, made->node);
  EXPECT_TRUE(crowd.reservations.start().empty());
  Reservations after(crowd.fleet, crowd.placer);                 // a restart
  ASSERT_TRUE(after.adopt(crowd.reservations.all()[0]));
  EXPECT_EQ(after.adopt(crowd.reservations.all()[0]).error().code, Code::conflict);
  EXPECT_TRUE(after.start().empty());
  ASSERT_TRUE(crowd.reservations.cancel(made->number));
  EXPECT_FALSE(crowd.fleet.facts(made->node).held);
  EXPECT_EQ(crowd.reservations.cancel(made->number).error().code, Code::not_found);
}

TEST(Reservations, WithoutKnownEndsTheNodeWithLeastToEndIsHeldAndDrains) {
  Crowd crowd;
  std::vector<TaskId> tasks;
  for (int i = 0; i < 15; ++i) tasks.push_back(crowd.placer.place({crowd.small, {}})->task);
  const auto made = crowd.reservations.reserve({crowd.large, {}}, 0);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->starts, endless);
  EXPECT_EQ(crowd.fleet.space(made->node).free.cpu, 1000);
  EXPECT_FALSE(crowd.reservations.place({crowd.small, {}}));     // the one hole is held
  for (const TaskId task : tasks)
    if (crowd.fleet.task(task).node() == made->node) base::ignore(crowd.fleet.release(task), "it runs");
  const auto started = crowd.reservations.start();
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0].node, made->node);
  EXPECT_TRUE(crowd.reservations.all().empty());
}

TEST(Reservations, StartOnlyWhereTheConstraintsAreStillMet) {
  Crowd crowd;
  const auto made = crowd.reservations.reserve({crowd.large, {}}, 0);
  ASSERT_TRUE(made);
  NodeSpec node = crowd.fleet.facts(made->node).spec;
  node.taints = {"reserved"};
  ASSERT_TRUE(crowd.fleet.change_node(made->node, node));
  EXPECT_TRUE(crowd.reservations.start().empty());
  const auto other = crowd.reservations.renew(made->number, 0);
  ASSERT_TRUE(other);
  EXPECT_NE(other->node, made->node);
  EXPECT_EQ(crowd.reservations.start().size(), 1U);
}

TEST(FairShares, StayWithinOneTaskOfTheExactAnswer) {
  // The example of the paper: 9 cores and 18 GB; A asks for <1, 4>, B for <3, 1>: three tasks of A and two of B.
  FairShares two({{9'000, 18 * gib, 0}, 0});
  const Holding asks[] = {{{1'000, 4 * gib, 0}, 0}, {{3'000, 1 * gib, 0}, 0}};
  std::array<int, 2> counts{};
  model::Resources left{9'000, 18 * gib, 0};
  for (int i = 0; i < 2; ++i) two.set_waiting(*two.add(), true);
  for (std::uint32_t next = two.next(); next != FairShares::nobody; next = two.next()) {
    const model::Resources& ask = asks[next].amounts;
    if (ask.cpu > left.cpu || ask.memory > left.memory) {
      two.set_waiting(next, false);
      continue;
    }
    left = {left.cpu - ask.cpu, left.memory - ask.memory, 0};
    two.gained(next, asks[next]);
    ++counts[next];
  }
  EXPECT_EQ(counts[0], 3);
  EXPECT_EQ(counts[1], 2);

  // A thousand with weights and different asks: when all still wait, all shares are within one task of each other.
  Draw draw;
  const Holding whole{{1'000'000'000, 4'000'000 * gib, 0}, 0};
  FairShares many(whole);
  std::vector<Holding> ask;
  std::vector<double> weights, steps;
  for (int i = 0; i < 1000; ++i) {
    weights.push_back(static_cast<double>(draw.in(1, 4)));
    ask.push_back({{draw.in(100, 8000), draw.in(1, 32) * gib, 0}, 0});
    const std::uint32_t tenant = *many.add(weights.back());
    many.set_waiting(tenant, true);
    steps.push_back(std::max(static_cast<double>(ask.back().amounts.cpu) / static_cast<double>(whole.amounts.cpu),
                             static_cast<double>(ask.back().amounts.memory) / static_cast<double>(whole.amounts.memory)) /
                    weights.back());
  }
  for (int i = 0; i < 100'000; ++i) many.gained(many.next(), ask[many.next()]);
  double least = 1;
  for (std::uint32_t i = 0; i < 1000; ++i) least = std::min(least, many.share(i));
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_LE(many.share(i) - steps[i], least + 1e-12);
  // Losing makes it the next again; who does not wait gets no turn.
  const Holding all = many.holding(7);
  many.lost(7, all);
  EXPECT_EQ(many.next(), 7U);
  many.set_waiting(7, false);
  EXPECT_NE(many.next(), 7U);
  EXPECT_EQ(many.add(0).error().code, Code::invalid_input);
}

TEST(Absences, HonourEachPolicyAndForgetANodeThatIsBack) {
  Fleet fleet;
  const NodeId node = *fleet.add_node(plain_node("a", 8000, 8));
  std::map<model::TaskDisconnect::Policy, TaskId> tasks;
  using Policy = model::TaskDisconnect::Policy;
  for (const Policy policy : {Policy::keep, Policy::replace, Policy::stop}) {
    ShapeSpec spec = plain_shape(1000, 1);
    spec.disconnect = {policy, base::Duration(policy == Policy::replace ? 100 : 50)};
    tasks[policy] = *fleet.commit(*fleet.add_shape(spec), node, {});
  }
  Absences absences(fleet, base::Duration(10));
  ASSERT_TRUE(absences.silent(node, 1000));
  EXPECT_EQ(absences.next(), 1060);
  EXPECT_TRUE(absences.due(1059).empty());
  const auto over = absences.due(1060);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].task, tasks[Policy::stop]);
  EXPECT_EQ(over[0].what, Absent::What::over);
  ASSERT_TRUE(fleet.release(over[0].task));
  ASSERT_TRUE(absences.heard(node));                             // before the other was due
  EXPECT_TRUE(absences.due(5000).empty());
  EXPECT_EQ(fleet.facts(node).state, NodeState::ready);
  ASSERT_TRUE(absences.silent(node, 6000));
  const auto replaced = absences.due(6110);
  ASSERT_EQ(replaced.size(), 1U);
  EXPECT_EQ(replaced[0].task, tasks[Policy::replace]);
  EXPECT_EQ(replaced[0].what, Absent::What::replace);
  EXPECT_TRUE(absences.due(1'000'000).empty());                  // told once; and the other is kept for ever
  ASSERT_TRUE(fleet.release(replaced[0].task));
  ASSERT_TRUE(absences.gone(node));
  const auto lost = absences.due(0);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].task, tasks[Policy::keep]);
}

TEST(Absences, ANodeComesBackAsItFellSilent) {
  Fleet fleet;
  const NodeId node = *fleet.add_node(plain_node("a", 8000, 8));
  ASSERT_TRUE(fleet.set_state(node, NodeState::cordoned));
  Absences absences(fleet);
  ASSERT_TRUE(absences.heard(node));                             // it was not away
  EXPECT_EQ(fleet.facts(node).state, NodeState::cordoned);
  ASSERT_TRUE(absences.silent(node, 1000));
  ASSERT_TRUE(absences.gone(node));
  EXPECT_EQ(fleet.facts(node).state, NodeState::gone);
  ASSERT_TRUE(absences.heard(node));
  EXPECT_EQ(fleet.facts(node).state, NodeState::cordoned);
  ASSERT_TRUE(absences.silent(node, 2000));
  ASSERT_TRUE(fleet.set_state(node, NodeState::draining));       // meanwhile
  ASSERT_TRUE(absences.heard(node));
  EXPECT_EQ(fleet.facts(node).state, NodeState::draining);
  ASSERT_TRUE(absences.silent(node, 3000));
  Absences after(fleet);                                         // a restart
  ASSERT_TRUE(after.heard(node));
  EXPECT_EQ(fleet.facts(node).state, NodeState::ready);
  EXPECT_EQ(after.silent(99, 0).error().code, Code::not_found);
}

TEST(Deadlines, AdmitExactlyWhatEarliestDeadlineFirstMeets) {
  // Jobs as wide as the capacity: simulated earliest deadline first is late if and only if one was refused.
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Draw draw{seed};
    Deadlines deadlines(2000);
    std::vector<DeadlineJob> taken;
    for (std::uint64_t i = 0; i < 8; ++i) {
      const DeadlineJob job{i, draw.in(1, 60), draw.in(1, 30), 2000};
      std::vector<DeadlineJob> all = taken;
      all.push_back(job);
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.deadline < b.deadline; });
      std::int64_t half = 0;               // time in halves, for two cores do two in one
      bool met = true;
      for (const DeadlineJob& one : all) {
        half += one.work;
        met = met && half <= 2 * one.deadline;
      }
      ASSERT_EQ(deadlines.admit(job, 0).has_value(), met) << seed;
      if (met) taken = all;
    }
    ASSERT_EQ(deadlines.jobs().size(), taken.size());
  }
  Deadlines one(4000);
  EXPECT_EQ(one.admit({1, 10, 20, 1000}, 0).error().message, "admit job 1: it would miss its own deadline, even alone");
  ASSERT_TRUE(one.admit({1, 10, 40, 4000}, 0));
  EXPECT_EQ(one.admit({1, 10, 1, 4000}, 0).error().code, Code::conflict);
  EXPECT_EQ(one.admit({2, 5, 1, 4000}, 0).error().message, "admit job 2: job 1 would be late by 1 ns");
  ASSERT_TRUE(one.progress(1, 20));
  ASSERT_TRUE(one.admit({2, 5, 1, 4000}, 0));
  EXPECT_EQ(one.next()->number, 2U);
  ASSERT_TRUE(one.withdraw(2));
  EXPECT_EQ(one.withdraw(2).error().code, Code::not_found);
}

TEST(Moves, MakeRoomWithTheFewestMovesAndLeaveNoTraceOfThePlan) {
  Crowd crowd;
  crowd.placer.use(PlacementRule::worst_fit);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(crowd.placer.place({crowd.small, {.tag = static_cast<std::uint64_t>(i)}}));
  // 2 or 3 on each: a whole node takes two moves.
  crowd.placer.use(PlacementRule::best_fit);
  base::Bytes before, after;
  crowd.fleet.save(before);
  EXPECT_FALSE(moves_to_fit(crowd.fleet, crowd.placer, crowd.large, {.most = 1}));
  const auto plan = moves_to_fit(crowd.fleet, crowd.placer, crowd.large);
  crowd.fleet.save(after);
  EXPECT_EQ(before, after);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->moves.size(), 2U);
  for (const Move& move : plan->moves) {
    EXPECT_EQ(move.why, Move::Why::make_room);
    EXPECT_EQ(move.from, plan->node);
    ASSERT_TRUE(make(crowd.fleet, move));
  }
  EXPECT_TRUE(crowd.fleet.has_room(crowd.large, plan->node));
  EXPECT_EQ(make(crowd.fleet, plan->moves[0]).error().code, Code::conflict);
  EXPECT_TRUE(moves_to_fit(crowd.fleet, crowd.placer, crowd.large)->moves.empty());
}

TEST(Moves, EmptyNodesThatHaveLittleToDo) {
  Crowd crowd;
  crowd.placer.use(PlacementRule::worst_fit);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(crowd.placer.place({crowd.small, {}}));
  crowd.placer.use(PlacementRule::best_fit);
  const auto moves = moves_to_empty_nodes(crowd.fleet, crowd.placer);
  EXPECT_EQ(moves.size(), 2U);                                   // 1, 1, 2, 2: the two single tasks
  for (const Move& move : moves) ASSERT_TRUE(make(crowd.fleet, move));
  EXPECT_EQ(std::count_if(crowd.nodes.begin(), crowd.nodes.end(), [&](NodeId node) { return crowd.fleet.grid().room(node).first_task == none; }), 2);
  EXPECT_TRUE(moves_to_empty_nodes(crowd.fleet, crowd.placer, {.most = 1}).empty());
}

TEST(Moves, DrainANodeAndRespectTheGroup) {
  Crowd crowd;
  const GroupId group = *crowd.fleet.add_group({.gang = false, .spread = "node", .apart = {}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(crowd.placer.place({crowd.small, {.tag = 0, .group = group}}));
  NodeId drained = none;
  for (const NodeId node : crowd.nodes)
    if (crowd.fleet.grid().room(node).first_task != none) drained = node;
  ASSERT_TRUE(crowd.fleet.commit(crowd.small, drained, {}));
  ASSERT_TRUE(crowd.fleet.set_state(drained, NodeState::draining));
  const auto moves = moves_to_drain(crowd.fleet, crowd.placer, drained);
  ASSERT_EQ(moves.size(), 2U);
  for (const Move& move : moves) {
    const bool grouped = crowd.fleet.task(move.task).grouped();   // then it goes to the node without a member
    for (const TaskId member : crowd.fleet.group(group).members) EXPECT_TRUE(!grouped || crowd.fleet.task(member).node() != move.to);
    ASSERT_TRUE(make(crowd.fleet, move));
  }
  EXPECT_EQ(crowd.fleet.grid().room(drained).first_task, none);
}

TEST(RulePicker, TakesToTheRuleThatFillsTheFleetBest) {
  // Half of the tasks fill a node: spreading the small ones would leave no room for those.
  Fleet fleet;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(fleet.add_node(plain_node("n" + std::to_string(i), 8000, 16)));
  RulePicker picker({.rules = {PlacementRule::worst_fit, PlacementRule::best_fit}, .window = 64, .nodes = 16});
  EXPECT_FALSE(picker.step(fleet, 1000));                        // nothing to replay
  Draw draw;
  for (int i = 0; i < 100; ++i) picker.saw({{draw.one_in(4) ? 8000 : 1000, draw.one_in(4) ? 16 * gib : 2 * gib, 0}, 0, 1000, 0, 0});
  EXPECT_EQ(picker.rule(), PlacementRule::worst_fit);
  int steps = 0;
  while (!picker.step(fleet, 5)) ASSERT_LT(++steps, 1000);
  EXPECT_GT(steps, 3);                                           // little by little
  EXPECT_EQ(picker.rule(), PlacementRule::best_fit);
  EXPECT_GT(picker.scores()[1], picker.scores()[0]);
  // Tasks that are all alike tell no difference: it stays.
  for (int i = 0; i < 64; ++i) picker.saw({{1000, 2 * gib, 0}, 0, 1000, 0, 0});
  while (!picker.step(fleet, 1000)) {}
  EXPECT_EQ(picker.rule(), PlacementRule::best_fit);
  EXPECT_EQ(picker.rounds(), 2U);
}

}  // namespace
}  // namespace selvedge::engine::placement
