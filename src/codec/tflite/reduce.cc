// Operators that go along an axis: sums, means, extremes, soft maximum, norms, the best of many.

#include <algorithm>
#include <array>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

onnx::Attribute keep(bool kept) { return attribute("keepdims", std::int64_t{kept ? 1 : 0}); }

Result<Done> reduce(const Context& context, std::string_view op) {
  Builder& builder = context.builder;
  const std::size_t rank = context.in(0).shape.size();
  const bool kept = context.op.options.number<std::uint8_t>(0) != 0;
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : TRY(builder.integers(context.input(1)))) axes.push_back(TRY(axis_of(axis, rank)));
  std::ranges::sort(axes);
  axes.erase(std::ranges::unique(axes).begin(), axes.end());
  // Without both picture axes the rest comes out in the order of rows either way.
  const bool picture = std::ranges::count(axes, 1U) + std::ranges::count(axes, 2U) == 2;
  Layout layout = builder.layout_of(std::array{context.input(0)});
  if (!kept && !picture) layout = Layout::rows;
  std::vector<std::int64_t> places;
  for (const std::size_t axis : axes) places.push_back(axis_in(layout, axis, rank));
  std::ranges::sort(places);
  const std::string input = TRY(builder.value(context.input(0), layout));
  std::string result;
  if (places.empty()) {
    result = builder.add("Identity", {input});
  } else if (op == "ReduceSum") {
    result = builder.add(op, {input, builder.integer_list(places)}, {keep(kept)});
  } else {
    result = builder.add(op, {input}, {attribute("axes", places), keep(kept)});
  }
  return builder.finish(context.output(), kept ? layout : Layout::rows, result);
}

Result<Done> best_of(const Context& context, std::string_view op) {
  Builder& builder = context.builder;
  const std::vector<std::int64_t> axis = TRY(builder.integers(context.input(1)));
  const auto type = element_type(context.out().type);
  if (axis.size() != 1 || !type) return fail(Code::invalid_input, "the axis is not one number");
  const std::size_t rank = context.in(0).shape.size();
  const std::size_t along = TRY(axis_of(axis[0], rank));
  const Layout layout = along == rank - 1 ? builder.layout_of(std::array{context.input(0)}) : Layout::rows;
  // Integers of one scale are ordered like the numbers they stand for.
  const std::string input = TRY(builder.value(context.input(0), layout, Numbers::stored));
  std::string result = builder.add(op, {input}, {attribute("axis", axis_in(layout, along, rank)), keep(false)});
  if (*type != ElementType::int64) result = builder.add("Cast", {result}, {attribute("to", static_cast<std::int64_t>(*type))});
  return builder.finish(context.output(), Layout::rows, result);
}

// Along the last axis, which in planes is another.
Result<Done> along_last(const Context& context, std::string_view op, std::string input, Layout layout) {
  const std::size_t rank = context.in(0).shape.size();
  if (rank == 0) return fail(Code::invalid_input, "it has no axis");
  const std::int64_t axis = axis_in(layout, rank - 1, rank);
  return context.builder.finish(context.output(), layout, context.builder.add(op, {std::move(input)}, {attribute("axis", axis)}));
}

Result<Done> last_axis(const Context& context, std::string_view op) {
  const Layout layout = context.builder.layout_of(std::array{context.input(0)});
  std::string input = TRY(context.builder.value(context.input(0), layout));
  return along_last(context, op, std::move(input), layout);
}

Result<Done> softmax(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  std::string input = TRY(builder.value(context.input(0), layout));
  const float beta = context.op.options.number<float>(0, 1.0F);
  if (beta != 1) input = builder.add("Mul", {input, builder.real(beta)});
  return along_last(context, "Softmax", std::move(input), layout);
}

Result<Done> best_values(const Context& context) {
  Builder& builder = context.builder;
  const std::vector<std::int64_t> count = TRY(builder.integers(context.input(1)));
  if (count.size() != 1 || count[0] < 0) return fail(Code::invalid_input, "the count is not one number");
  const std::string input = TRY(builder.value(context.input(0), Layout::rows));
  const auto results = builder.add_many("TopK", {input, builder.integer_list(count)}, {}, 2);
  const auto type = element_type(context.out(1).type);
  if (context.in(0).quantised() || !type) return unsupported("this type");
  TRY(builder.define(context.output(0), Layout::rows, Numbers::real, results[0]));
  const std::string places = builder.add("Cast", {results[1]}, {attribute("to", static_cast<std::int64_t>(*type))});
  return builder.define(context.output(1), Layout::rows, Numbers::real, places);
}

// One matrix after the other; either may lie on its side.
Result<Done> products(const Context& context) {
  Builder& builder = context.builder;
  std::array<std::string, 2> sides;
  for (std::size_t i = 0; i < 2; ++i) {
    sides[i] = TRY(builder.value(context.input(i), Layout::rows));
    if (context.op.options.number<std::uint8_t>(static_cast<unsigned>(i)) == 0) continue;
    std::vector<std::int64_t> order;
    for (std::size_t axis = 0; axis < context.in(i).shape.size(); ++axis) order.push_back(static_cast<std::int64_t>(axis));
    if (order.size() < 2) return fail(Code::invalid_input, "it multiplies no matrices");
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    sides[i] = builder.add("Transpose", {sides[i]}, {attribute("perm", order)});
  }
  return builder.finish(context.output(), Layout::rows, builder.add("MatMul", {sides[0], sides[1]}));
}

#define SELVEDGE_REDUCE(code, name) {code, {}, 2, 1, [](const Context& context) { return reduce(context, name); }}

constexpr auto conversions = std::to_array<Conversion>({
    SELVEDGE_REDUCE(40, "ReduceMean"),
    SELVEDGE_REDUCE(74, "ReduceSum"),
    SELVEDGE_REDUCE(81, "ReduceProd"),
    SELVEDGE_REDUCE(82, "ReduceMax"),
    SELVEDGE_REDUCE(89, "ReduceMin"),
    {56, {}, 2, 1, [](const Context& context) { return best_of(context, "ArgMax"); }},
    {79, {}, 2, 1, [](const Context& context) { return best_of(context, "ArgMin"); }},
    {25, {}, 1, 1, softmax},
    {50, {}, 1, 1, [](const Context& context) { return last_axis(context, "LogSoftmax"); }},
    {11, {}, 1, 1, [](const Context& context) { return last_axis(context, "LpNormalization"); }},
    {48, {}, 2, 2, best_values},
    {126, {}, 2, 1, products},
});

#undef SELVEDGE_REDUCE

}  // namespace

std::span<const Conversion> reduce_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
