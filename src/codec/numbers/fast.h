// Fast coding of integers: differences or values, bit-packed with patched exceptions, in a layout
// that vector registers read in time order. For nodes whose budget is time, not bytes.
//
// The widest path that the processor has is chosen at run time (baseline, AVX2, AVX-512, NEON); all
// of them read and write the same bytes. Layout: docs/spec/block.md.
//
// Hostile bytes read and write nothing outside. Pure functions, any thread.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"
#include "codec/numbers/number_model.h"

namespace selvedge::codec {

void put_fast(base::Writer& out, std::span<const std::int64_t> integers);
bool take_fast(base::Reader& in, std::span<std::int64_t> integers);

// The same, straight to doubles by a decimal, lattice or grid model, without the integers in between.
bool take_fast(base::Reader& in, const NumberModel& model, std::span<double> values);

// The path in use, for people and tests: "avx512", "avx2", "neon", "baseline".
const char* fast_path();

}  // namespace selvedge::codec
