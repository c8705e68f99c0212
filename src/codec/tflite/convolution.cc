// Convolutions, their transposes, and fully connected layers.
//
// Weights keep the order [output, height, width, input] in a file; ONNX wants [output, input, height,
// width]. SAME padding depends on the size of the input and is not symmetric, so it becomes explicit.

#include <algorithm>
#include <array>

#include "codec/tflite/elements.h"
#include "codec/tflite/operators.h"
#include "codec/tflite/window.h"

namespace selvedge::codec::tflite {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

enum class Kind { full, depthwise };

// Places of options: Conv2DOptions, DepthwiseConv2DOptions.
struct Fields { unsigned activation, dilation_w, dilation_h; };
constexpr Fields full_fields{3, 4, 5}, depthwise_fields{4, 5, 6};

// The weights with their axes in the given order. Beside quantised inputs they stay integers, else
// they become real numbers here rather than at every run.
Result<std::string> weights(const Context& context, std::int32_t index, std::span<const std::size_t> order,
                            bool integers) {
  Builder& builder = context.builder;
  const Known* known = builder.known(index);
  if (known == nullptr) {
    const std::string rows = TRY(builder.value(index, Layout::rows));
    return builder.add("Transpose", {rows}, {attribute("perm", std::vector<std::int64_t>(order.begin(), order.end()))});
  }
  const auto type = element_type(known->type);
  if (!type || onnx::bytes_of(*type) == 0) return unsupported("the weights' type");
  const Shape shape = reordered(known->shape, order);
  Bytes data = reordered(known->data, onnx::bytes_of(*type), known->shape, order);
  const std::string& hint = builder.tensor(index).name;
  if (known->type == TensorType::float16) {
    Bytes floats(data.size() * 2);
    halves_to_floats(data.data(), reinterpret_cast<float*>(floats.data()), data.size() / 2);
    return builder.constant(ElementType::float32, shape, std::move(floats), hint);
  }
  if (!known->quantised()) {
    if (known->type != TensorType::float32) return unsupported("the weights' type");
    return builder.constant(ElementType::float32, shape, std::move(data), hint);
  }
  const Quantisation& quantisation = known->quantisation;
  std::size_t axis = 0;
  if (quantisation.scales.size() > 1) {
    const auto place = std::ranges::find(order, static_cast<std::size_t>(quantisation.dimension));
    axis = static_cast<std::size_t>(place - order.begin());
    if (axis >= order.size()) return unsupported("the weights' dimension of scales");
  }
  if (!integers) {
    return builder.constant(ElementType::float32, shape, dequantised(data, known->type, shape, axis, quantisation), hint);
  }
  const std::string stored = builder.constant(*type, shape, std::move(data), hint);
  std::vector<onnx::Attribute> attributes;
  if (quantisation.scales.size() > 1) attributes.push_back(attribute("axis", static_cast<std::int64_t>(axis)));
  return builder.add("DequantizeLinear",
                     {stored, builder.scale_of(quantisation), builder.zero_point_of(quantisation, known->type)}, attributes);
}

// "" if there is none. A bias of integers has the scale of the input times that of the weights.
Result<std::string> bias(const Context& context, std::int32_t index, const Quantisation& input,
                         const Quantisation& weights, std::int64_t outputs) {
  Builder& builder = context.builder;
  if (index < 0) return std::string();
  const Known* known = builder.known(index);
  if (builder.tensor(index).shape != Shape{outputs}) return fail(Code::invalid_input, builder.describe(index) + " does not fit the outputs");
  if (known == nullptr || known->type != TensorType::int32) return builder.value(index, Layout::rows);
  if (input.scales.size() != 1 || weights.scales.empty()) return unsupported("a bias of integers beside real numbers");
  Quantisation scale;
  for (const float weight : weights.scales) scale.scales.push_back(input.scales[0] * weight);
  const std::string stored = builder.constant(ElementType::int32, {outputs}, {known->data.begin(), known->data.end()}, "bias");
  std::vector<onnx::Attribute> attributes;
  if (scale.scales.size() > 1) attributes.push_back(attribute("axis", std::int64_t{0}));
  return builder.add("DequantizeLinear", {stored, builder.scale_of(scale)}, attributes);
}

const Quantisation& weights_quantisation(const Context& context, std::int32_t index) {
  static const Quantisation none;
  const Known* known = context.builder.known(index);
  return known == nullptr ? none : known->quantisation;
}

Result<Done> convolution(const Context& context, Kind kind) {
  Builder& builder = context.builder;
  for (const std::int32_t index : {context.input(0), context.input(1), context.output()}) TRY(need_rank(context, index, 4));
  const Fields fields = kind == Kind::full ? full_fields : depthwise_fields;
  const Shape& input = context.in(0).shape;
  const Shape& filter = context.in(1).shape;
  const std::int64_t channels = input[3], outputs = kind == Kind::full ? filter[0] : filter[3];
  const std::int64_t filter_inputs = kind == Kind::full ? filter[3] : 1;
  if (filter_inputs < 1 || channels % filter_inputs != 0 || channels < 1 ||
      outputs % (channels / filter_inputs) != 0 || (kind == Kind::depthwise && filter[0] != 1)) {
    return fail(Code::invalid_input, "the weights do not fit the input");
  }
  const auto& options = context.op.options;
  const Window window = TRY(read_window(options, filter[1], filter[2], options.number<std::int32_t>(fields.dilation_h, 1),
                                        options.number<std::int32_t>(fields.dilation_w, 1)));
  const bool integers = context.in(0).quantised();
  constexpr std::array<std::size_t, 4> full_order{0, 3, 1, 2}, depthwise_order{3, 0, 1, 2};
  std::vector<std::string> inputs;
  inputs.push_back(TRY(builder.value(context.input(0), Layout::planes)));
  inputs.push_back(TRY(weights(context, context.input(1), kind == Kind::full ? full_order : depthwise_order, integers)));
  const std::string added = TRY(bias(context, context.input(2), context.in(0).quantisation,
                                     weights_quantisation(context, context.input(1)), outputs));
  if (!added.empty()) inputs.push_back(added);
  const std::string result = builder.add("Conv", inputs,
                                         {attribute("dilations", {window.dilation_h, window.dilation_w}),
                                          attribute("group", channels / filter_inputs),
                                          attribute("kernel_shape", {filter[1], filter[2]}),
                                          attribute("pads", pads_of(window, input)),
                                          attribute("strides", {window.stride_h, window.stride_w})});
  return builder.finish(context.output(), Layout::planes, result, context.activation(fields.activation));
}

struct Transposed {
  std::int32_t input = -1, weights = -1, bias = -1;
  Padding padding = Padding::same;
  std::int64_t stride_h = 1, stride_w = 1;
  Activation activation = Activation::none;
};

// Padding of one dimension, before and after, and what to add to the output, so that it has `output`.
Result<std::array<std::int64_t, 3>> transposed_padding(std::int64_t input, std::int64_t output, std::int64_t kernel,
                                                       std::int64_t stride, Padding padding) {
  const std::int64_t whole = (input - 1) * stride + kernel;
  const std::int64_t spare = padding == Padding::same ? std::max<std::int64_t>(whole - output, 0) : 0;
  const std::int64_t extra = output - (whole - spare);
  if (input < 1 || extra < 0 || extra >= stride) return fail(Code::invalid_input, "the output's size does not fit the input's");
  return std::array<std::int64_t, 3>{spare / 2, spare - spare / 2, extra};
}

Result<Done> transposed_convolution(const Context& context, const Transposed& t) {
  Builder& builder = context.builder;
  for (const std::int32_t index : {t.input, t.weights, context.output()}) TRY(need_rank(context, index, 4));
  const Shape& input = builder.tensor(t.input).shape;
  const Shape& filter = builder.tensor(t.weights).shape;
  const Shape& output = context.out().shape;
  if (filter[3] != input[3] || t.stride_h < 1 || t.stride_w < 1 || t.stride_h > longest_window || t.stride_w > longest_window) {
    return fail(Code::invalid_input, "the weights do not fit the input");
  }
  const auto h = TRY(transposed_padding(input[1], output[1], filter[1], t.stride_h, t.padding));
  const auto w = TRY(transposed_padding(input[2], output[2], filter[2], t.stride_w, t.padding));
  constexpr std::array<std::size_t, 4> order{3, 0, 1, 2};
  std::vector<std::string> inputs;
  inputs.push_back(TRY(builder.value(t.input, Layout::planes)));
  inputs.push_back(TRY(weights(context, t.weights, order, builder.tensor(t.input).quantised())));
  const std::string added = TRY(bias(context, t.bias, builder.tensor(t.input).quantisation,
                                     weights_quantisation(context, t.weights), filter[0]));
  if (!added.empty()) inputs.push_back(added);
  const std::string result = builder.add("ConvTranspose", inputs,
                                         {attribute("kernel_shape", {filter[1], filter[2]}),
                                          attribute("output_padding", {h[2], w[2]}),
                                          attribute("pads", {h[0], w[0], h[1], w[1]}),
                                          attribute("strides", {t.stride_h, t.stride_w})});
  return builder.finish(context.output(), Layout::planes, result, t.activation);
}

Result<Done> transpose_conv(const Context& context) {
  const auto& options = context.op.options;
  return transposed_convolution(context, {.input = context.input(2), .weights = context.input(1), .bias = context.input(3),
                                          .padding = options.number<std::uint8_t>(0) == 0 ? Padding::same : Padding::valid,
                                          .stride_h = options.number<std::int32_t>(2), .stride_w = options.number<std::int32_t>(1),
                                          .activation = context.activation(3)});
}

// MediaPipe's operator. Its options are three integers: 1 for SAME and 2 for VALID padding, then strides.
Result<Done> transpose_conv_bias(const Context& context) {
  std::array<std::int32_t, 3> options{};
  if (context.op.custom_options.size() < sizeof options) return fail(Code::invalid_input, "its options are too short");
  std::memcpy(options.data(), context.op.custom_options.data(), sizeof options);
  return transposed_convolution(context, {.input = context.input(0), .weights = context.input(1), .bias = context.input(2),
                                          .padding = options[0] == 1 ? Padding::same : Padding::valid,
                                          .stride_h = options[2], .stride_w = options[1]});
}

Result<Done> fully_connected(const Context& context) {
  Builder& builder = context.builder;
  TRY(need_rank(context, context.input(1), 2));
  if (context.op.options.number<std::uint8_t>(1) != 0) return unsupported("shuffled weights");
  const Shape& filter = context.in(1).shape;
  const Tensor& input = context.in(0);
  const std::size_t elements = TRY(onnx::elements_of(input.shape));
  const auto width = static_cast<std::size_t>(filter[1]);
  if (width == 0 || elements == 0 || elements % width != 0) return fail(Code::invalid_input, "the weights do not fit the input");
  const auto batch = static_cast<std::int64_t>(elements / width);
  std::string data;
  if (input.shape == Shape{batch, filter[1]}) {
    data = TRY(builder.value(context.input(0), Layout::rows));
  } else {
    // Flattened before it becomes real numbers: the runtime wants those right before the product.
    data = TRY(builder.flat(context.input(0), Numbers::stored));
    data = builder.add("Reshape", {data, builder.integer_list({batch, filter[1]})});
    if (input.quantised()) {
      data = builder.add("DequantizeLinear", {data, builder.scale_of(input.quantisation),
                                              builder.zero_point_of(input.quantisation, input.type)});
    }
  }
  constexpr std::array<std::size_t, 2> order{0, 1};
  std::vector<std::string> inputs{data};
  inputs.push_back(TRY(weights(context, context.input(1), order, input.quantised())));
  const std::string added = TRY(bias(context, context.input(2), input.quantisation,
                                     weights_quantisation(context, context.input(1)), filter[0]));
  if (!added.empty()) inputs.push_back(added);
  std::string result = builder.add("Gemm", inputs, {attribute("transB", std::int64_t{1})});
  const Shape& output = context.out().shape;
  if (output.size() == 2) return builder.finish(context.output(), Layout::rows, result, context.activation(0));
  if (TRY(onnx::elements_of(output)) != static_cast<std::size_t>(batch * filter[0])) {
    return fail(Code::invalid_input, "the output's size does not fit the input's");
  }
  result = builder.add("Reshape", {result, builder.integer_list(output)});
  return builder.finish(context.output(), Layout::rows, result, context.activation(0));
}

constexpr auto conversions = std::to_array<Conversion>({
    {3, {}, 2, 1, [](const Context& context) { return convolution(context, Kind::full); }},
    {4, {}, 2, 1, [](const Context& context) { return convolution(context, Kind::depthwise); }},
    {9, {}, 2, 1, fully_connected},
    {67, {}, 3, 1, transpose_conv},
    {custom_operator, "Convolution2DTransposeBias", 2, 1, transpose_conv_bias},
});

}  // namespace

std::span<const Conversion> convolution_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
