// The entries of a dictionary as bytes: ascending doubles, themselves a number model over ascending
// integers, whose gaps are small codes (small_codes.h).

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/wire.h"
#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// The cheapest of the hints, which have a K, and of ordered bits.
void put_entries(base::Writer& out, const std::vector<double>& entries, std::span<const NumberModel> hints);
// False if damaged or if there are more than `count`.
bool take_entries(base::Reader& in, std::size_t count, std::vector<double>& into);

}  // namespace selvedge::codec
