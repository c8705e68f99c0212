// Import: a TensorFlow Lite file as a graph of ONNX operators.
//
// Names, element types and shapes (channels last) of inputs and outputs stay as in the file; inside,
// channels come first. Sizes that the file leaves open are taken as 1. Half-precision constants become
// single, quantised tensors (uint8, and int8 with a scale for each channel) stay integers between
// QuantizeLinear and DequantizeLinear, which the model runtime computes in integers.
//
// The file may come from anyone: every offset, count and size is checked against its bytes. What we do
// not know is refused and named: "import operator 17 (UNIQUE -> tensor 40 'tags'): not supported".
// Values in, values out; any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/onnx/graph.h"

namespace selvedge::codec::tflite {

struct ImportOptions {
  std::size_t tensors = 100'000, operators = 100'000;
  std::size_t densified_bytes = std::size_t{256} << 20;   // of sparse constants, once they are dense
  std::size_t constant_bytes = std::size_t{1} << 30;      // of the graph's constants in all
  std::size_t label_bytes = std::size_t{4} << 20;
};

// An input or output. Quantised: real = scale * (stored - zero_point).
struct Port {
  std::string name;
  onnx::ElementType type = onnx::ElementType::float32;
  onnx::Shape shape;
  struct Scale { float scale = 0; std::int64_t zero_point = 0; };
  std::optional<Scale> quantised;
};

struct Imported {
  onnx::Graph graph;
  std::vector<Port> inputs, outputs;
  std::string description;                         // as the file has it; may be empty
  std::vector<std::string> labels;                 // of a ZIP archive behind the model; may be empty
};

// True if the bytes begin like a TensorFlow Lite file.
bool is_tflite(base::BytesView file);

base::Result<Imported> import(base::BytesView file, const ImportOptions& options = {});

// Names of the operators that import() knows, sorted.
std::vector<std::string_view> known_operators();

}  // namespace selvedge::codec::tflite
