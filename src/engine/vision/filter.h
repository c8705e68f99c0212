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
  };
  std::vector<Span> spans;                         // one for each pixel of the result
  // `width` for each span, so that the loop over them is the same for all; those past `count` are zero,
  // and the others sum to `one` exactly (65535 where one pixel alone would have 65536).
  std::vector<std::uint16_t> weights;
  std::int32_t width = 0;
  // Where `multiple` is 4: the weights as resample_x86.cc multiplies them, 16 for each four: w0 w1 four
  // times, w2 w3 four times.
  std::vector<std::uint16_t> pairs;
  std::int32_t first = 0, end = 0;                 // all pixels of the source that are looked at

  const std::uint16_t* weights_of(std::size_t i) const { return weights.data() + i * static_cast<std::size_t>(width); }
};

// `length` pixels are there; those from `from` to `to` (not always whole) become `result` pixels.
// `width` will be a multiple of `multiple`.
void make_filter(int length, double from, double to, int result, int one, int multiple, Filter& into);

}  // namespace selvedge::engine
