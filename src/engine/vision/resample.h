// Resample: the inner loops of resizing. For this folder only.
//
// First several rows of the source become one line of the source's width (blend_rows), then the line
// becomes floats of the result's width (to_planes, to_rows), and those whole numbers where the model wants them. A line holds 128ths of a pixel's value in 16 bits.
// Every version of a loop gives the same result to the bit.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/vision/filter.h"

namespace selvedge::engine {

inline constexpr int row_one = 1 << 16;            // of the filter between rows
inline constexpr int column_one = 1 << 14;         // of the filter between columns
inline constexpr int column_multiple = 4;

// Elements that are read past the end of a line, of no effect.
inline std::size_t line_slack(const Filter& columns) { return static_cast<std::size_t>(columns.width) * 3 + 16; }

// line[i] = sum of rows[k][i] * weights[k].
struct BlendRows {
  const std::uint8_t* first;                       // of the first row
  std::size_t stride;                              // between rows
  std::span<const std::uint16_t> weights;          // they sum to row_one
  std::span<std::int16_t> line;
};

// What is done to the value of each channel, in pixels: value * factor + offset. Channel c of the
// result is channel order[c] of the source.
struct Scaling {
  std::array<float, 3> factor, offset;
  std::array<int, 3> order;
};

// `line` begins with pixel filter.first of the source. Planes: to[c][i]. Rows: to[0][3 * i + c], and
// one float more is written at the end, of no meaning.
struct ShrinkLine {
  const Filter* filter;
  std::span<const std::int16_t> line;              // with line_slack()
  const Scaling* scaling;
  std::array<float*, 3> to;
};

// Floats to whole numbers within [least, most], to the nearest, halves to the even one.
struct Quantise {
  std::span<const float> from;
  float least, most;
  std::uint8_t* to;                                // the low byte of each
};

struct Kernels {
  void (*blend_rows)(const BlendRows&);
  void (*to_planes)(const ShrinkLine&);
  void (*to_rows)(const ShrinkLine&);
  void (*quantise)(const Quantise&);
};

// For more rows than many_rows: the versions of blend_rows may lose 1/256 with each.
inline constexpr std::size_t many_rows = 64;
void blend_many_rows(const BlendRows& blend);

const Kernels& plain_kernels();
// The fastest that this processor has.
const Kernels& best_kernels();

}  // namespace selvedge::engine
