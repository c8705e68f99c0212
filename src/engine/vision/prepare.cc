#include "engine/vision/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/vision/placement.h"

namespace selvedge::engine {

using base::Code;
using base::fail;

namespace {

constexpr int most_side = 8192;
constexpr std::array<float, 3> grey_parts{0.299F, 0.587F, 0.114F};   // ITU-R BT.601, as JPEG has it

bool usable(float divisor) { return std::isfinite(divisor) && divisor != 0; }

}  // namespace

base::Result<Preparer> Preparer::make(const InputRule& rule, const Element& element) {
  if (rule.width < 1 || rule.height < 1 || rule.width > most_side || rule.height > most_side)
    return fail(Code::invalid_input, "a model's picture of " + std::to_string(rule.width) + " x " +
                                         std::to_string(rule.height) + " is not within 1 and " +
                                         std::to_string(most_side));
  if (!std::ranges::all_of(rule.deviation, usable) || !usable(element.scale) ||
      !std::ranges::all_of(rule.mean, [](float mean) { return std::isfinite(mean); }))
    return fail(Code::invalid_input, "mean, deviation or scale of a model's input is no usable number");
  Preparer preparer(rule, element);
  preparer.set_scaling();
  return preparer;
}

std::size_t Preparer::bytes() const {
  const std::size_t size = element_.kind == Element::Kind::float32 ? sizeof(float) : 1;
  return std::size_t(rule_.width) * std::size_t(rule_.height) * std::size_t(channels()) * size;
}

// Pixels arrive as multiples of 128 * column_one.
void Preparer::set_scaling() {
  constexpr double unit = 128.0 * column_one;
  const bool whole = element_.kind != Element::Kind::float32;
  const double scale = whole ? double{element_.scale} : 1, zero = whole ? element_.zero_point : 0;
  const bool grey = rule_.colour == InputRule::Colour::grey;
  scaling_.order = rule_.colour == InputRule::Colour::bgr ? std::array{2, 1, 0} : std::array{0, 1, 2};
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t from = grey ? 0 : static_cast<std::size_t>(scaling_.order[c]);
    const double divisor = double{rule_.deviation[from]} * scale;
    const double part = grey ? double{grey_parts[c]} : 1;
    scaling_.factor[c] = static_cast<float>(part / (divisor * unit));
    scaling_.offset[c] = static_cast<float>(grey && c > 0 ? 0 : zero - double{rule_.mean[from]} / divisor);
  }
}

void Preparer::plan(const codec::Image& image, const Region& region) {
  width_ = image.width;
  height_ = image.height;
  region_ = region;
  left_ = top_ = 0;
  right_ = rule_.width;
  bottom_ = rule_.height;
  seen_ = seen_by(rule_.fit, region, width_, height_, rule_.width, rule_.height);
  Region shown = seen_;
  if (rule_.fit == InputRule::Fit::letterbox) {
    shown = region;
    const auto place = [](float from, float to, float seen_from, float seen_to, int side, int& begin, int& end) {
      const float pixels = static_cast<float>(side) / (seen_to - seen_from);
      begin = std::clamp(static_cast<int>(std::lround((from - seen_from) * pixels)), 0, side - 1);
      end = std::clamp(begin + static_cast<int>(std::lround((to - from) * pixels)), begin + 1, side);
    };
    place(region.left, region.right, seen_.left, seen_.right, rule_.width, left_, right_);
    place(region.top, region.bottom, seen_.top, seen_.bottom, rule_.height, top_, bottom_);
    // The picture takes whole pixels of the tensor, so what is seen follows from those.
    const float across = (region.right - region.left) / static_cast<float>(right_ - left_);
    const float down = (region.bottom - region.top) / static_cast<float>(bottom_ - top_);
    seen_.left = region.left - across * static_cast<float>(left_);
    seen_.right = seen_.left + across * static_cast<float>(rule_.width);
    seen_.top = region.top - down * static_cast<float>(top_);
    seen_.bottom = seen_.top + down * static_cast<float>(rule_.height);
  }
  make_filter(width_, double{shown.left} * width_, double{shown.right} * width_, right_ - left_, column_one,
              column_multiple, columns_);
  make_filter(height_, double{shown.top} * height_, double{shown.bottom} * height_, bottom_ - top_, row_one, 1, rows_);
  line_.assign(std::size_t(columns_.end - columns_.first) * 3 + line_slack(columns_), 0);
  values_.resize(std::size_t(rule_.width) * 3 + 1);
}

// One line of the picture's part of the tensor, from line_.
void Preparer::write_line(int y, std::span<std::uint8_t> tensor) {
  const Kernels& kernels = plain_ ? plain_kernels() : best_kernels();
  const auto width = static_cast<std::size_t>(right_ - left_);
  const std::size_t area = std::size_t(rule_.width) * std::size_t(rule_.height);
  const std::size_t first = std::size_t(y + top_) * std::size_t(rule_.width) + std::size_t(left_);
  const bool whole = element_.kind != Element::Kind::float32;
  const bool is_signed = element_.kind == Element::Kind::int8;
  const auto write = [&](std::span<const float> values, std::size_t at) {
    if (whole) kernels.quantise({values, is_signed ? -128.0F : 0.0F, is_signed ? 127.0F : 255.0F, &tensor[at]});
    else std::memcpy(&tensor[at * sizeof(float)], values.data(), values.size_bytes());
  };
  ShrinkLine shrink{&columns_, line_, &scaling_, {values_.data(), values_.data() + width, values_.data() + 2 * width}};
  const std::span<float> values(values_);
  if (rule_.colour == InputRule::Colour::grey) {
    kernels.to_planes(shrink);
    for (std::size_t i = 0; i < width; ++i) values[i] += values[i + width] + values[i + 2 * width];
    write(values.first(width), first);
  } else if (rule_.layout == InputRule::Layout::rows) {
    kernels.to_rows(shrink);
    write(values.first(width * 3), first * 3);
  } else if (whole) {
    kernels.to_planes(shrink);
    for (std::size_t c = 0; c < 3; ++c) write(values.subspan(c * width, width), area * c + first);
  } else {
    auto* floats = reinterpret_cast<float*>(tensor.data());
    for (std::size_t c = 0; c < 3; ++c) shrink.to[c] = floats + area * c + first;
    kernels.to_planes(shrink);
  }
}

base::Result<Region> Preparer::run(const codec::Image& image, const Region& region, std::span<std::uint8_t> tensor) {
  CHECK(tensor.size() == bytes());
  CHECK(element_.kind != Element::Kind::float32 || reinterpret_cast<std::uintptr_t>(tensor.data()) % alignof(float) == 0);
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != std::size_t(image.width) * std::size_t(image.height) * 3)
    return fail(Code::invalid_input, "the picture has no pixels");
  const Region within = TRY(region_within(region, image.width, image.height));
  if (image.width != width_ || image.height != height_ || within != region_) plan(image, within);

  if (right_ - left_ < rule_.width || bottom_ - top_ < rule_.height) {
    const bool whole = element_.kind != Element::Kind::float32;
    std::memset(tensor.data(), whole ? static_cast<std::uint8_t>(element_.zero_point) : 0, tensor.size());
  }
  const Kernels& kernels = plain_ ? plain_kernels() : best_kernels();
  const std::size_t stride = std::size_t(image.width) * 3;
  const std::span<std::int16_t> line = std::span(line_).first(line_.size() - line_slack(columns_));
  for (int y = 0; y < bottom_ - top_; ++y) {
    const Filter::Span& span = rows_.spans[static_cast<std::size_t>(y)];
    const BlendRows blend{image.row(span.first) + std::size_t(columns_.first) * 3, stride,
                          {rows_.weights_of(std::size_t(y)), std::size_t(span.count)}, line};
    if (blend.weights.size() > many_rows) blend_many_rows(blend);
    else kernels.blend_rows(blend);
    write_line(y, tensor);
  }
  return seen_;
}

}  // namespace selvedge::engine
