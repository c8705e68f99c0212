#include "engine/placement/fleet.h"

#include <gtest/gtest.h>

#include "engine/placement/fleet_for_test.h"

namespace selvedge::engine::placement {
namespace {

using base::Code;

TEST(Fleet, KeepsCountOfWhatIsFree) {
  Fleet fleet;
  const NodeId node = *fleet.add_node(plain_node("a", 4000, 8));
  const ShapeId shape = *fleet.add_shape(plain_shape(1500, 3));
  const TaskId first = *fleet.commit(shape, node, {.tag = 7});
  EXPECT_EQ(fleet.space(node).free.cpu, 2500);
  EXPECT_EQ(fleet.space(node).free.memory, 5 * gib);
  ASSERT_TRUE(fleet.commit(shape, node, {}));
  EXPECT_FALSE(fleet.has_room(shape, node));
  EXPECT_EQ(fleet.remove_node(node).error().code, Code::conflict);
  ASSERT_TRUE(fleet.release(first));
  EXPECT_EQ(fleet.release(first).error().code, Code::not_found);
  EXPECT_EQ(fleet.space(node).free.cpu, 2500);
  EXPECT_EQ(fleet.tasks(), 1U);
}

TEST(Fleet, SharesAcceleratorsInThousandths) {
  Fleet fleet;
  NodeSpec spec = plain_node("a", 64'000, 64);
  spec.devices = 2;
  spec.model = "t4";
  const NodeId node = *fleet.add_node(spec);
  ShapeSpec shape = plain_shape(1, 0);
  shape.accelerators = {1, 600, "t4"};
  const ShapeId part = *fleet.add_shape(shape);
  shape.accelerators = {2, 1000, ""};
  const ShapeId both = *fleet.add_shape(shape);
  shape.accelerators = {1, 1000, "a100"};
  const ShapeId other = *fleet.add_shape(shape);
  EXPECT_TRUE(fleet.has_room(both, node));
  EXPECT_FALSE(fleet.has_room(other, node));
  const TaskId first = *fleet.commit(part, node, {}, 1);
  EXPECT_EQ(fleet.space(node).devices[1], 400);
  EXPECT_FALSE(fleet.has_room(both, node));
  const TaskId second = *fleet.commit(part, node, {}, 1);        // that one is too full: it goes to the other
  EXPECT_EQ(fleet.space(node).devices[0], 400);
  EXPECT_FALSE(fleet.has_room(part, node));
  ASSERT_TRUE(fleet.release(first));
  ASSERT_TRUE(fleet.release(second));
  const TaskId third = *fleet.commit(both, node, {});
  EXPECT_EQ(fleet.task(third).devices, 3);
  EXPECT_EQ(fleet.space(node).devices[0], 0);
}

TEST(Fleet, KeepsMasksWithChangesOfNodes) {
  Fleet fleet;
  ShapeSpec shape = plain_shape(1, 0);
  shape.constraints = {{.label = "arch", .is = model::Constraint::Is::equal, .values = {"arm64"}}};
  const SetId set = fleet.shape(*fleet.add_shape(shape)).set;
  NodeSpec spec = plain_node("a", 1000, 1);
  spec.labels = {{"arch", "arm64"}};
  const NodeId node = *fleet.add_node(spec);
  EXPECT_TRUE(fleet.set(set).mask.test(node));
  spec.taints = {"maintenance"};
  ASSERT_TRUE(fleet.change_node(node, spec));
  EXPECT_FALSE(fleet.set(set).mask.test(node));
  spec.taints = {};
  ASSERT_TRUE(fleet.change_node(node, spec));
  EXPECT_TRUE(fleet.set(set).mask.test(node));
  ASSERT_TRUE(fleet.remove_node(node));
  EXPECT_EQ(fleet.set(set).mask.count(), 0U);
  // Another node gets the number, and nothing of the first.
  EXPECT_EQ(*fleet.add_node(plain_node("b", 1000, 1)), node);
  EXPECT_FALSE(fleet.set(set).mask.test(node));
}

TEST(Fleet, TellsConstraintsApart) {
  Fleet fleet;
  NodeSpec spec = plain_node("a", 1000, 1);
  spec.site = "porto";
  spec.labels = {{"cores", "8"}, {"tier", "gold"}};
  const NodeId node = *fleet.add_node(spec);
  using Is = model::Constraint::Is;
  const auto meets = [&](const char* label, Is is, std::vector<std::string> values) {
    ShapeSpec shape = plain_shape(1, 0);
    shape.constraints = {{.label = label, .is = is, .values = std::move(values)}};
    return fleet.set(fleet.shape(*fleet.add_shape(shape)).set).mask.test(node);
  };
  EXPECT_TRUE(meets("site", Is::equal, {"porto"}));
  EXPECT_TRUE(meets("node", Is::one_of, {"b", "a"}));
  EXPECT_FALSE(meets("node", Is::none_of, {"b", "a"}));
  EXPECT_TRUE(meets("tier", Is::not_equal, {"silver"}));
  EXPECT_TRUE(meets("tier", Is::exists, {}));
  EXPECT_FALSE(meets("tier", Is::absent, {}));
  EXPECT_TRUE(meets("rack", Is::absent, {}));
  EXPECT_TRUE(meets("cores", Is::at_least, {"8"}));
  EXPECT_FALSE(meets("cores", Is::at_least, {"8.5"}));
  EXPECT_TRUE(meets("cores", Is::at_most, {"10"}));
  EXPECT_FALSE(meets("tier", Is::at_most, {"10"}));              // not a number
  ShapeSpec shape = plain_shape(1, 0);
  shape.constraints = {{.label = "cores", .is = Is::at_least, .values = {"many"}}};
  EXPECT_EQ(fleet.add_shape(shape).error().code, Code::invalid_input);
}

TEST(Fleet, KeepsEqualShapesOnceAndForgetsThemWhenNobodyNeedsThem) {
  Fleet fleet;
  const NodeId node = *fleet.add_node(plain_node("a", 1000, 1));
  const ShapeId shape = *fleet.add_shape(plain_shape(100, 0));
  EXPECT_EQ(*fleet.add_shape(plain_shape(100, 0)), shape);
  const TaskId task = *fleet.commit(shape, node, {});
  ASSERT_TRUE(fleet.drop_shape(shape));
  ASSERT_TRUE(fleet.drop_shape(shape));
  EXPECT_EQ(fleet.drop_shape(shape).error().code, Code::not_found);
  EXPECT_TRUE(fleet.has_shape(shape));                           // its task goes on
  ASSERT_TRUE(fleet.release(task));
  EXPECT_FALSE(fleet.has_shape(shape));
}

TEST(Fleet, ANodeThatShrinksBelowItsLoadTakesNothingUntilItFits) {
  Fleet fleet;
  NodeSpec spec = plain_node("a", 4000, 8);
  const NodeId node = *fleet.add_node(spec);
  const ShapeId shape = *fleet.add_shape(plain_shape(3000, 1)), tiny = *fleet.add_shape(plain_shape(0, 0));
  const TaskId task = *fleet.commit(shape, node, {});
  spec.capacity.cpu = 1000;
  ASSERT_TRUE(fleet.change_node(node, spec));
  EXPECT_EQ(fleet.space(node).free.cpu, -2000);
  EXPECT_EQ(fleet.grid().count(), 0U);
  EXPECT_FALSE(fleet.has_room(tiny, node));
  ASSERT_TRUE(fleet.release(task));
  EXPECT_EQ(fleet.space(node).free.cpu, 1000);
  EXPECT_EQ(fleet.grid().count(), 1U);
}

TEST(Fleet, ANumberThatIsGivenAgainBringsNothingOfItsPast) {
  Fleet fleet;
  const NodeId node = *fleet.add_node(plain_node("a", 1000, 1));
  ASSERT_TRUE(fleet.hold_node(node, true));
  EXPECT_EQ(fleet.remove_node(node).error().code, Code::conflict);         // somebody counts on it
  ASSERT_TRUE(fleet.hold_node(node, false));
  EXPECT_TRUE(fleet.remove_node(node));
  const GroupId first = *fleet.add_group({});
  const GroupId second = *fleet.add_group({.gang = false, .spread = "", .apart = {first}});
  ASSERT_TRUE(fleet.drop_group(first));
  EXPECT_EQ(*fleet.add_group({}), first);
  EXPECT_TRUE(fleet.group(second).spec.apart.empty());           // it named another
}

TEST(Fleet, RefusesWhatIsOutOfBounds) {
  Fleet fleet;
  NodeSpec node = plain_node("a", Limits::cpu, 1);
  EXPECT_EQ(fleet.add_node(node).error().code, Code::invalid_input);
  node = plain_node("a", 1, 1);
  node.labels = {{"x", "1"}, {"x", "2"}};
  EXPECT_EQ(fleet.add_node(node).error().code, Code::invalid_input);
  node.labels = {{"site", "1"}};
  EXPECT_EQ(fleet.add_node(node).error().code, Code::invalid_input);
  node.labels.clear();
  ASSERT_TRUE(fleet.add_node(node));
  EXPECT_EQ(fleet.add_node(node).error().code, Code::conflict);
  ShapeSpec shape = plain_shape(-1, 1);
  EXPECT_EQ(fleet.add_shape(shape).error().code, Code::invalid_input);
  shape = plain_shape(1, 1);
  for (const model::AcceleratorAsk& ask : {model::AcceleratorAsk{2, 500, ""}, {1, 1001, ""}, {0, 0, ""}, {0, 1001, ""}}) {
    shape.accelerators = ask;
    EXPECT_EQ(fleet.add_shape(shape).error().code, Code::invalid_input);
  }
  EXPECT_EQ(fleet.add_group({.apart = {3}}).error().code, Code::not_found);
  EXPECT_EQ(fleet.set_link("a", "b", {-1, 1}).error().code, Code::invalid_input);
}

}  // namespace
}  // namespace selvedge::engine::placement
