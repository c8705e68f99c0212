#include "engine/vision/draw.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/vision/letters.h"

namespace selvedge::engine {

using codec::Image;

namespace {

constexpr std::uint64_t unknown_letter = 0x7E318C63FULL;   // a box, for what is not ASCII
constexpr Colour black{0, 0, 0}, white{255, 255, 255};

// A share of a side as a pixel; anything that is no number is 0.
int pixel(float share, int side) {
  if (!(share > 0)) return 0;
  return static_cast<int>(std::lround(std::min(share, 1.0F) * static_cast<float>(side)));
}

void frame(Image& image, int left, int top, int right, int bottom, int line, Colour colour) {
  if (right - left < 2 * line || bottom - top < 2 * line) return fill(image, left, top, right, bottom, colour);
  fill(image, left, top, right, top + line, colour);
  fill(image, left, bottom - line, right, bottom, colour);
  fill(image, left, top, left + line, bottom, colour);
  fill(image, right - line, top, right, bottom, colour);
}

std::string caption(int label, const std::string& name, float score) {
  char number[16];
  std::snprintf(number, sizeof number, " %.2f", static_cast<double>(score));
  return (name.empty() ? "#" + std::to_string(label) : name) + number;
}

// Black or white, whichever stands out.
Colour letters_on(Colour ground) {
  return 299 * ground[0] + 587 * ground[1] + 114 * ground[2] > 140'000 ? black : white;
}

// Characters as they are shown: what is more than one byte counts once.
std::string shown(std::string_view text) {
  std::string characters;
  for (const char c : text.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;
    characters += byte >= 32 && byte < 127 ? c : '\x7f';
  }
  return characters;
}

}  // namespace

Colour colour_of(int label) {
  // Hues a golden ratio apart: any run of labels is spread over the circle.
  const double hue = std::fmod(static_cast<double>(label) * 0.61803398875 + 0.11, 1.0) * 6;
  const double sector = std::floor(hue), rise = hue - sector;
  const auto channel = [](double share) { return static_cast<std::uint8_t>(std::lround(40 + 215 * std::clamp(share, 0.0, 1.0))); };
  switch (static_cast<int>(sector)) {
    case 0: return {channel(1), channel(rise), channel(0)};
    case 1: return {channel(1 - rise), channel(1), channel(0)};
    case 2: return {channel(0), channel(1), channel(rise)};
    case 3: return {channel(0), channel(1 - rise), channel(1)};
    case 4: return {channel(rise), channel(0), channel(1)};
    default: return {channel(1), channel(0), channel(1 - rise)};
  }
}

void fill(Image& image, int left, int top, int right, int bottom, Colour colour) {
  left = std::clamp(left, 0, image.width), right = std::clamp(right, 0, image.width);
  top = std::clamp(top, 0, image.height), bottom = std::clamp(bottom, 0, image.height);
  for (int y = top; y < bottom; ++y) {
    std::uint8_t* to = image.row(y) + std::size_t(left) * 3;
    for (int x = left; x < right; ++x) to = std::ranges::copy(colour, to).out;
  }
}

int text_size(int width, int height) { return std::clamp(std::min(width, height) / 170, 1, 16); }

void draw_text(Image& image, int x, int y, int size, std::string_view text, Colour colour, Colour ground) {
  size = std::clamp(size, 1, 64);
  const std::string characters = shown(text);
  fill(image, x, y, x + static_cast<int>(characters.size()) * letter_width * size + size, y + letter_height * size, ground);
  int at = x + size;
  for (const char c : characters) {
    const auto index = static_cast<std::size_t>(static_cast<unsigned char>(c)) - 32;
    const std::uint64_t bits = index < letters.size() ? letters[index] : unknown_letter;
    const int lowered = std::string_view("gjpqy,;").contains(c) ? 1 : 0;   // they go below the line
    for (int point = 0; point < 35; ++point) {
      if ((bits >> (34 - point) & 1) == 0) continue;
      const int left = at + point % 5 * size, top = y + (1 + lowered + point / 5) * size;
      fill(image, left, top, left + size, top + size, colour);
    }
    at += letter_width * size;
  }
}

void draw_detections(Image& image, std::span<const Detection> detections) {
  const int size = text_size(image.width, image.height), line = size + 1;
  // The best last, so that it is on top.
  for (auto found = detections.rbegin(); found != detections.rend(); ++found) {
    const Colour colour = colour_of(found->label);
    const int top = pixel(found->box[0], image.height), left = pixel(found->box[1], image.width);
    const int bottom = pixel(found->box[2], image.height), right = pixel(found->box[3], image.width);
    // A dark edge on both sides: some ground has every colour.
    const int edge = std::max(1, size / 2);
    frame(image, left - edge, top - edge, right + edge, bottom + edge, line + 2 * edge, black);
    frame(image, left, top, right, bottom, line, colour);
    const std::string text = caption(found->label, found->name, found->score);
    const int width = static_cast<int>(shown(text).size()) * letter_width * size + size;
    const int height = letter_height * size;
    // Above the box; where there is no room, inside it.
    draw_text(image, std::max(0, std::min(left, image.width - width)), top >= height ? top - height : top, size, text,
              letters_on(colour), colour);
  }
}

void draw_classes(Image& image, std::span<const Ranked> ranked) {
  const int size = text_size(image.width, image.height);
  int y = size;
  for (const Ranked& one : ranked.first(std::min<std::size_t>(ranked.size(), 5))) {
    const Colour colour = colour_of(one.label);
    draw_text(image, size, y, size, caption(one.label, one.name, one.score), letters_on(colour), colour);
    y += letter_height * size;
  }
}

void draw_mask(Image& image, const Mask& mask) {
  if (mask.width < 1 || mask.height < 1 || mask.labels.size() < std::size_t(mask.width) * std::size_t(mask.height)) return;
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* const row = image.row(y);
    const std::size_t line = static_cast<std::size_t>(std::int64_t{y} * mask.height / image.height) * std::size_t(mask.width);
    for (int x = 0; x < image.width; ++x) {
      const int label = mask.labels[line + static_cast<std::size_t>(std::int64_t{x} * mask.width / image.width)];
      if (label == 0) continue;
      const Colour colour = colour_of(label);
      for (std::size_t c = 0; c < 3; ++c) {
        std::uint8_t& value = row[std::size_t(x) * 3 + c];
        value = static_cast<std::uint8_t>((value + colour[c]) / 2);
      }
    }
  }
}

}  // namespace selvedge::engine
