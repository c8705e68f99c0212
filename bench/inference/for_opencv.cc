#include <cstring>
#include <limits>

#include "inference/opencv.h"

namespace bench {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
namespace onnx = selvedge::codec::onnx;

namespace {

Result<float> bound(const onnx::Graph& graph, const onnx::Node& node, std::size_t input, float otherwise) {
  if (node.inputs.size() <= input || node.inputs[input].empty()) return otherwise;
  const onnx::Constant* const constant = graph.constant(node.inputs[input]);
  if (constant == nullptr || constant->type != onnx::ElementType::float32 || constant->data.size() != sizeof(float))
    return fail(Code::invalid_input, "the bound of " + node.name + " is no constant");
  float value = 0;
  std::memcpy(&value, constant->data.data(), sizeof value);
  return value;
}

}  // namespace

Result<onnx::Graph> for_opencv(const onnx::Graph& graph) {
  onnx::Graph changed = graph;
  changed.opset = 10;
  for (onnx::Node& node : changed.nodes) {
    if (node.op != "Clip") continue;
    const float least = TRY(bound(graph, node, 1, std::numeric_limits<float>::lowest()));
    const float most = TRY(bound(graph, node, 2, std::numeric_limits<float>::max()));
    node.inputs.resize(1);
    node.attributes = {{"min", least}, {"max", most}};
  }
  return changed;
}

}  // namespace bench
