// Dense coding of integers: the fewest bytes at a speed that a node does not notice.
//
// A predictor per block, residuals split into a token (its size) and raw bits, tokens coded by
// interleaved rANS (Duda, arXiv 1311.2540) whose distribution follows the size of the residuals
// before. Self-contained: any block can be decoded alone. Layout: docs/spec/block.md.
//
// Hostile bytes read and write nothing outside; the output's size is the caller's.
// Pure functions, any thread; scratch memory belongs to the thread.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"

namespace selvedge::codec {

// 1 to 2^20 integers, any values. Appends.
void put_dense(base::Writer& out, std::span<const std::int64_t> integers);

// Fills `integers`, whose size is the count that was coded. False if damaged. Reads exactly what
// put_dense wrote, so that more can follow.
bool take_dense(base::Reader& in, std::span<std::int64_t> integers);

}  // namespace selvedge::codec
