// For tests: the network of docs/examples/export_to_onnx.py, as that script's export has it, with weights
// that tell red, green and blue pictures apart. docs/examples/colours.onnx is this.

#pragma once

#include <cstring>

#include "codec/onnx/graph.h"

namespace selvedge::capi {

inline codec::onnx::Constant floats(std::string name, codec::onnx::Shape shape, const std::vector<float>& values) {
  codec::onnx::Constant constant{.name = std::move(name), .type = codec::onnx::ElementType::float32, .shape = std::move(shape), .data = {}};
  constant.data.resize(values.size() * sizeof(float));
  std::memcpy(constant.data.data(), values.data(), constant.data.size());
  return constant;
}

inline codec::onnx::Graph colours() {
  using codec::onnx::Attribute;
  using codec::onnx::ElementType;
  using Numbers = std::vector<std::int64_t>;
  codec::onnx::Graph graph;
  graph.name = "main_graph";
  graph.opset = 17;
  graph.inputs = {{.name = "image", .type = ElementType::float32, .shape = {1, 3, 32, 32}}};
  graph.outputs = {{.name = "scores", .type = ElementType::float32, .shape = {1, 3}}};
  // The first three channels of each layer carry a colour, the others a little noise of it.
  std::vector<float> first(8 * 3 * 9), second(16 * 8 * 9), third(3 * 16);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<float>(i * 37 % 41) / 1000 - 0.02F;
  for (std::size_t i = 0; i < second.size(); ++i) second[i] = static_cast<float>(i * 29 % 43) / 1000 - 0.021F;
  for (std::size_t i = 0; i < third.size(); ++i) third[i] = static_cast<float>(i * 31 % 37) / 1000 - 0.018F;
  for (std::size_t colour = 0; colour < 3; ++colour) {
    for (std::size_t in = 0; in < 3; ++in) first[(colour * 3 + in) * 9 + 4] = in == colour ? 1.0F : -0.5F;
    second[(colour * 8 + colour) * 9 + 4] = 1;
    third[colour * 16 + colour] = 3;
  }
  graph.constants = {floats("first.weight", {8, 3, 3, 3}, first), floats("first.bias", {8}, std::vector<float>(8)),
                     floats("second.weight", {16, 8, 3, 3}, second), floats("second.bias", {16}, std::vector<float>(16)),
                     floats("classes.weight", {3, 16}, third), floats("classes.bias", {3}, std::vector<float>(3))};
  const std::vector<Attribute> convolution{{"dilations", Numbers{1, 1}}, {"group", std::int64_t{1}}, {"kernel_shape", Numbers{3, 3}},
                                           {"pads", Numbers{1, 1, 1, 1}}, {"strides", Numbers{2, 2}}};
  const auto add = [&graph](std::string name, std::string op, std::vector<std::string> inputs, std::string output, std::vector<Attribute> attributes = {}) {
    graph.nodes.push_back({.name = std::move(name), .op = std::move(op), .domain = {}, .inputs = std::move(inputs),
                           .outputs = {std::move(output)}, .attributes = std::move(attributes)});
  };
  add("/first/Conv", "Conv", {"image", "first.weight", "first.bias"}, "/first/Conv_output_0", convolution);
  add("/Relu", "Relu", {"/first/Conv_output_0"}, "/Relu_output_0");
  add("/second/Conv", "Conv", {"/Relu_output_0", "second.weight", "second.bias"}, "/second/Conv_output_0", convolution);
  add("/Relu_1", "Relu", {"/second/Conv_output_0"}, "/Relu_1_output_0");
  add("/pool/GlobalAveragePool", "GlobalAveragePool", {"/Relu_1_output_0"}, "/pool/GlobalAveragePool_output_0");
  add("/Flatten", "Flatten", {"/pool/GlobalAveragePool_output_0"}, "/Flatten_output_0", {{"axis", std::int64_t{1}}});
  add("/classes/Gemm", "Gemm", {"/Flatten_output_0", "classes.weight", "classes.bias"}, "scores",
      {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
  return graph;
}

}  // namespace selvedge::capi
