// Filter: which pixels of a line of the source make up each pixel of the resized line, and how much
// of each.
//
// A triangle as wide as two pixels of the coarser of the two sides, by pixel centres: enlarging is
// the usual bilinear rule, and shrinking looks at every pixel instead of skipping some. That is what
// Pillow's BILINEAR does, and of seven filters tried it reproduced the reference inputs of the test
// models (largest difference 1 of 255; plain bilinear 62, area average 24).

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace selvedge::engine {

struct Filter {
  struct Span {
    std::int32_t first = 0, count = 0;             // pixels of the source
    std::size_t weights = 0;                       // where this pixel's begin
  };
  std::vector<Span> spans;                         // one for each pixel of the result
  std::vector<std::int16_t> weights;               // of each span they sum to `one` exactly
  std::int32_t first = 0, end = 0;                 // all pixels of the source that are looked at
};

// `length` pixels are there; those from `from` to `to` (not always whole) become `result` pixels.
// Weights are parts of `one`. Spans take a multiple of `padded` weights, the rest zero.
void make_filter(int length, double from, double to, int result, int one, int padded, Filter& into);

}  // namespace selvedge::engine
