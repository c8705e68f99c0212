// Decimal: doubles that are exactly k / 10^digits, as most sensor values are. "Exactly" means that
// the division gives back the very same bits, so nothing is lost.
//
// The idea is that of ALP (Afroozeh, Kuffo and Boncz, SIGMOD 2024): multiply, round, divide again
// and compare.

#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace selvedge::codec {

inline constexpr unsigned max_digits = 17;
inline constexpr std::array<double, max_digits + 1> powers_of_ten = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

inline constexpr double mantissa_limit = 2251799813685248.0;  // 2^51

// k with k / 10^digits == value to the bit; false if there is none below 2^51.
inline bool to_decimal(double value, unsigned digits, std::int64_t& k) {
  const double scaled = value * powers_of_ten[digits];
  if (!(scaled > -mantissa_limit && scaled < mantissa_limit)) return false;  // also NaN
  // Adding 1.5 * 2^52 leaves no bits for a fraction: the nearest integer, without a call.
  constexpr double shift = 6755399441055744.0;
  const double rounded = (scaled + shift) - shift;
  k = static_cast<std::int64_t>(rounded);
  return std::bit_cast<std::uint64_t>(static_cast<double>(k) / powers_of_ten[digits]) ==
         std::bit_cast<std::uint64_t>(value);
}

inline double from_decimal(std::int64_t k, unsigned digits) {
  return static_cast<double>(k) / powers_of_ten[digits];
}

}  // namespace selvedge::codec
