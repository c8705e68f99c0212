// Draw: what was found in a picture, drawn onto it for people to look at: boxes with their labels, the
// best classes, a mask as a tint. Lines and letters grow with the picture. Letters are those of ASCII;
// others become a box. Whatever lies outside of the picture is cut off. Pure; any thread.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/image/image.h"
#include "engine/vision/found.h"

namespace selvedge::engine {

using Colour = std::array<std::uint8_t, 3>;

// One of a label for all pictures: neighbours differ.
Colour colour_of(int label);

void draw_detections(codec::Image& image, std::span<const Detection> detections);
// The best few, in the upper left corner.
void draw_classes(codec::Image& image, std::span<const Ranked> ranked);
// Label 0 stays as it is.
void draw_mask(codec::Image& image, const Mask& mask);

// What a letter of size 1 takes, with the ground around it.
inline constexpr int letter_width = 6, letter_height = 9;
// `x` and `y`: the upper left corner of the ground behind the letters.
void draw_text(codec::Image& image, int x, int y, int size, std::string_view text, Colour letters, Colour ground);
// How large letters are in a picture of that size.
int text_size(int width, int height);

void fill(codec::Image& image, int left, int top, int right, int bottom, Colour colour);

}  // namespace selvedge::engine
