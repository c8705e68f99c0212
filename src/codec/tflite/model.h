// Model: what a TensorFlow Lite file says, as plain values that still point into the file's bytes.
//
// parse() bounds every offset, count and buffer, and checks that operators name tensors that exist.
// Only the first subgraph is read: further ones belong to control flow, which is not imported.
//
// Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, schema version 3.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/onnx/graph.h"
#include "codec/tflite/flatbuffer.h"

namespace selvedge::codec::tflite {

using onnx::Shape;

// Numbers as in the schema.
enum class TensorType : std::uint8_t {
  float32 = 0, float16 = 1, int32 = 2, uint8 = 3, int64 = 4, text = 5, boolean = 6, int16 = 7,
  int8 = 9, float64 = 10, uint64 = 12, uint32 = 15, uint16 = 16
};
std::optional<onnx::ElementType> element_type(TensorType type);

// real = scale * (stored - zero point); one scale, or one for each index of `dimension`.
struct Quantisation {
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;           // as many as scales
  std::int32_t dimension = 0;

  friend bool operator==(const Quantisation&, const Quantisation&) = default;
};

struct Tensor {
  std::string name;
  TensorType type = TensorType::float32;
  Shape shape;
  base::BytesView data;                            // of a constant
  bool constant = false;
  Quantisation quantisation;
  Table sparsity;                                  // none: dense

  bool quantised() const {
    return !quantisation.scales.empty() && (type == TensorType::uint8 || type == TensorType::int8);
  }
};

struct Operator {
  std::int32_t code = 0;                           // of the schema's BuiltinOperator
  std::string name;                                // "CONV_2D", or a custom operator's own
  std::vector<std::int32_t> inputs, outputs;       // tensors; -1 for an input left out
  Table options;
  base::BytesView custom_options;
};

constexpr std::int32_t custom_operator = 32;

struct Model {
  std::unique_ptr<FlatFile> file;                  // options of operators point into it
  std::string description;
  std::vector<Tensor> tensors;
  std::vector<Operator> operators;
  std::vector<std::int32_t> inputs, outputs;
};

struct ModelLimits {
  std::size_t tensors = 100'000, operators = 100'000;
};

base::Result<Model> parse(base::BytesView file, const ModelLimits& limits = {});

// "ADD"; empty if the number is unknown.
std::string_view operator_name(std::int32_t code);

}  // namespace selvedge::codec::tflite
