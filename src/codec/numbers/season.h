// Season: the period after which differences of a series repeat, found from their signs.

#pragma once

#include <cstdint>
#include <span>

namespace selvedge::codec {

inline constexpr std::uint32_t longest_season = 2048;

// 0 if there is none that stands out. Periods from 5 to longest_season and a third of the length.
std::uint32_t season_of(std::span<const std::int64_t> differences);

}  // namespace selvedge::codec
