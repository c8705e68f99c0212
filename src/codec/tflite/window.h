// Window: how a convolution or pooling goes over a picture.

#pragma once

#include <algorithm>

#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

enum class Padding : std::uint8_t { same = 0, valid = 1 };

constexpr std::int64_t longest_window = 1 << 20;

struct Window {
  Padding padding = Padding::same;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
};

// Padding and strides are the first three options of every such operator.
inline base::Result<Window> read_window(const Table& options, std::int64_t kernel_h, std::int64_t kernel_w,
                                        std::int64_t dilation_h = 1, std::int64_t dilation_w = 1) {
  const Window window{.padding = options.number<std::uint8_t>(0) == 0 ? Padding::same : Padding::valid,
                      .kernel_h = kernel_h, .kernel_w = kernel_w,
                      .stride_h = options.number<std::int32_t>(2), .stride_w = options.number<std::int32_t>(1),
                      .dilation_h = dilation_h, .dilation_w = dilation_w};
  for (const std::int64_t size : {window.kernel_h, window.kernel_w, window.stride_h, window.stride_w,
                                  window.dilation_h, window.dilation_w}) {
    if (size < 1 || size > longest_window) {
      return base::fail(base::Code::invalid_input, "a window or stride of " + std::to_string(size) + " is not possible");
    }
  }
  return window;
}

// Before and after, so that every position of the stride gives an output; what is odd goes after.
inline std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                                                          std::int64_t dilation) {
  const std::int64_t output = (input + stride - 1) / stride;
  const std::int64_t needed = (output - 1) * stride + (kernel - 1) * dilation + 1 - input;
  const std::int64_t padding = std::max<std::int64_t>(needed, 0);
  return {padding / 2, padding - padding / 2};
}

// As ONNX lists them: top, left, bottom, right. `input` is in rows.
inline std::vector<std::int64_t> pads_of(const Window& window, const Shape& input) {
  if (window.padding == Padding::valid) return {0, 0, 0, 0};
  const auto [top, bottom] = same_padding(input[1], window.kernel_h, window.stride_h, window.dilation_h);
  const auto [left, right] = same_padding(input[2], window.kernel_w, window.stride_w, window.dilation_w);
  return {top, left, bottom, right};
}

}  // namespace selvedge::codec::tflite
