// Operators over the places of a picture: pooling, padding, resizing, depth and space.

#include <array>

#include "codec/tflite/operators.h"
#include "codec/tflite/window.h"

namespace selvedge::codec::tflite {

using base::Code;
using base::fail;
using base::Result;

namespace {

Result<Done> pool(const Context& context, std::string_view op) {
  Builder& builder = context.builder;
  TRY(need_rank(context, context.input(0), 4));
  TRY(need_rank(context, context.output(), 4));
  const auto& options = context.op.options;
  const Window window = TRY(read_window(options, options.number<std::int32_t>(4), options.number<std::int32_t>(3)));
  const Activation activation = context.activation(5);
  Numbers numbers = Numbers::real;
  if (op == "MaxPool" && activation == Activation::none) numbers = builder.moved(context.input(0), context.output());
  const std::string input = TRY(builder.value(context.input(0), Layout::planes, numbers));
  const std::string result = builder.add(op, {input},
                                         {attribute("kernel_shape", {window.kernel_h, window.kernel_w}),
                                          attribute("pads", pads_of(window, context.in(0).shape)),
                                          attribute("strides", {window.stride_h, window.stride_w})});
  if (numbers == Numbers::stored) return builder.define(context.output(), Layout::planes, numbers, result);
  return builder.finish(context.output(), Layout::planes, result, activation);
}

// Before each axis, then after each axis, in that layout.
Result<std::vector<std::int64_t>> paddings(const Context& context, Layout layout) {
  const std::size_t rank = context.in(0).shape.size();
  const std::vector<std::int64_t> pairs = TRY(context.builder.integers(context.input(1)));
  if (pairs.size() != 2 * rank) return fail(Code::invalid_input, "the paddings do not fit the input");
  std::vector<std::int64_t> pads(2 * rank);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto place = static_cast<std::size_t>(axis_in(layout, axis, rank));
    pads[place] = pairs[2 * axis];
    pads[rank + place] = pairs[2 * axis + 1];
  }
  for (const std::int64_t size : pads) {
    if (size < 0 || size > longest_window) return fail(Code::invalid_input, "a padding of " + std::to_string(size) + " is not possible");
  }
  return pads;
}

Result<Done> pad(const Context& context) {
  Builder& builder = context.builder;
  const std::int32_t from = context.input(0), to = context.output();
  const Layout layout = builder.layout_of(std::array{from});
  const std::vector<std::int64_t> pads = TRY(paddings(context, layout));
  const bool has_value = context.op.inputs.size() > 2 && context.input(2) >= 0;
  // Without a value of its own the padding is zero, which is another integer in every quantised tensor.
  const Numbers numbers = has_value ? Numbers::real : builder.moved(from, to);
  const std::string input = TRY(builder.value(from, layout, numbers));
  std::vector<std::string> inputs{input, builder.integer_list(pads)};
  if (has_value) {
    std::string value = TRY(builder.value(context.input(2), Layout::rows));
    if (!context.builder.tensor(context.input(2)).shape.empty()) value = builder.add("Reshape", {value, builder.integer_list({})});
    inputs.push_back(value);
  } else if (numbers == Numbers::stored && builder.tensor(from).quantised()) {
    inputs.push_back(builder.zero_point_of(context.in(0).quantisation, context.in(0).type));
  }
  return builder.finish_moved(to, layout, numbers, builder.add("Pad", inputs));
}

Result<Done> mirror_pad(const Context& context) {
  Builder& builder = context.builder;
  if (context.op.options.number<std::uint8_t>(0) != 0) return unsupported("symmetric padding");
  const Layout layout = builder.layout_of(std::array{context.input(0)});
  const Numbers numbers = builder.moved(context.input(0), context.output());
  const std::vector<std::int64_t> pads = TRY(paddings(context, layout));
  const std::string input = TRY(builder.value(context.input(0), layout, numbers));
  const std::string result = builder.add("Pad", {input, builder.integer_list(pads)}, {attribute("mode", std::string("reflect"))});
  return builder.finish_moved(context.output(), layout, numbers, result);
}

enum class Resize { linear, nearest };

Result<Done> resize(const Context& context, Resize kind) {
  Builder& builder = context.builder;
  TRY(need_rank(context, context.input(0), 4));
  const std::vector<std::int64_t> size = TRY(builder.integers(context.input(1)));
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) return fail(Code::invalid_input, "the new size is not two numbers");
  // ResizeBilinearOptions begins with two fields of the past.
  const unsigned first = kind == Resize::linear ? 2 : 0;
  const bool corners = context.op.options.number<std::uint8_t>(first) != 0;
  const bool centres = context.op.options.number<std::uint8_t>(first + 1) != 0;
  const std::string mode = corners ? "align_corners" : centres ? "half_pixel" : "asymmetric";
  const std::string rounding = corners || centres ? "round_prefer_ceil" : "floor";
  const Numbers numbers = kind == Resize::nearest ? builder.moved(context.input(0), context.output()) : Numbers::real;
  const std::string input = TRY(builder.value(context.input(0), Layout::planes, numbers));
  const Shape& shape = context.in(0).shape;
  const std::string sizes = builder.integer_list({shape[0], shape[3], size[0], size[1]});
  const std::string result = builder.add("Resize", {input, "", "", sizes},
                                         {attribute("coordinate_transformation_mode", mode),
                                          attribute("mode", std::string(kind == Resize::linear ? "linear" : "nearest")),
                                          attribute("nearest_mode", rounding)});
  return builder.finish_moved(context.output(), Layout::planes, numbers, result);
}

Result<Done> depth_and_space(const Context& context, std::string_view op) {
  Builder& builder = context.builder;
  TRY(need_rank(context, context.input(0), 4));
  TRY(need_rank(context, context.output(), 4));
  const std::int64_t block = context.op.options.number<std::int32_t>(0);
  const Shape& shape = context.in(0).shape;
  const bool fits = block >= 1 && block <= longest_window &&
                    (op == "DepthToSpace" ? shape[3] % (block * block) == 0 : shape[1] % block == 0 && shape[2] % block == 0);
  if (!fits) return fail(Code::invalid_input, "a block of " + std::to_string(block) + " does not fit the input");
  const std::string input = TRY(builder.value(context.input(0), Layout::planes));
  return builder.finish(context.output(), Layout::planes, builder.add(op, {input}, {attribute("blocksize", block)}));
}

constexpr std::int64_t largest_block = 1'024;

struct Blocks {
  Shape shape;                                     // in rows, of the tensor with the larger picture
  std::int64_t h = 1, w = 1;
};

Result<Blocks> read_blocks(const Context& context, std::int32_t large) {
  TRY(need_rank(context, context.input(0), 4));
  TRY(need_rank(context, context.output(), 4));
  const std::vector<std::int64_t> sizes = TRY(context.builder.integers(context.input(1)));
  if (sizes.size() != 2 || sizes[0] < 1 || sizes[1] < 1 || sizes[0] > largest_block || sizes[1] > largest_block) {
    return unsupported("this kind of block");
  }
  return Blocks{context.builder.tensor(large).shape, sizes[0], sizes[1]};
}

// What is added or cut off: top, bottom, left, right.
Result<std::vector<std::int64_t>> read_margins(const Context& context) {
  std::vector<std::int64_t> margins = TRY(context.builder.integers(context.input(2)));
  if (margins.size() != 4) return unsupported("this kind of padding");
  for (const std::int64_t size : margins) {
    if (size < 0 || size > longest_window) return fail(Code::invalid_input, "a padding of " + std::to_string(size) + " is not possible");
  }
  return margins;
}

// Dilated convolutions of older files: the picture is cut into blocks, which become a batch.
Result<Done> space_to_batch(const Context& context) {
  Builder& builder = context.builder;
  Blocks blocks = TRY(read_blocks(context, context.input(0)));
  const std::vector<std::int64_t> pads = TRY(read_margins(context));
  std::string data = TRY(builder.value(context.input(0), Layout::rows));
  data = builder.add("Pad", {data, builder.integer_list({0, pads[0], pads[2], 0, 0, pads[1], pads[3], 0})});
  Shape& s = blocks.shape;
  s[1] += pads[0] + pads[1];
  s[2] += pads[2] + pads[3];
  if (s[1] % blocks.h != 0 || s[2] % blocks.w != 0) return fail(Code::invalid_input, "the blocks do not fit the input");
  data = builder.add("Reshape", {data, builder.integer_list({s[0], s[1] / blocks.h, blocks.h, s[2] / blocks.w, blocks.w, s[3]})});
  data = builder.add("Transpose", {data}, {attribute("perm", {2, 4, 0, 1, 3, 5})});
  data = builder.add("Reshape", {data, builder.integer_list({s[0] * blocks.h * blocks.w, s[1] / blocks.h, s[2] / blocks.w, s[3]})});
  return builder.finish(context.output(), Layout::rows, data);
}

Result<Done> batch_to_space(const Context& context) {
  Builder& builder = context.builder;
  const Blocks blocks = TRY(read_blocks(context, context.input(0)));
  const std::vector<std::int64_t> crops = TRY(read_margins(context));
  const Shape& s = blocks.shape;
  if (s[0] % (blocks.h * blocks.w) != 0) return fail(Code::invalid_input, "the blocks do not fit the input");
  const std::int64_t batch = s[0] / (blocks.h * blocks.w);
  std::string data = TRY(builder.value(context.input(0), Layout::rows));
  data = builder.add("Reshape", {data, builder.integer_list({blocks.h, blocks.w, batch, s[1], s[2], s[3]})});
  data = builder.add("Transpose", {data}, {attribute("perm", {2, 3, 0, 4, 1, 5})});
  data = builder.add("Reshape", {data, builder.integer_list({batch, s[1] * blocks.h, s[2] * blocks.w, s[3]})});
  const std::string starts = builder.integer_list({crops[0], crops[2]});
  const std::string ends = builder.integer_list({s[1] * blocks.h - crops[1], s[2] * blocks.w - crops[3]});
  data = builder.add("Slice", {data, starts, ends, builder.integer_list({1, 2})});
  return builder.finish(context.output(), Layout::rows, data);
}

constexpr auto conversions = std::to_array<Conversion>({
    {1, {}, 1, 1, [](const Context& context) { return pool(context, "AveragePool"); }},
    {17, {}, 1, 1, [](const Context& context) { return pool(context, "MaxPool"); }},
    {34, {}, 2, 1, pad},
    {60, {}, 3, 1, pad},
    {100, {}, 2, 1, mirror_pad},
    {23, {}, 2, 1, [](const Context& context) { return resize(context, Resize::linear); }},
    {97, {}, 2, 1, [](const Context& context) { return resize(context, Resize::nearest); }},
    {5, {}, 1, 1, [](const Context& context) { return depth_and_space(context, "DepthToSpace"); }},
    {26, {}, 1, 1, [](const Context& context) { return depth_and_space(context, "SpaceToDepth"); }},
    {38, {}, 3, 1, space_to_batch},
    {37, {}, 3, 1, batch_to_space},
});

}  // namespace

std::span<const Conversion> picture_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
