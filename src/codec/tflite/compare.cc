// Operators that compare, choose, and combine truths.

#include <array>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Result;

namespace {

Result<Done> combine(const Context& context, std::string_view op, bool negated = false) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0), context.input(1), context.output()});
  const std::string a = TRY(builder.value(context.input(0), layout));
  const std::string b = TRY(builder.value(context.input(1), layout));
  std::string result = builder.add(op, {a, b});
  if (negated) result = builder.add("Not", {result});
  return builder.finish(context.output(), layout, result);
}

Result<Done> negate(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  return builder.finish(context.output(), layout, builder.add("Not", {input}));
}

Result<Done> choose(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0), context.input(1), context.input(2), context.output()});
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < 3; ++i) inputs.push_back(TRY(builder.value(context.input(i), layout)));
  return builder.finish(context.output(), layout, builder.add("Where", inputs));
}

// SELECT, unlike SELECT_V2, takes a list of truths as one for each row, along the first axis.
Result<Done> choose_rows(const Context& context) {
  Builder& builder = context.builder;
  const Shape& truths = context.in(0).shape;
  const std::size_t rank = context.out().shape.size();
  if (truths.size() != 1 || rank < 2) return choose(context);
  const Layout layout = builder.layout_of(std::array{context.input(1), context.input(2), context.output()});
  Shape column(rank, 1);
  column[0] = truths[0];
  const std::string list = TRY(builder.value(context.input(0), Layout::rows));
  const std::string rows = builder.add("Reshape", {list, builder.integer_list(column)});
  const std::string a = TRY(builder.value(context.input(1), layout));
  const std::string b = TRY(builder.value(context.input(2), layout));
  return builder.finish(context.output(), layout, builder.add("Where", {rows, a, b}));
}

#define SELVEDGE_COMBINE(code, name) {code, {}, 2, 1, [](const Context& context) { return combine(context, name); }}

constexpr auto conversions = std::to_array<Conversion>({
    SELVEDGE_COMBINE(58, "Less"),
    SELVEDGE_COMBINE(61, "Greater"),
    SELVEDGE_COMBINE(62, "GreaterOrEqual"),
    SELVEDGE_COMBINE(63, "LessOrEqual"),
    SELVEDGE_COMBINE(71, "Equal"),
    {72, {}, 2, 1, [](const Context& context) { return combine(context, "Equal", true); }},
    SELVEDGE_COMBINE(84, "Or"),
    SELVEDGE_COMBINE(86, "And"),
    {87, {}, 1, 1, negate},
    {64, {}, 3, 1, choose_rows},
    {123, {}, 3, 1, choose},
});

#undef SELVEDGE_COMBINE

}  // namespace

std::span<const Conversion> compare_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
