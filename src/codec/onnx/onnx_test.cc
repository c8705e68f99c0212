#include <gtest/gtest.h>

#include "codec/onnx/graph.h"
#include "codec/onnx/wire.h"

namespace selvedge::codec::onnx {
namespace {

using base::Bytes;
using base::BytesView;

Bytes floats(std::vector<float> values) {
  Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Graph sample() {
  Graph graph;
  graph.name = "sample";
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 8, 8}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 4, 8, 8}}, {"z", ElementType::uint8, {}}};
  graph.constants = {{"w", ElementType::float32, {4, 3, 1, 1}, floats(std::vector<float>(12, 0.5F))},
                     {"s", ElementType::int64, {}, Bytes(8, 0)},
                     {"none", ElementType::int8, {0, 2}, {}}};
  Node conv{.name = "first", .op = "Conv", .domain = "", .inputs = {"x", "w", ""}, .outputs = {"y"}, .attributes = {}};
  conv.attributes = {{"pads", std::vector<std::int64_t>{0, -1, 1, 1}},
                     {"group", std::int64_t{1}},
                     {"auto_pad", std::string("NOTSET")},
                     {"alpha", 0.25F},
                     {"scales", std::vector<float>{1, 2.5F}},
                     {"names", std::vector<std::string>{"a", ""}},
                     {"value", Constant{"", ElementType::uint8, {2}, {7, 8}}},
                     {"body", Inner{{1, 2, 3}}}};
  Node other{.name = "", .op = "Own", .domain = "example.org", .inputs = {"y"}, .outputs = {"z"}, .attributes = {}};
  graph.nodes = {conv, other};
  graph.values = {{"y", ElementType::float32, {1, 4, 8, 8}}};
  graph.other_sets = {{"example.org", 3}};
  return graph;
}

// A model around the fields of a graph, as another tool would write it.
Bytes model_of(BytesView graph, std::int64_t ir = 8, std::int64_t opset = 17) {
  Bytes bytes;
  Output out(bytes);
  put_integer(out, 1, ir);
  put_text(out, 2, "pytorch");
  put_message(out, 8, [&](auto& set) { put_integer(set, 2, opset); });
  put_bytes(out, 7, graph);
  put_message(out, 14, [&](auto& property) { put_text(property, 1, "key"); });
  return bytes;
}

template <typename Body>
Bytes fields(const Body& body) {
  Bytes bytes;
  Output out(bytes);
  body(out);
  return bytes;
}

base::Result<Graph> read_one_constant(const Bytes& constant) {
  return read(model_of(fields([&](auto& graph) { put_bytes(graph, 5, constant); })));
}

TEST(Onnx, ReadsWhatItWrote) {
  const Graph graph = sample();
  const Bytes bytes = write(graph);
  const auto again = read(bytes);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, graph);
  EXPECT_EQ(write(*again), bytes);
}

TEST(Onnx, ASizeOfZeroIsNotAnUnknownOne) {
  Graph graph = sample();
  graph.inputs[0].shape = {0, -1, 8, 8};
  EXPECT_EQ(read(write(graph)).value(), graph);
}

TEST(Onnx, NamesTheSetOfEveryOperatorUsed) {
  Graph graph = sample();
  graph.other_sets.clear();
  const auto again = read(write(graph));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->other_sets, (std::vector<OperatorSet>{{"example.org", 1}}));
}

TEST(Onnx, EveryTruncationIsRefusedOrIsAWholeModel) {
  const Bytes bytes = write(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto graph = read(BytesView(bytes).first(size));
    if (graph) { EXPECT_EQ(*read(write(*graph)), *graph) << size; }
  }
}

TEST(Onnx, ABitFlipInAnyByteIsRefusedOrReadsTheSameAgain) {
  Bytes bytes = write(sample());
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 7) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto graph = read(bytes);
    if (graph) { EXPECT_EQ(write(*read(write(*graph))), write(*graph)) << bit; }
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
}

TEST(Onnx, TakesElementsFromTypedFields) {
  const auto packed = fields([](auto& constant) {
    put_integer(constant, 1, 3);
    put_integer(constant, 2, 1);
    put_text(constant, 8, "c");
    put_bytes(constant, 4, floats({1, 2, 3}));
  });
  const auto single = fields([](auto& constant) {
    put_bytes(constant, 1, Bytes{2, 1});            // dimensions, packed
    put_integer(constant, 2, 3);
    put_text(constant, 8, "c");
    put_integer(constant, 5, -2);
    put_integer(constant, 5, 7);
  });
  const auto half = fields([](auto& constant) {
    put_integer(constant, 2, 10);
    put_text(constant, 8, "c");
    put_bytes(constant, 5, Bytes{0x80, 0x78});      // 0x3c00, the bits of 1.0
  });
  EXPECT_EQ(read_one_constant(packed)->constants[0].data, floats({1, 2, 3}));
  EXPECT_EQ(read_one_constant(single)->constants[0], (Constant{"c", ElementType::int8, {2, 1}, {0xFE, 7}}));
  EXPECT_EQ(read_one_constant(half)->constants[0].data, (Bytes{0x00, 0x3C}));
}

TEST(Onnx, AConstantMayNotClaimMoreThanItsBytes) {
  struct Case { std::int64_t size; std::size_t bytes; };
  for (const Case& c : {Case{4, 3}, Case{4, 5}, Case{-1, 0}, Case{std::int64_t{1} << 40, 4}, Case{std::int64_t{1} << 62, 4}}) {
    const auto constant = fields([&](auto& out) {
      put_integer(out, 1, c.size);
      put_integer(out, 1, 4);
      put_integer(out, 2, 2);
      put_text(out, 8, "c");
      put_bytes(out, 9, Bytes(c.bytes * 4));
    });
    const auto graph = read_one_constant(constant);
    ASSERT_FALSE(graph.has_value()) << c.size;
    EXPECT_TRUE(graph.error().message.starts_with("read ONNX model: constant 'c'")) << graph.error().message;
  }
}

TEST(Onnx, RefusesConstantsInOtherFiles) {
  const auto graph = read_one_constant(fields([](auto& out) {
    put_integer(out, 2, 1);
    put_text(out, 8, "c");
    put_integer(out, 14, 1);
  }));
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().message, "read ONNX model: constant 'c' is in another file");
}

TEST(Onnx, DropsConstantsListedAsInputsAndUnderstandsUnknownSizes) {
  const auto info = [](auto& out, std::string_view name, bool symbolic) {
    put_text(out, 1, name);
    put_message(out, 2, [&](auto& type) {
      put_message(type, 1, [&](auto& tensor) {
        put_integer(tensor, 1, 1);
        put_message(tensor, 2, [&](auto& shape) {
          put_message(shape, 1, [&](auto& size) {
            if (symbolic) put_text(size, 2, "batch");
            else put_integer(size, 1, 2);
          });
        });
      });
    });
  };
  const auto graph = read(model_of(fields([&](auto& out) {
    put_message(out, 11, [&](auto& value) { info(value, "x", true); });
    put_message(out, 11, [&](auto& value) { info(value, "c", false); });
    put_message(out, 5, [&](auto& constant) {
      put_integer(constant, 2, 1);
      put_text(constant, 8, "c");
      put_bytes(constant, 9, floats({1}));
    });
    put_message(out, 12, [&](auto& value) { info(value, "x", true); });
  }), 3, 8));
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  ASSERT_EQ(graph->inputs.size(), 1u);
  EXPECT_EQ(graph->inputs[0], (ValueInfo{"x", ElementType::float32, {-1}}));
  EXPECT_EQ(graph->opset, 8);
}

TEST(Onnx, RefusesAGraphOutOfOrder) {
  Graph graph = sample();
  std::swap(graph.nodes[0], graph.nodes[1]);
  const auto again = read(write(graph));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().message,
            "read ONNX model: operator 0 (Own) takes 'y', which nothing before it makes");
}

TEST(Onnx, RefusesMorePartsThanAllowed) {
  const Bytes bytes = write(sample());
  EXPECT_EQ(read(bytes, {.nodes = 1}).error().code, base::Code::exhausted);
  EXPECT_EQ(read(bytes, {.constants = 2}).error().code, base::Code::exhausted);
  EXPECT_EQ(read(bytes, {.parts = 10}).error().code, base::Code::exhausted);
  EXPECT_EQ(read(bytes, {.bytes = 10}).error().code, base::Code::exhausted);
}

}  // namespace
}  // namespace selvedge::codec::onnx
