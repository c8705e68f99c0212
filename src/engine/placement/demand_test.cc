#include "engine/placement/demand.h"

#include <gtest/gtest.h>

#include <random>

namespace selvedge::engine {
namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;
constexpr model::Resources standard{16'000, 64 * gib, 0};

Ask ask_for(std::int64_t cpu, std::int64_t memory_gib) { return {{cpu, memory_gib * gib, 0}, 0, 1000, 0, 0}; }

NodeSpace standard_with(std::int64_t cpu, std::int64_t memory_gib) { return {standard, {cpu, memory_gib * gib, 0}, {}, 0, 0}; }

TEST(Demand, CountsEqualAsksTogetherWhateverTheirSalt) {
  Demand demand;
  Ask ask = ask_for(1'000, 2);
  for (ask.salt = 0; ask.salt < 5; ++ask.salt) demand.add(ask);
  demand.add(ask_for(2'000, 2));
  ASSERT_EQ(demand.shapes().size(), 2u);
  EXPECT_EQ(demand.shapes()[0].weight, 5);
  EXPECT_EQ(demand.weight(), 6);
}

TEST(Demand, KeepsWhatIsAskedForOftenAndTheNewest) {
  Demand demand;
  for (int i = 0; i < 10; ++i) demand.add(ask_for(500, 1));
  for (int i = 0; i < 1'000; ++i) demand.add(ask_for(10'000 + i, 1));
  ASSERT_EQ(demand.shapes().size(), Demand::most_shapes);
  EXPECT_EQ(demand.shapes()[0].ask.amounts.cpu, 500);
  double weight = 0;
  bool newest = false;
  for (const DemandShape& shape : demand.shapes()) {
    weight += static_cast<double>(shape.weight);
    newest = newest || shape.ask.amounts.cpu == 10'999;
    EXPECT_TRUE(shape.ask.amounts.cpu == 500 || shape.ask.amounts.cpu >= 10'900);
  }
  EXPECT_TRUE(newest);
  EXPECT_NEAR(weight, demand.weight(), 1e-6);
}

TEST(Demand, ThePastFades) {
  Demand demand;
  for (std::uint32_t i = 0; i < Demand::fading; ++i) demand.add(ask_for(500, 1));
  EXPECT_EQ(demand.weight(), Demand::fading / 2.0);
}

TEST(Demand, TellsAsksApartThatDifferInAnything) {
  Demand demand;
  Ask ask = ask_for(1'000, 2);
  demand.add(ask);
  for (const auto change : {+[](Ask& a) { a.amounts.disk = 1; }, +[](Ask& a) { a.devices = 1; }, +[](Ask& a) { a.thousandths = 500; },
                            +[](Ask& a) { a.models = 2; }, +[](Ask& a) { a.amounts.memory += 1; }}) {
    Ask other = ask;
    change(other);
    for (int i = 0; i < 2; ++i) demand.add(other);
  }
  ASSERT_EQ(demand.shapes().size(), 6u);
  for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(demand.shapes()[i].weight, 2);
}

TEST(SpaceValue, IsTheSameBuiltAnewAndBuiltOnWhatWasKnown) {
  const std::vector<SpaceShape> first = {{0.1F, 0.3F, 4}, {0.4F, 0.2F, 2}, {0.05F, 0.05F, 9}};
  const std::vector<SpaceShape> then = {{0.2F, 0.1F, 5}, {0.4F, 0.5F, 1}, {0.07F, 0.02F, 3}, {0.3F, 0.3F, 2}, {0.6F, 0.1F, 1}};
  SpaceValue on, anew;
  on.build(first, 1.5F, 60);
  on.build(then, 2, 80);
  anew.build(then, 2, 80);
  for (float cpu = 0; cpu < 2; cpu += 0.13F)
    for (float memory = 0; memory < 2; memory += 0.11F) ASSERT_NEAR(on.at(cpu, memory), anew.at(cpu, memory), 2e-3F) << cpu << " " << memory;
}

TEST(Demand, KnowsNoValuesBeforeThereAreNodesAndAsks) {
  Demand demand;
  for (int i = 0; i < 20; ++i) demand.add(ask_for(1'000, 4));
  EXPECT_FALSE(demand.knows_values());
  demand.add_node(standard);
  EXPECT_FALSE(demand.knows_values());
  demand.add(ask_for(1'000, 4));
  EXPECT_TRUE(demand.knows_values());
}

TEST(Demand, WhatBreaksTheRoomOfATaskCostsMoreThanWhatDoesNot) {
  Demand demand;
  demand.add_node(standard);
  for (int i = 0; i < 64; ++i) demand.add(ask_for(4'000, 16));
  const Ask small = ask_for(1'000, 1);
  // 5.5 cores are still room for one of the usual tasks, 3.8 are not.
  const double keeps = demand.opportunity(small, standard_with(6'500, 26));
  const double breaks = demand.opportunity(small, standard_with(4'800, 26));
  EXPECT_GT(breaks, 2 * keeps);
  // And where there was no such room, nothing is lost.
  EXPECT_NEAR(demand.opportunity(small, standard_with(3'000, 26)), 0, 1e-6);
  EXPECT_NEAR(demand.opportunity(small, standard_with(16'000, 8)), 0, 1e-6);
}

TEST(Demand, TheDefaultRulePrefersThePerfectFit) {
  std::mt19937_64 random(7);
  Demand demand;
  demand.add_node(standard);
  for (int i = 0; i < 200; ++i) {
    demand.add(ask_for(1'000 * static_cast<std::int64_t>(1 + random() % 8), static_cast<std::int64_t>(1 + random() % 32)));
  }
  const Ask ask = ask_for(5'000, 20);
  const double exact = cost(PlacementRule::opportunity, ask, standard_with(5'000, 20), demand);
  EXPECT_LT(exact, cost(PlacementRule::opportunity, ask, standard_with(6'000, 20), demand));
  EXPECT_LT(exact, cost(PlacementRule::opportunity, ask, standard_with(5'500, 21), demand));
  EXPECT_LT(exact, cost(PlacementRule::opportunity, ask, standard_with(16'000, 64), demand));
}

TEST(Demand, NodesOfAllSizesHaveValues) {
  Demand demand;
  for (const std::int64_t size : {1, 2, 8, 64, 512}) demand.add_node({1'000 * size, 4 * size * gib, 0});
  for (int i = 0; i < 40; ++i) demand.add(ask_for(500 + 100 * i, 1 + i / 2));
  for (const std::int64_t size : {1, 2, 8, 64, 512}) {
    const model::Resources all{1'000 * size, 4 * size * gib, 0};
    EXPECT_GT(demand.opportunity({all, 0, 1000, 0, 0}, {all, all, {}, 0, 0}), 0) << size;
  }
}

TEST(Demand, LearnsAnewWhenTheNodesAreOthers) {
  Demand demand;
  demand.add_node(standard);
  demand.add(ask_for(1'000, 4));
  const double before = demand.per_cpu();
  for (int i = 0; i < 9; ++i) demand.add_node({64'000, 256 * gib, 0});
  EXPECT_EQ(demand.per_cpu(), before);
  demand.add(ask_for(1'000, 4));
  EXPECT_LT(demand.per_cpu(), before / 2);
  for (int i = 0; i < 9; ++i) demand.remove_node({64'000, 256 * gib, 0});
  demand.add(ask_for(1'000, 4));
  EXPECT_DOUBLE_EQ(demand.per_cpu(), before);
}

TEST(Demand, TheSameAsksGiveTheSameCosts) {
  Demand one, other;
  for (Demand* demand : {&one, &other}) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 10; ++i) demand->add_node(standard);
    for (int i = 0; i < 300; ++i) {
      demand->add(ask_for(static_cast<std::int64_t>(500 + random() % 6'000), static_cast<std::int64_t>(1 + random() % 24)));
    }
  }
  for (std::int64_t cpu = 4'000; cpu <= 16'000; cpu += 777) {
    EXPECT_EQ(cost(PlacementRule::opportunity, ask_for(3'000, 7), standard_with(cpu, 20), one),
              cost(PlacementRule::opportunity, ask_for(3'000, 7), standard_with(cpu, 20), other));
  }
}

TEST(SpaceValue, GrowsWithSpaceAndNeverExceedsIt) {
  std::array<SpaceShape, 8> shapes{};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto n = static_cast<float>(i);
    shapes[i] = {0.05F + 0.05F * n, 0.4F - 0.04F * n, 1.0F + n};
  }
  SpaceValue value;
  value.build(shapes, 1, 100);
  EXPECT_EQ(value.at(0, 0), 0);
  for (float cpu = 0; cpu <= 1; cpu += 0.07F) {
    for (float memory = 0; memory <= 1; memory += 0.07F) {
      const float here = value.at(cpu, memory);
      EXPECT_GE(value.at(cpu + 0.05F, memory) + 1e-5F, here);
      EXPECT_GE(value.at(cpu, memory + 0.05F) + 1e-5F, here);
      EXPECT_LE(here, (cpu + memory) / 2 + 0.02F);
    }
  }
}

TEST(SpaceValue, OneShapeIsWorthItsWholeMultiples) {
  const std::array<SpaceShape, 1> shape = {{{0.25F, 0.25F, 1}}};
  SpaceValue value;
  value.build(shape, 1, 1'000);
  // Patient: four fit into a whole node, and nothing into less than one. Between its points the table rounds steps off.
  EXPECT_NEAR(value.at(1, 1), 1, 0.25);
  EXPECT_EQ(value.at(0.2F, 0.2F), 0);
  EXPECT_EQ(value.at(1, 0.2F), 0);
}

}  // namespace
}  // namespace selvedge::engine
