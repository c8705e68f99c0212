#include "codec/onnx/graph.h"

namespace selvedge::codec::onnx {

using base::Code;
using base::fail;
using base::Result;

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::float32: return "float32";
    case ElementType::uint8: return "uint8";
    case ElementType::int8: return "int8";
    case ElementType::uint16: return "uint16";
    case ElementType::int16: return "int16";
    case ElementType::int32: return "int32";
    case ElementType::int64: return "int64";
    case ElementType::text: return "text";
    case ElementType::boolean: return "boolean";
    case ElementType::float16: return "float16";
    case ElementType::float64: return "float64";
    case ElementType::uint32: return "uint32";
    case ElementType::uint64: return "uint64";
  }
  return "unknown";
}

std::size_t bytes_of(ElementType type) {
  switch (type) {
    case ElementType::uint8: case ElementType::int8: case ElementType::boolean: return 1;
    case ElementType::uint16: case ElementType::int16: case ElementType::float16: return 2;
    case ElementType::float32: case ElementType::int32: case ElementType::uint32: return 4;
    case ElementType::int64: case ElementType::float64: case ElementType::uint64: return 8;
    case ElementType::text: return 0;
  }
  return 0;
}

Result<std::size_t> elements_of(const Shape& shape, std::size_t most) {
  std::size_t elements = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return fail(Code::invalid_input, "a dimension is " + std::to_string(size));
    if (size == 0) {
      empty = true;
      continue;
    }
    // Dimensions beside a zero are multiplied too: later, somebody leaves the zero out.
    if (static_cast<std::uint64_t>(size) > most / elements) {
      return fail(Code::invalid_input, "there are more than " + std::to_string(most) + " elements");
    }
    elements *= static_cast<std::size_t>(size);
  }
  return empty ? 0 : elements;
}

const Attribute* Node::attribute(std::string_view wanted) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == wanted) return &attribute;
  }
  return nullptr;
}

const Constant* Graph::constant(std::string_view wanted) const {
  for (const Constant& constant : constants) {
    if (constant.name == wanted) return &constant;
  }
  return nullptr;
}

std::unordered_map<std::string_view, const Constant*> constants_of(const Graph& graph) {
  std::unordered_map<std::string_view, const Constant*> found;
  found.reserve(graph.constants.size());
  for (const Constant& constant : graph.constants) found.emplace(constant.name, &constant);
  return found;
}

}  // namespace selvedge::codec::onnx
