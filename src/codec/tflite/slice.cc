// Operators that take parts of a tensor.

#include <algorithm>
#include <array>
#include <limits>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

constexpr std::int64_t to_the_end = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t to_the_start = std::numeric_limits<std::int64_t>::min();

constexpr std::int64_t farthest = std::int64_t{1} << 40;

// From `starts` up to `ends`, by axes of rows.
struct Range {
  std::vector<std::int64_t> starts, ends, steps;
};

std::string slice(Builder& builder, const std::string& input, const Range& range, Layout layout) {
  std::vector<std::int64_t> axes;
  const std::size_t rank = range.starts.size();
  for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis_in(layout, axis, rank));
  const std::string starts = builder.integer_list(range.starts), ends = builder.integer_list(range.ends);
  const std::string places = builder.integer_list(axes), steps = builder.integer_list(range.steps);
  return builder.add("Slice", {input, starts, ends, places, steps});
}

Result<Done> begin_and_size(const Context& context) {
  Builder& builder = context.builder;
  const std::size_t rank = context.in(0).shape.size();
  Range range;
  range.starts = TRY(builder.integers(context.input(1)));
  range.ends = TRY(builder.integers(context.input(2)));
  range.steps.assign(rank, 1);
  if (range.starts.size() != rank || range.ends.size() != rank) return fail(Code::invalid_input, "begin and size do not fit the input");
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t size = range.ends[axis], length = context.in(0).shape[axis];
    if (range.starts[axis] < 0 || range.starts[axis] > length || size < -1 || size > length - range.starts[axis]) {
      return fail(Code::invalid_input, "begin and size do not fit the input");
    }
    range.ends[axis] = size == -1 ? length : range.starts[axis] + size;
  }
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), layout, numbers));
  return builder.finish_moved(context.output(), layout, numbers, slice(builder, input, range, layout));
}

// StridedSliceOptions: masks of begin, end, ellipsis, new axis, shrink axis; whether end is an offset.
Result<Done> strided(const Context& context) {
  Builder& builder = context.builder;
  const auto mask = [&](unsigned field) { return context.op.options.number<std::uint32_t>(field); };
  if (mask(2) != 0 || mask(3) != 0 || context.op.options.number<std::uint8_t>(5) != 0) {
    return unsupported("an ellipsis, a new axis or an offset");
  }
  const std::size_t rank = context.in(0).shape.size();
  Range range;
  range.starts = TRY(builder.integers(context.input(1)));
  range.ends = TRY(builder.integers(context.input(2)));
  range.steps = TRY(builder.integers(context.input(3)));
  const std::size_t given = range.starts.size();
  if (given > rank || range.ends.size() != given || range.steps.size() != given) return fail(Code::invalid_input, "begin, end and strides do not fit the input");
  std::vector<std::int64_t> dropped;
  for (std::size_t axis = 0; axis < given; ++axis) {
    const std::uint32_t bit = 1U << axis;
    std::int64_t &start = range.starts[axis], &end = range.ends[axis], &step = range.steps[axis];
    if (step == 0) return fail(Code::invalid_input, "a stride is 0");
    if (start < -farthest || start > farthest) return fail(Code::invalid_input, "begin does not fit the input");
    if (mask(4) & bit) {
      end = start == -1 ? to_the_end : start + 1;
      step = 1;
      dropped.push_back(static_cast<std::int64_t>(axis));
      continue;
    }
    if (mask(0) & bit) start = step > 0 ? 0 : to_the_end;
    if (mask(1) & bit) end = step > 0 ? to_the_end : to_the_start;
  }
  for (std::size_t axis = given; axis < rank; ++axis) {
    range.starts.push_back(0);
    range.ends.push_back(to_the_end);
    range.steps.push_back(1);
  }
  const Layout layout = dropped.empty() ? builder.layout_of(std::array{context.input(0)}) : Layout::rows;
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), layout, numbers));
  std::string result = slice(builder, input, range, layout);
  if (!dropped.empty()) result = builder.add("Squeeze", {result, builder.integer_list(dropped)});
  return builder.finish_moved(context.output(), layout, numbers, result);
}

// The parts become the outputs; `sizes` has one for each.
Result<Done> split_into(const Context& context, std::int32_t from, std::size_t axis, std::vector<std::int64_t> sizes) {
  Builder& builder = context.builder;
  const std::size_t rank = builder.tensor(from).shape.size();
  const Layout layout = builder.layout_of(std::array{from});
  Numbers numbers = Numbers::stored;
  for (const std::int32_t index : context.op.outputs) {
    if (builder.moved(from, index) == Numbers::real) numbers = Numbers::real;
  }
  const std::string input = TRY(builder.value(from, layout, numbers));
  const std::string list = builder.integer_list(sizes);
  const auto parts = builder.add_many("Split", {input, list}, {attribute("axis", axis_in(layout, axis, rank))}, sizes.size());
  for (std::size_t i = 0; i < parts.size(); ++i) TRY(builder.finish_moved(context.output(i), layout, numbers, parts[i]));
  return Done{};
}

Result<Done> split(const Context& context) {
  const std::vector<std::int64_t> axis = TRY(context.builder.integers(context.input(0)));
  const Shape& shape = context.in(1).shape;
  const auto parts = static_cast<std::int64_t>(context.op.outputs.size());
  if (axis.size() != 1) return fail(Code::invalid_input, "the axis is not one number");
  const std::size_t along = TRY(axis_of(axis[0], shape.size()));
  if (shape[along] % parts != 0) return fail(Code::invalid_input, "the input cannot be split evenly");
  return split_into(context, context.input(1), along, std::vector<std::int64_t>(context.op.outputs.size(), shape[along] / parts));
}

Result<Done> split_by_sizes(const Context& context) {
  std::vector<std::int64_t> sizes = TRY(context.builder.integers(context.input(1)));
  const std::vector<std::int64_t> axis = TRY(context.builder.integers(context.input(2)));
  const Shape& shape = context.in(0).shape;
  if (axis.size() != 1 || sizes.size() != context.op.outputs.size()) return fail(Code::invalid_input, "the sizes do not fit the outputs");
  const std::size_t along = TRY(axis_of(axis[0], shape.size()));
  std::int64_t rest = shape[along];
  for (const std::int64_t size : sizes) {
    if (size > rest || size < -1) return fail(Code::invalid_input, "the sizes do not fit the input");
    rest -= std::max<std::int64_t>(size, 0);
  }
  for (std::int64_t& size : sizes) {
    if (size != -1) continue;
    size = rest;
    rest = 0;
  }
  if (rest != 0) return fail(Code::invalid_input, "the sizes do not fit the input");
  return split_into(context, context.input(0), along, std::move(sizes));
}

Result<Done> unpack(const Context& context) {
  Builder& builder = context.builder;
  const Shape& shape = context.in(0).shape;
  const std::size_t axis = TRY(axis_of(context.op.options.number<std::int32_t>(1), shape.size()));
  const auto place = static_cast<std::int64_t>(axis);
  if (shape[axis] != static_cast<std::int64_t>(context.op.outputs.size())) return fail(Code::invalid_input, "the outputs do not fit the input");
  const std::string input = TRY(builder.value(context.input(0), Layout::rows));
  const std::vector<std::int64_t> ones(context.op.outputs.size(), 1);
  const std::string list = builder.integer_list(ones);
  const auto parts = builder.add_many("Split", {input, list}, {attribute("axis", place)}, ones.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part = builder.add("Squeeze", {parts[i], builder.integer_list({place})});
    TRY(builder.finish(context.output(i), Layout::rows, part));
  }
  return Done{};
}

Result<Done> gather(const Context& context) {
  Builder& builder = context.builder;
  if (context.op.options.number<std::int32_t>(1) != 0) return unsupported("gathering in batches");
  const std::size_t axis = TRY(axis_of(context.op.options.number<std::int32_t>(0), context.in(0).shape.size()));
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), Layout::rows, numbers));
  const std::string places = TRY(builder.value(context.input(1), Layout::rows));
  const std::string result = builder.add("Gather", {input, places}, {attribute("axis", static_cast<std::int64_t>(axis))});
  return builder.finish_moved(context.output(), Layout::rows, numbers, result);
}

Result<Done> gather_nd(const Context& context) {
  Builder& builder = context.builder;
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), Layout::rows, numbers));
  std::string places = TRY(builder.value(context.input(1), Layout::rows));
  places = builder.add("Cast", {places}, {attribute("to", static_cast<std::int64_t>(ElementType::int64))});
  return builder.finish_moved(context.output(), Layout::rows, numbers, builder.add("GatherND", {input, places}));
}

constexpr auto conversions = std::to_array<Conversion>({
    {65, {}, 3, 1, begin_and_size},
    {45, {}, 4, 1, strided},
    {49, {}, 2, 1, split},
    {102, {}, 3, 1, split_by_sizes},
    {88, {}, 1, 1, unpack},
    {36, {}, 2, 1, gather},
    {107, {}, 2, 1, gather_nd},
});

}  // namespace

std::span<const Conversion> slice_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
