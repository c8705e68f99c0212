// Operators: what each operator of a TensorFlow Lite file is in ONNX.
//
// A conversion takes its inputs from the builder and defines its outputs there. That the lists of
// inputs and outputs are long enough has been checked; shapes and options have not.

#pragma once

#include <span>
#include <string_view>

#include "codec/tflite/builder.h"
#include "codec/tflite/import.h"

namespace selvedge::codec::tflite {

struct Context {
  Builder& builder;
  const Operator& op;
  const ImportOptions& options;

  std::int32_t input(std::size_t place) const { return place < op.inputs.size() ? op.inputs[place] : -1; }
  std::int32_t output(std::size_t place = 0) const { return op.outputs[place]; }
  const Tensor& in(std::size_t place) const { return builder.tensor(op.inputs[place]); }
  const Tensor& out(std::size_t place = 0) const { return builder.tensor(op.outputs[place]); }
  Activation activation(unsigned field) const { return static_cast<Activation>(op.options.number<std::uint8_t>(field)); }
};

using Convert = base::Result<Done> (*)(const Context& context);

struct Conversion {
  std::int32_t code = 0;
  std::string_view custom;                         // name of a custom operator
  std::size_t inputs = 1, outputs = 1;             // at least
  Convert convert = nullptr;
};

// Null: not known.
const Conversion* find_conversion(const Operator& op);

// By subject; each list is in the .cc file of that name.
std::span<const Conversion> arithmetic_conversions();
std::span<const Conversion> compare_conversions();
std::span<const Conversion> convolution_conversions();
std::span<const Conversion> detection_conversions();
std::span<const Conversion> picture_conversions();
std::span<const Conversion> reduce_conversions();
std::span<const Conversion> shape_conversions();
std::span<const Conversion> slice_conversions();
std::span<const Conversion> storage_conversions();

// For conversions.
base::Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank);   // counts from the end if negative
std::int64_t axis_in(Layout layout, std::size_t axis, std::size_t rank);  // of rows -> where it is there
base::Result<Done> need_rank(const Context& context, std::int32_t index, std::size_t rank);
std::unexpected<base::Error> unsupported(std::string what);

}  // namespace selvedge::codec::tflite
