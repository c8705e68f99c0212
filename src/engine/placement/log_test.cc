// The journal and the saved state of a fleet.

#include <gtest/gtest.h>

#include "engine/placement/fleet.h"
#include "engine/placement/fleet_for_test.h"
#include "engine/placement/placer.h"

namespace selvedge::engine::placement {
namespace {

base::Bytes saved(Fleet& fleet) {
  base::Bytes bytes;
  fleet.save(bytes);
  return bytes;
}

// A fleet that lives: nodes come, change and go, tasks are placed, displaced and released, gangs fail and succeed.
struct Life {
  explicit Life(std::uint64_t seed) : placer(fleet) {
    draw.state = seed;
    fleet.record_to(&journal);
  }
  void step() {
    const auto some = [&](std::size_t n) { return static_cast<std::uint32_t>(draw.in(0, static_cast<std::int64_t>(n) - 1)); };
    switch (draw.in(0, 13)) {
      case 0: base::ignore(fleet.add_node(drawn_node(draw, "n" + std::to_string(draw.in(0, 60)))), "it may be there"); break;
      case 1: {
        const NodeId node = fleet.node_numbers() ? some(fleet.node_numbers()) : 0;
        if (!fleet.knows(node)) break;
        base::ignore(fleet.change_node(node, drawn_node(draw, fleet.facts(node).spec.name)), "its accelerators may be in use");
        break;
      }
      case 2: {
        const NodeId node = fleet.node_numbers() ? some(fleet.node_numbers()) : 0;
        base::ignore(fleet.set_state(node, static_cast<NodeState>(draw.in(0, 2) * draw.in(0, 1))), "it may be gone");
        base::ignore(fleet.hold_node(node, draw.one_in(6)), "it may be gone");
        base::ignore(fleet.remove_node(node), "it may have tasks");
        break;
      }
      case 3: base::ignore(fleet.set_link("site-0", "site-" + std::to_string(draw.in(0, 3)), {1, 1e6}), "not with itself"); break;
      case 4: {
        ShapeSpec spec = drawn_shape(draw);
        spec.priority = static_cast<std::int32_t>(draw.in(0, 9));
        shapes.push_back(*fleet.add_shape(spec));
        break;
      }
      case 5: {
        const bool spreads = draw.one_in(2);
        groups.push_back(*fleet.add_group({.gang = draw.one_in(2), .spread = spreads ? "zone" : "", .apart = {}}));
        break;
      }
      case 6: {
        if (groups.empty()) break;
        base::ignore(fleet.drop_group(groups[some(groups.size())]), "it may have members");
        std::erase_if(groups, [&](GroupId group) { return !fleet.has_group(group); });
        break;
      }
      case 7: {
        if (shapes.size() < 20) break;
        ASSERT_TRUE(fleet.drop_shape(shapes.back()));
        shapes.pop_back();
        break;
      }
      case 8:
        for (int i = 0; i < 3 && fleet.task_numbers() > 0; ++i) base::ignore(fleet.release(some(fleet.task_numbers())), "it may be free");
        if (fleet.task_numbers() > 0) base::ignore(fleet.set_end(some(fleet.task_numbers()), draw.in(-5, 100)), "it may be free");
        break;
      case 9: {
        if (shapes.empty()) break;
        std::vector<Want> gang(static_cast<std::size_t>(draw.in(2, 12)), {shapes[some(shapes.size())], {}});
        base::ignore(placer.place_gang(gang), "it may not fit");
        break;
      }
      case 10: {
        if (shapes.empty()) break;
        base::ignore(placer.place_or_displace({shapes[some(shapes.size())], {}}), "it may not fit");
        break;
      }
      default: {
        if (shapes.empty()) break;
        Want want{shapes[some(shapes.size())], {.tag = draw.next(), .group = none, .ends = draw.in(0, 9)}};
        if (!groups.empty() && draw.one_in(3)) want.note.group = groups[some(groups.size())];
        base::ignore(placer.place(want), "it may not fit");
      }
    }
  }

  Draw draw;
  Fleet fleet;
  base::Bytes journal;
  Placer placer;
  std::vector<ShapeId> shapes;
  std::vector<GroupId> groups;
};

TEST(FleetJournal, ReplayGivesTheSamePlacementBitForBit) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Life life(seed);
    for (int i = 0; i < 400; ++i) life.step();
    ASSERT_GT(life.fleet.tasks(), 0U);
    Fleet again;
    const auto replayed = again.replay(life.journal);
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(saved(again), saved(life.fleet)) << seed;
  }
}

TEST(FleetJournal, AFleetThatIsRestoredDecidesAsItWouldHave) {
  for (std::uint64_t seed = 11; seed <= 12; ++seed) {
    Life life(seed);
    for (int i = 0; i < 400; ++i) life.step();
    const base::Bytes before = saved(life.fleet);
    auto restored = Fleet::restore(before);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(saved(**restored), before);
    // The rest of the life, recorded by the one and replayed by the other.
    life.journal.clear();
    for (int i = 0; i < 300; ++i) life.step();
    ASSERT_TRUE((*restored)->replay(life.journal));
    EXPECT_EQ(saved(**restored), saved(life.fleet));
    // And its own decisions are the same.
    Placer other(**restored);
    for (const ShapeId shape : life.shapes) {
      const auto here = life.placer.place({shape, {}}), there = other.place({shape, {}});
      ASSERT_EQ(here.has_value(), there.has_value());
      ASSERT_TRUE(!here || here->node == there->node);
    }
  }
}

TEST(FleetJournal, WhatFailsLeavesNoTrace) {
  Fleet fleet, again;
  base::Bytes journal;
  fleet.record_to(&journal);
  NodeSpec node = plain_node("a", 1000, 1);
  node.devices = 1;
  node.model = "t4";
  node.labels = {{"x", "1"}, {"x", "2"}};
  EXPECT_FALSE(fleet.add_node(node));
  EXPECT_EQ(fleet.model("t4"), std::nullopt);
  node.labels.clear();
  node.model = "a2";
  ASSERT_TRUE(fleet.add_node(node));
  ASSERT_TRUE(again.replay(journal));
  EXPECT_EQ(saved(again), saved(fleet));
}

TEST(FleetJournal, KnowsAllEnds) {
  Fleet fleet, again;
  base::Bytes journal;
  fleet.record_to(&journal);
  const NodeId node = *fleet.add_node(plain_node("a", 1000, 1));
  const ShapeId shape = *fleet.add_shape(plain_shape(1, 0));
  const std::int64_t all[] = {INT64_MIN, -1, 0, 1, INT64_MAX - 1, endless};
  for (const std::int64_t ends : all) ASSERT_TRUE(fleet.commit(shape, node, {.tag = 0, .group = none, .ends = ends}));
  for (const std::int64_t ends : all) ASSERT_TRUE(fleet.set_end(*fleet.commit(shape, node, {}), ends));
  ASSERT_TRUE(again.replay(journal));
  EXPECT_EQ(saved(again), saved(fleet));
}

TEST(FleetJournal, ATrialThatIsUndoneLeavesNoTrace) {
  Life life(21);
  for (int i = 0; i < 300; ++i) life.step();
  for (int round = 0; round < 40; ++round) {
    const base::Bytes before = saved(life.fleet), journal = life.journal;
    life.fleet.begin();
    for (int i = 0; i < 12; ++i) {
      const Want want{life.shapes[static_cast<std::size_t>(life.draw.in(0, static_cast<std::int64_t>(life.shapes.size()) - 1))], {}};
      const Found found = life.placer.look(want);
      const GroupId group = life.groups.empty() ? none : life.groups[0];
      if (found.node != none && life.draw.one_in(2))
        base::ignore(life.fleet.commit(want.shape, found.node, {.tag = 1, .group = group, .ends = 0}), "there is room");
      else
        base::ignore(life.fleet.release(static_cast<TaskId>(life.draw.in(0, static_cast<std::int64_t>(life.fleet.task_numbers()) - 1))), "it may be free");
    }
    life.fleet.undo();
    ASSERT_EQ(life.journal, journal);
    ASSERT_EQ(saved(life.fleet), before) << round;
    life.step();
  }
}

TEST(FleetJournal, RefusesRecordsThatCannotBe) {
  Life life(31);
  for (int i = 0; i < 200; ++i) life.step();
  for (std::size_t at = 0; at < life.journal.size(); at += 97) {
    base::Bytes broken = life.journal;
    broken[at] ^= static_cast<std::uint8_t>(life.draw.in(1, 255));
    Fleet fleet;
    base::ignore(fleet.replay(broken), "it may still be a record");
    base::Bytes bytes = saved(fleet);      // whatever was applied is consistent
    ASSERT_TRUE(Fleet::restore(bytes));
  }
  Fleet fleet;
  const std::uint8_t unknown[] = {99};
  EXPECT_EQ(fleet.replay(unknown).error().code, base::Code::corrupt);
}

TEST(FleetJournal, RefusesSavedStatesThatAreDamaged) {
  Life life(41);
  for (int i = 0; i < 200; ++i) life.step();
  const base::Bytes whole = saved(life.fleet);
  for (std::size_t at = 0; at < whole.size(); at += 101) {
    base::Bytes broken = whole;
    broken[at] ^= 1;
    EXPECT_EQ(Fleet::restore(broken).error().code, base::Code::corrupt);
    EXPECT_FALSE(Fleet::restore(base::BytesView(whole).first(at)));
  }
}

}  // namespace
}  // namespace selvedge::engine::placement
