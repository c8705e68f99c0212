// The parts of a model, each from the bytes of its message. Errors name the part.

#pragma once

#include "codec/onnx/graph.h"
#include "codec/onnx/wire.h"

namespace selvedge::codec::onnx {

constexpr std::size_t most_dimensions = 64;        // of a constant or value

// What may still be read; each list entry of the model takes one.
class Budget {
 public:
  explicit Budget(std::size_t parts) : parts_(parts) {}
  base::Result<std::size_t> take(std::size_t count = 1);

 private:
  std::size_t parts_;
};

base::Result<ElementType> element_type(std::int64_t number);
base::Result<Constant> read_constant(base::BytesView message, Budget& budget);
base::Result<Attribute> read_attribute(base::BytesView message, Budget& budget);
base::Result<Node> read_node(base::BytesView message, Budget& budget);

// Nothing if the value is no tensor.
base::Result<std::optional<ValueInfo>> read_value_info(base::BytesView message, Budget& budget);

// The elements of a repeated integer field: one, or a packed run of them.
base::Result<std::size_t> read_integers(const Field& field, Budget& budget, std::vector<std::int64_t>& to);

}  // namespace selvedge::codec::onnx
