// Operators that change how elements are stored: quantised, with half precision, sparse, of another type.

#include <array>

#include "codec/tflite/operators.h"
#include "codec/tflite/sparse.h"

namespace selvedge::codec::tflite {

using base::Bytes;
using base::Code;
using base::fail;
using base::Result;

namespace {

// A constant becomes real numbers here, once; what is computed becomes real numbers at every run.
Result<Done> dequantise(const Context& context) {
  Builder& builder = context.builder;
  const Known* known = builder.known(context.input(0));
  if (known != nullptr) {
    if (known->type != TensorType::float16 && known->type != TensorType::float32 && !known->quantised()) {
      return unsupported("this type of constant");
    }
    return builder.define_known(context.output(), *known);
  }
  const Tensor& from = context.in(0);
  if (!from.quantised() && from.type != TensorType::float16) return unsupported("this type of input");
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout, Numbers::real));
  return builder.finish(context.output(), layout, input);
}

Result<Done> quantise(const Context& context) {
  Builder& builder = context.builder;
  if (!context.out().quantised()) return unsupported("this type of output");
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout, Numbers::real));
  return builder.finish(context.output(), layout, input);
}

Result<Done> cast(const Context& context) {
  Builder& builder = context.builder;
  TensorType wanted = context.out().type;
  if (wanted == TensorType::float16) wanted = TensorType::float32;
  const auto type = element_type(wanted);
  if (!type || onnx::bytes_of(*type) == 0 || context.in(0).quantised() || context.out().quantised()) return unsupported("this type");
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  const std::string result = builder.add("Cast", {input}, {attribute("to", static_cast<std::int64_t>(*type))});
  return builder.define(context.output(), layout, Numbers::real, result);
}

Result<Done> densify(const Context& context) {
  const Tensor& from = context.in(0);
  if (!from.sparsity) return fail(Code::invalid_input, "its input is not sparse");
  Bytes dense = TRY(dense_elements(from, context.options.densified_bytes));
  return context.builder.define_known(
      context.output(), {from.type, from.shape, {}, from.quantised() ? from.quantisation : Quantisation{}}, std::move(dense));
}

constexpr auto conversions = std::to_array<Conversion>({
    {6, {}, 1, 1, dequantise},
    {114, {}, 1, 1, quantise},
    {53, {}, 1, 1, cast},
    {124, {}, 1, 1, densify},
});

}  // namespace

std::span<const Conversion> storage_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
