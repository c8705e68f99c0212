// Choice: the candidates of a block and what each would cost, inside of fit().

#pragma once

#include <cstdint>
#include <span>

#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// About how many bits an entropy coder needs for integers of which neighbours are alike.
double integer_bits(std::span<const std::int64_t> integers);

// The entries of a dictionary, ascending: any form but dictionary.
void fit_entries(std::span<const double> entries, Numbers& into);

// k / 10^digits with the fewest digits that most values need. False if most are not such.
bool try_decimal(std::span<const double> values, Effort effort, Numbers& into);

// Always possible.
void fit_ordered(std::span<const double> values, Numbers& into);

// Patches for the values that the model and the integers do not give back; `missing` are their
// places. Sets the integers of exact patches to their neighbour's.
void patch(std::span<const double> values, std::span<const std::uint32_t> missing, Numbers& into);

}  // namespace selvedge::codec
