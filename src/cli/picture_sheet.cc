#include "cli/picture_sheet.h"

#include <algorithm>
#include <cmath>

#include "engine/vision/draw.h"

namespace selvedge::cli {

using codec::Image;

namespace {

constexpr int widest = 3840;                       // of a sheet
constexpr int largest_cell = 640, smallest_cell = 96;
constexpr engine::Colour ground{24, 24, 28}, letters{225, 225, 225};

}  // namespace

void draw_answer(Image& image, const infer::Answer& answer) {
  if (answer.mask) engine::draw_mask(image, *answer.mask);
  engine::draw_detections(image, answer.detections);
  engine::draw_classes(image, answer.ranked);
}

Image reduced(const Image& image, int width, int height) {
  if (image.width <= width && image.height <= height) return image;
  const double scale = std::min(static_cast<double>(width) / image.width, static_cast<double>(height) / image.height);
  Image to;
  to.width = std::max(1, static_cast<int>(std::floor(image.width * scale)));
  to.height = std::max(1, static_cast<int>(std::floor(image.height * scale)));
  to.pixels.resize(std::size_t(to.width) * std::size_t(to.height) * 3);
  for (int y = 0; y < to.height; ++y) {
    const int top = static_cast<int>(std::int64_t{y} * image.height / to.height);
    const int bottom = std::max(top + 1, static_cast<int>(std::int64_t{y + 1} * image.height / to.height));
    for (int x = 0; x < to.width; ++x) {
      const int left = static_cast<int>(std::int64_t{x} * image.width / to.width);
      const int right = std::max(left + 1, static_cast<int>(std::int64_t{x + 1} * image.width / to.width));
      std::array<std::uint64_t, 3> sum{};
      for (int from_y = top; from_y < bottom; ++from_y) {
        const std::uint8_t* from = image.row(from_y) + std::size_t(left) * 3;
        for (int from_x = left; from_x < right; ++from_x)
          for (std::size_t c = 0; c < 3; ++c) sum[c] += *from++;
      }
      const auto count = static_cast<std::uint64_t>(bottom - top) * static_cast<std::uint64_t>(right - left);
      for (std::size_t c = 0; c < 3; ++c)
        to.row(y)[std::size_t(x) * 3 + c] = static_cast<std::uint8_t>((sum[c] + count / 2) / count);
    }
  }
  return to;
}

PictureSheet::PictureSheet(std::size_t pictures) : pictures_(pictures) {
  if (pictures < 2) return;
  columns_ = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(pictures))));
  cell_ = std::clamp(widest / columns_, smallest_cell, largest_cell);
  cell_height_ = cell_ * 3 / 4;
  const int rows = static_cast<int>((pictures + static_cast<std::size_t>(columns_) - 1) / static_cast<std::size_t>(columns_));
  const int size = engine::text_size(cell_, cell_height_);
  sheet_.width = columns_ * cell_;
  sheet_.height = rows * (cell_height_ + engine::letter_height * size);
  sheet_.pixels.resize(std::size_t(sheet_.width) * std::size_t(sheet_.height) * 3);
  engine::fill(sheet_, 0, 0, sheet_.width, sheet_.height, ground);
}

void PictureSheet::add(const std::string& name, const Image& image, const infer::Answer& answer) {
  if (added_ == pictures_) return;
  if (pictures_ == 1) {
    sheet_ = image;
    draw_answer(sheet_, answer);
    ++added_;
    return;
  }
  const int gap = 4, size = engine::text_size(cell_, cell_height_);
  Image small = reduced(image, cell_ - 2 * gap, cell_height_ - 2 * gap);
  draw_answer(small, answer);
  const int column = static_cast<int>(added_) % columns_, row = static_cast<int>(added_) / columns_;
  const int left = column * cell_, top = row * (cell_height_ + engine::letter_height * size);
  const int x = left + (cell_ - small.width) / 2, y = top + (cell_height_ - small.height) / 2;
  for (int line = 0; line < small.height; ++line)
    std::copy_n(small.row(line), std::size_t(small.width) * 3, sheet_.row(y + line) + std::size_t(x) * 3);
  const auto room = static_cast<std::size_t>(std::max(1, (cell_ - 2 * gap) / (engine::letter_width * size)));
  engine::draw_text(sheet_, left + gap, top + cell_height_, size, name.size() > room ? name.substr(name.size() - room) : name, letters, ground);
  ++added_;
}

Image PictureSheet::take() { return added_ == 0 ? Image{} : std::move(sheet_); }

base::Result<base::Bytes> encode_for(const std::string& path, const Image& image) {
  if (path.ends_with(".png")) return codec::encode_png(image);
  if (path.ends_with(".jpg") || path.ends_with(".jpeg")) return codec::encode_jpeg(image);
  return base::fail(base::Code::invalid_input, path + ": expected a name that ends in .png, .jpg or .jpeg");
}

}  // namespace selvedge::cli
