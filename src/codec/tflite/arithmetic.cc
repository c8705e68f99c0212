// Operators that compute each element by itself, of one tensor or of two.

#include <array>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Result;
using onnx::ElementType;

namespace {

constexpr unsigned no_activation = 255;

bool is_real(const Tensor& tensor) {
  return tensor.type == TensorType::float32 || tensor.type == TensorType::float16 || tensor.quantised();
}

struct Operands {
  Layout layout = Layout::rows;
  std::string a, b;
};

Result<Operands> operands(const Context& context) {
  Operands operands;
  operands.layout = context.builder.layout_of(std::array{context.input(0), context.input(1), context.output()});
  operands.a = TRY(context.builder.value(context.input(0), operands.layout));
  operands.b = TRY(context.builder.value(context.input(1), operands.layout));
  return operands;
}

Result<Done> finish_binary(const Context& context, Layout layout, std::string name, unsigned field) {
  const Activation activation = field == no_activation ? Activation::none : context.activation(field);
  if (activation != Activation::none && !is_real(context.out())) return unsupported("an activation of integers");
  return context.builder.finish(context.output(), layout, std::move(name), activation);
}

Result<Done> binary(const Context& context, std::string_view op, unsigned activation = no_activation) {
  const Operands from = TRY(operands(context));
  return finish_binary(context, from.layout, context.builder.add(op, {from.a, from.b}), activation);
}

Result<Done> unary(const Context& context, std::string_view op, std::vector<onnx::Attribute> attributes = {}) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  return builder.finish(context.output(), layout, builder.add(op, {input}, std::move(attributes)));
}

Result<Done> clip(const Context& context, Activation activation) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  return builder.finish(context.output(), layout, input, activation);
}

Result<Done> clip_to_one(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  const std::string low = builder.real(0), high = builder.real(1);
  return builder.finish(context.output(), layout, builder.add("Clip", {input, low, high}));
}

// x * relu6(x + 3) / 6
Result<Done> hard_swish(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  const std::string gate = builder.add("HardSigmoid", {input}, {attribute("alpha", 1.0F / 6), attribute("beta", 0.5F)});
  return builder.finish(context.output(), layout, builder.add("Mul", {input, gate}));
}

// x * Phi(x), exactly or by the usual approximation (Hendrycks and Gimpel, 2016).
Result<Done> gelu(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string x = TRY(builder.value(context.input(0), layout));
  std::string inner;
  if (context.op.options.number<std::uint8_t>(0) != 0) {
    const std::string cube = builder.add("Mul", {builder.add("Mul", {x, x}), x});
    const std::string sum = builder.add("Add", {x, builder.add("Mul", {cube, builder.real(0.044715F)})});
    inner = builder.add("Tanh", {builder.add("Mul", {sum, builder.real(0.7978845608F)})});
  } else {
    inner = builder.add("Erf", {builder.add("Mul", {x, builder.real(0.70710678118F)})});
  }
  const std::string half = builder.add("Mul", {x, builder.real(0.5F)});
  const std::string gate = builder.add("Add", {inner, builder.real(1)});
  return builder.finish(context.output(), layout, builder.add("Mul", {half, gate}));
}

Result<Done> leaky_relu(const Context& context) {
  return unary(context, "LeakyRelu", {attribute("alpha", context.op.options.number<float>(0))});
}

Result<Done> reciprocal_root(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  return builder.finish(context.output(), layout, builder.add("Reciprocal", {builder.add("Sqrt", {input})}));
}

Result<Done> square(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const std::string input = TRY(builder.value(context.input(0), layout));
  return builder.finish(context.output(), layout, builder.add("Mul", {input, input}));
}

Result<Done> squared_difference(const Context& context) {
  const Operands from = TRY(operands(context));
  const std::string difference = context.builder.add("Sub", {from.a, from.b});
  return finish_binary(context, from.layout, context.builder.add("Mul", {difference, difference}), no_activation);
}

// Towards minus infinity; ONNX divides integers towards zero. Quotients of 32-bit integers are exact
// enough as doubles.
Result<Done> floor_divide(const Context& context) {
  Builder& builder = context.builder;
  const Operands from = TRY(operands(context));
  if (is_real(context.out())) {
    const std::string quotient = builder.add("Div", {from.a, from.b});
    return builder.finish(context.output(), from.layout, builder.add("Floor", {quotient}));
  }
  if (context.out().type != TensorType::int32) return unsupported("this type of integers");
  const auto cast = [&](const std::string& value, ElementType type) {
    return builder.add("Cast", {value}, {attribute("to", static_cast<std::int64_t>(type))});
  };
  const std::string a = cast(from.a, ElementType::float64), b = cast(from.b, ElementType::float64);
  const std::string quotient = builder.add("Floor", {builder.add("Div", {a, b})});
  return builder.define(context.output(), from.layout, Numbers::real, cast(quotient, ElementType::int32));
}

// The result has the sign of the divisor.
Result<Done> floor_modulo(const Context& context) {
  Builder& builder = context.builder;
  if (!is_real(context.out())) return binary(context, "Mod");
  const Operands from = TRY(operands(context));
  const std::string whole = builder.add("Floor", {builder.add("Div", {from.a, from.b})});
  const std::string rest = builder.add("Sub", {from.a, builder.add("Mul", {whole, from.b})});
  return builder.finish(context.output(), from.layout, rest);
}

Result<Done> sum_of_all(const Context& context) {
  Builder& builder = context.builder;
  const Layout layout = builder.layout_of(context.op.inputs);
  std::vector<std::string> inputs;
  for (const std::int32_t index : context.op.inputs) inputs.push_back(TRY(builder.value(index, layout)));
  if (is_real(context.out())) return builder.finish(context.output(), layout, builder.add("Sum", inputs));
  std::string sum = inputs[0];
  for (std::size_t i = 1; i < inputs.size(); ++i) sum = builder.add("Add", {sum, inputs[i]});
  return builder.finish(context.output(), layout, sum);
}

#define SELVEDGE_UNARY(code, name) {code, {}, 1, 1, [](const Context& context) { return unary(context, name); }}
#define SELVEDGE_BINARY(code, name, field) {code, {}, 2, 1, [](const Context& context) { return binary(context, name, field); }}

constexpr auto conversions = std::to_array<Conversion>({
    SELVEDGE_BINARY(0, "Add", 0),
    SELVEDGE_BINARY(18, "Mul", 0),
    SELVEDGE_BINARY(41, "Sub", 0),
    SELVEDGE_BINARY(42, "Div", 0),
    SELVEDGE_BINARY(54, "PRelu", no_activation),
    SELVEDGE_BINARY(55, "Max", no_activation),
    SELVEDGE_BINARY(57, "Min", no_activation),
    SELVEDGE_BINARY(78, "Pow", no_activation),
    SELVEDGE_UNARY(8, "Floor"),
    SELVEDGE_UNARY(14, "Sigmoid"),
    SELVEDGE_UNARY(28, "Tanh"),
    SELVEDGE_UNARY(47, "Exp"),
    SELVEDGE_UNARY(59, "Neg"),
    SELVEDGE_UNARY(66, "Sin"),
    SELVEDGE_UNARY(73, "Log"),
    SELVEDGE_UNARY(75, "Sqrt"),
    SELVEDGE_UNARY(101, "Abs"),
    SELVEDGE_UNARY(104, "Ceil"),
    SELVEDGE_UNARY(108, "Cos"),
    SELVEDGE_UNARY(111, "Elu"),
    SELVEDGE_UNARY(116, "Round"),
    SELVEDGE_UNARY(158, "Sign"),
    {19, {}, 1, 1, [](const Context& context) { return clip(context, Activation::relu); }},
    {20, {}, 1, 1, [](const Context& context) { return clip(context, Activation::relu_n1_to_1); }},
    {21, {}, 1, 1, [](const Context& context) { return clip(context, Activation::relu6); }},
    {152, {}, 1, 1, clip_to_one},
    {76, {}, 1, 1, reciprocal_root},
    {90, {}, 2, 1, floor_divide},
    {92, {}, 1, 1, square},
    {95, {}, 2, 1, floor_modulo},
    {98, {}, 1, 1, leaky_relu},
    {99, {}, 2, 1, squared_difference},
    {106, {}, 1, 1, sum_of_all},
    {117, {}, 1, 1, hard_swish},
    {150, {}, 1, 1, gelu},
});

#undef SELVEDGE_UNARY
#undef SELVEDGE_BINARY

}  // namespace

std::span<const Conversion> arithmetic_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
