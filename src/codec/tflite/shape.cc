// Operators that give the same elements another shape or order.

#include <array>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

// RESHAPE, SQUEEZE, EXPAND_DIMS: the file says the output's shape in any case.
Result<Done> reshape(const Context& context) {
  Builder& builder = context.builder;
  Shape shape = context.out().shape;
  const std::size_t elements = TRY(onnx::elements_of(context.in(0).shape));
  if (TRY(onnx::elements_of(shape)) != elements) return fail(Code::invalid_input, "the output's size does not fit the input's");
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.flat(context.input(0), numbers));
  const std::string result = builder.add("Reshape", {input, builder.integer_list(shape)});
  return builder.finish_moved(context.output(), Layout::rows, numbers, result);
}

Result<Done> transpose(const Context& context) {
  Builder& builder = context.builder;
  const std::size_t rank = context.in(0).shape.size();
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const Numbers numbers = builder.moved(context.input(0), context.output());
  std::vector<std::int64_t> order;
  for (const std::int64_t axis : TRY(builder.integers(context.input(1)))) {
    order.push_back(axis_in(layout, TRY(axis_of(axis, rank)), rank));
  }
  if (order.size() != rank) return fail(Code::invalid_input, "the order does not fit the input");
  const std::string input = TRY(builder.value(context.input(0), layout, numbers));
  return builder.finish_moved(context.output(), Layout::rows, numbers, builder.add("Transpose", {input}, {attribute("perm", order)}));
}

Result<Done> concatenate(const Context& context) {
  Builder& builder = context.builder;
  const std::size_t rank = context.out().shape.size();
  const std::size_t axis = TRY(axis_of(context.op.options.number<std::int32_t>(0), rank));
  std::vector<std::int32_t> all = context.op.inputs;
  Numbers numbers = Numbers::stored;
  for (const std::int32_t index : all) {
    if (index < 0) return fail(Code::invalid_input, "an input is left out");
    TRY(need_rank(context, index, rank));
    if (builder.moved(index, context.output()) == Numbers::real) numbers = Numbers::real;
  }
  const Activation activation = context.activation(1);
  if (activation != Activation::none) numbers = Numbers::real;
  const Layout layout = builder.layout_of(all);
  std::vector<std::string> inputs;
  for (const std::int32_t index : all) inputs.push_back(TRY(builder.value(index, layout, numbers)));
  const std::string result = builder.add("Concat", inputs, {attribute("axis", axis_in(layout, axis, rank))});
  if (numbers == Numbers::stored) return builder.define(context.output(), layout, numbers, result);
  return builder.finish(context.output(), layout, result, activation);
}

Result<Done> pack(const Context& context) {
  Builder& builder = context.builder;
  const std::size_t axis = TRY(axis_of(context.op.options.number<std::int32_t>(1), context.out().shape.size()));
  const auto place = static_cast<std::int64_t>(axis);
  std::vector<std::string> parts;
  for (const std::int32_t index : context.op.inputs) {
    const std::string input = TRY(builder.value(index, Layout::rows));
    parts.push_back(builder.add("Unsqueeze", {input, builder.integer_list({place})}));
  }
  return builder.finish(context.output(), Layout::rows, builder.add("Concat", parts, {attribute("axis", place)}));
}

Result<Done> tile(const Context& context) {
  Builder& builder = context.builder;
  const std::vector<std::int64_t> repeats = TRY(builder.integers(context.input(1)));
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), Layout::rows, numbers));
  return builder.finish_moved(context.output(), Layout::rows, numbers, builder.add("Tile", {input, builder.integer_list(repeats)}));
}

Result<Done> broadcast(const Context& context) {
  Builder& builder = context.builder;
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), Layout::rows, numbers));
  const std::string result = builder.add("Expand", {input, builder.integer_list(context.out().shape)});
  return builder.finish_moved(context.output(), Layout::rows, numbers, result);
}

// Shapes do not change, so this is a constant.
Result<Done> shape_of(const Context& context) {
  const Shape& shape = context.in(0).shape;
  base::Bytes bytes;
  const std::size_t size = context.out().type == TensorType::int64 ? 8 : 4;
  for (const std::int64_t length : shape) {
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(length) >> (8 * i)));
  }
  if (size == 4 && context.out().type != TensorType::int32) return unsupported("this type of shape");
  return context.builder.define_known(context.output(), {context.out().type, {static_cast<std::int64_t>(shape.size())}, {}, {}},
                                      std::move(bytes));
}

constexpr auto conversions = std::to_array<Conversion>({
    {22, {}, 1, 1, reshape},
    {43, {}, 1, 1, reshape},
    {70, {}, 1, 1, reshape},
    {39, {}, 2, 1, transpose},
    {2, {}, 1, 1, concatenate},
    {83, {}, 1, 1, pack},
    {69, {}, 2, 1, tile},
    {130, {}, 2, 1, broadcast},
    {77, {}, 1, 1, shape_of},
});

}  // namespace

std::span<const Conversion> shape_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
