#include "cli/graph_shapes.h"

#include <gtest/gtest.h>

#include <cstring>

namespace selvedge::cli {
namespace {

using codec::onnx::Attribute;
using codec::onnx::Constant;
using codec::onnx::ElementType;
using codec::onnx::Graph;
using codec::onnx::Node;
using codec::onnx::Shape;
using Numbers = std::vector<std::int64_t>;

Node node(std::string op, std::vector<std::string> inputs, std::string output, std::vector<Attribute> attributes = {}) {
  return {.name = {}, .op = std::move(op), .domain = {}, .inputs = std::move(inputs), .outputs = {std::move(output)},
          .attributes = std::move(attributes)};
}

Constant weights(std::string name, Shape shape) {
  Constant constant{.name = std::move(name), .type = ElementType::float32, .shape = std::move(shape), .data = {}};
  std::size_t count = 4;
  for (const auto side : constant.shape) count *= static_cast<std::size_t>(side);
  constant.data.resize(count);
  return constant;
}

Constant integers(std::string name, const Numbers& values) {
  Constant constant{.name = std::move(name), .type = ElementType::int64, .shape = {static_cast<std::int64_t>(values.size())}, .data = {}};
  constant.data.resize(values.size() * 8);
  std::memcpy(constant.data.data(), values.data(), constant.data.size());
  return constant;
}

Graph graph(Shape input, std::vector<Node> nodes, std::vector<Constant> constants) {
  Graph made;
  made.inputs = {{.name = "in", .type = ElementType::float32, .shape = std::move(input)}};
  made.nodes = std::move(nodes);
  made.constants = std::move(constants);
  return made;
}

TEST(GraphShapes, FollowsAConvolutionWithUnevenPadding) {
  const Graph g = graph({-1, 3, 300, 300},
                        {node("Conv", {"in", "w"}, "out", {{"strides", Numbers{2, 2}}, {"pads", Numbers{0, 0, 1, 1}}})},
                        {weights("w", {32, 3, 3, 3})});
  const Shapes shapes = shapes_of(g);
  EXPECT_EQ(shapes.at("out"), (Shape{1, 32, 150, 150}));
  EXPECT_EQ(multiplications_of(g.nodes[0], shapes), 32u * 150 * 150 * 27);
}

TEST(GraphShapes, CountsADepthwiseConvolutionByItsGroups) {
  const Graph g = graph({1, 8, 10, 10}, {node("Conv", {"in", "w"}, "out", {{"group", std::int64_t{8}}})}, {weights("w", {8, 1, 3, 3})});
  EXPECT_EQ(multiplications_of(g.nodes[0], shapes_of(g)), 8u * 8 * 8 * 9);
}

TEST(GraphShapes, FollowsWhatLiesBetweenPictureAndClasses) {
  const Graph g = graph({1, 4, 9, 9},
                        {node("MaxPool", {"in"}, "pool", {{"kernel_shape", Numbers{3, 3}}, {"strides", Numbers{3, 3}}}),
                         node("Relu", {"pool"}, "relu"), node("Transpose", {"relu"}, "turned", {{"perm", Numbers{0, 2, 3, 1}}}),
                         node("Reshape", {"turned", "shape"}, "flat"), node("Gemm", {"flat", "w"}, "classes", {{"transB", std::int64_t{1}}}),
                         node("Softmax", {"classes"}, "shares")},
                        {integers("shape", {0, -1}), weights("w", {10, 36})});
  const Shapes shapes = shapes_of(g);
  EXPECT_EQ(shapes.at("turned"), (Shape{1, 3, 3, 4}));
  EXPECT_EQ(shapes.at("flat"), (Shape{1, 36}));
  EXPECT_EQ(shapes.at("shares"), (Shape{1, 10}));
  EXPECT_EQ(multiplications_of(g.nodes[4], shapes), 360u);
  EXPECT_EQ(multiplications_of(g.nodes[1], shapes), 0u);
}

TEST(GraphShapes, JoinsBroadcastsAndReduces) {
  const Graph g = graph({1, 2, 4, 4},
                        {node("Concat", {"in", "in"}, "both", {{"axis", std::int64_t{1}}}), node("Mul", {"both", "each"}, "scaled"),
                         node("ReduceMean", {"scaled"}, "mean", {{"axes", Numbers{2, 3}}, {"keepdims", std::int64_t{0}}}),
                         node("GlobalAveragePool", {"scaled"}, "pooled"), node("Squeeze", {"pooled"}, "flat"),
                         node("Pad", {"in", "pads"}, "padded"), node("Unsqueeze", {"mean"}, "more", {{"axes", Numbers{-1}}})},
                        {weights("each", {4, 1, 1}), integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})});
  const Shapes shapes = shapes_of(g);
  EXPECT_EQ(shapes.at("scaled"), (Shape{1, 4, 4, 4}));
  EXPECT_EQ(shapes.at("mean"), (Shape{1, 4}));
  EXPECT_EQ(shapes.at("pooled"), (Shape{1, 4, 1, 1}));
  EXPECT_EQ(shapes.at("flat"), (Shape{4}));
  EXPECT_EQ(shapes.at("padded"), (Shape{1, 2, 6, 6}));
  EXPECT_EQ(shapes.at("more"), (Shape{1, 4, 1}));
}

TEST(GraphShapes, LeavesOutWhatItDoesNotKnow) {
  const Graph g = graph({1, 3, 8, 8}, {node("Mystery", {"in"}, "what"), node("Conv", {"what", "w"}, "out")}, {weights("w", {4, 3, 3, 3})});
  const Shapes shapes = shapes_of(g);
  EXPECT_FALSE(shapes.contains("what"));
  EXPECT_FALSE(shapes.contains("out"));
  EXPECT_EQ(multiplications_of(g.nodes[1], shapes), std::nullopt);
}

TEST(GraphShapes, IsNotMovedByAnAbsurdModel) {
  const std::int64_t huge = std::int64_t{1} << 62;
  Graph g = graph({huge, huge, huge, huge},
                  {node("Conv", {"in", "w"}, "a"), node("Reshape", {"ok", "shape"}, "b"),
                   node("Transpose", {"ok"}, "c", {{"perm", Numbers{9, -9, 0, 1}}}),
                   node("Concat", {"ok", "ok"}, "d", {{"axis", std::int64_t{99}}}),
                   node("MaxPool", {"ok"}, "e", {{"kernel_shape", Numbers{0, huge}}, {"strides", Numbers{0, -1}}}),
                   node("DepthToSpace", {"ok"}, "f", {{"blocksize", huge}}), node("Split", {"ok"}, "g", {{"axis", std::int64_t{-77}}}),
                   node("Conv", {}, "h"), node("Gather", {"ok", "ok"}, "i", {{"axis", huge}}),
                   node("Pad", {"ok"}, "j", {{"pads", Numbers{huge, huge, huge, huge, huge, huge, huge, huge}}}),
                   node("ConvTranspose", {"ok", "ok"}, "k", {{"strides", Numbers{huge, huge}}, {"pads", Numbers{-huge, -huge, -huge, -huge}}, {"group", huge}}),
                   node("AveragePool", {"ok"}, "l", {{"kernel_shape", Numbers{huge, -huge}}, {"dilations", Numbers{-huge, -huge}}})},
                  {weights("w", {1, 1, 1, 1}), integers("shape", {huge, huge, huge, -1})});
  g.values = {{.name = "ok", .type = ElementType::float32, .shape = {1, 3, 8, 8}}};
  const Shapes shapes = shapes_of(g);
  for (const Node& n : g.nodes) multiplications_of(n, shapes);
  for (const char* name : {"a", "b", "d", "e", "f", "g", "j", "k"}) EXPECT_FALSE(shapes.contains(name)) << name;
}

}  // namespace
}  // namespace selvedge::cli
