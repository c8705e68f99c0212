// Most numbers of a device have few digits and a small exponent. For those the double nearest to
// digits * 10^exponent is one exact multiplication or division of two exact doubles (W. D. Clinger,
// "How to read floating point numbers accurately", 1990). The rest goes to std::from_chars, which
// is correctly rounded for all.

#include "codec/payload/number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

namespace selvedge::codec::payload {
namespace {

constexpr int most_digits = 19;  // always fit 64 bits
constexpr std::int32_t exponent_limit = 100'000;
constexpr std::uint64_t exact_integers = std::uint64_t{1} << 53;

constexpr std::array<double, 23> exact_powers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr std::array<std::uint64_t, 20> integer_powers = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& p : powers) {
    p = power;
    power *= 10;
  }
  return powers;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The exponent after 'e'; null if there is no digit. Large ones stop growing: they are out of range
// whatever the digits are.
const char* scan_exponent(const char* p, const char* end, std::int32_t& exponent) {
  bool negative = false;
  if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';
  if (p == end || !is_digit(*p)) return nullptr;
  std::int32_t value = 0;
  for (; p < end && is_digit(*p); ++p)
    if (value < exponent_limit) value = value * 10 + (*p - '0');
  exponent += negative ? -value : value;
  return p;
}

// Whether all eight bytes are digits, and the number they make, with three multiplications instead of
// eight (D. Lemire, "Quickly parsing eight digits", 2018; the first character is the lowest byte).
bool eight_digits(const char* p, std::uint64_t& value) {
  if constexpr (std::endian::native != std::endian::little) return false;
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  word ^= ones * '0';
  if (((word | (word + ones * 6)) & (ones * 0xF0)) != 0) return false;
  word = word * 10 + (word >> 8);
  constexpr std::uint64_t pairs = 0x000000FF000000FF;
  value = ((word & pairs) * 0x000F424000000064 + (word >> 16 & pairs) * 0x0000271000000001) >> 32;
  return true;
}

// Reads on through digits, into `value` modulo 2^64.
const char* scan_digits(const char* p, const char* end, std::uint64_t& value) {
  std::uint64_t eight = 0;
  while (end - p >= 8 && eight_digits(p, eight)) {
    value = value * 100'000'000 + eight;
    p += 8;
  }
  for (; p < end && is_digit(*p); ++p) value = value * 10 + static_cast<std::uint64_t>(*p - '0');
  return p;
}

// More digits than 64 bits hold: keeps the first 19 significant ones of [p, end), which may hold one
// point, and corrects the exponent for what is left out.
void keep_first_digits(const char* p, const char* end, Decimal& out) {
  out.digits = 0;
  int significant = 0;
  bool fraction = false;
  std::int32_t exponent = 0;
  for (; p < end; ++p) {
    if (*p == '.') {
      fraction = true;
    } else if (significant < most_digits) {
      out.digits = out.digits * 10 + static_cast<std::uint64_t>(*p - '0');
      significant += out.digits != 0;
      exponent -= fraction;
    } else {
      out.exact = out.exact && *p == '0';
      exponent += !fraction;
    }
  }
  out.exponent = exponent;
}

double signed_double(double magnitude, bool negative) { return negative ? -magnitude : magnitude; }

std::optional<double> round_slowly(const Decimal& number) {
  char buffer[40];
  std::string_view text = number.text;
  if (text.empty()) {
    const int n = std::snprintf(buffer, sizeof buffer, "%s%llue%d", number.negative ? "-" : "",
                                static_cast<unsigned long long>(number.digits), number.exponent);
    text = {buffer, static_cast<std::size_t>(n)};
  }
  double value = 0;
  const auto [p, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) {
    if (value - value != 0) return std::nullopt;  // infinity
    return value;
  }
  // Out of range, to one side or the other.
  if (number.exponent < 0) return signed_double(0, number.negative);
  return std::nullopt;
}

}  // namespace

Decimal Decimal::of(std::int64_t value) {
  Decimal number;
  number.negative = value < 0;
  number.digits = number.negative ? 0 - static_cast<std::uint64_t>(value)
                                  : static_cast<std::uint64_t>(value);
  number.integer = true;
  return number;
}

const char* scan(const char* p, const char* end, Grammar grammar, Decimal& out) {
  const bool json = grammar == Grammar::json;
  const bool plus = !json && p < end && *p == '+';
  if (plus) ++p;
  const char* const begin = p;
  out.negative = !plus && p < end && *p == '-';
  if (out.negative) ++p;
  const char* const whole = p;
  out.digits = 0;
  out.exact = true;
  p = scan_digits(p, end, out.digits);
  auto count = p - whole;
  if (json && (count == 0 || (count > 1 && *whole == '0'))) return nullptr;

  out.exponent = 0;
  out.integer = true;
  if (p < end && *p == '.') {
    out.integer = false;
    const char* const fraction = ++p;
    p = scan_digits(p, end, out.digits);
    if (json && p == fraction) return nullptr;
    out.exponent = static_cast<std::int32_t>(fraction - p);
    count += p - fraction;
  }
  if (count == 0) return nullptr;
  if (count > most_digits) keep_first_digits(whole, p, out);
  if (p < end && (*p == 'e' || *p == 'E')) {
    out.integer = false;
    p = scan_exponent(p + 1, end, out.exponent);
    if (p == nullptr) return nullptr;
  }
  out.text = {begin, static_cast<std::size_t>(p - begin)};
  return p;
}

std::optional<Decimal> parse_decimal(std::string_view text, Grammar grammar) {
  Decimal number;
  const char* const end = text.data() + text.size();
  if (scan(text.data(), end, grammar, number) != end || text.empty()) return std::nullopt;
  return number;
}

std::optional<double> to_double(const Decimal& number) {
  if (number.exact && number.digits <= exact_integers) {
    const auto digits = static_cast<double>(number.digits);
    if (number.exponent == 0 || number.digits == 0) return signed_double(digits, number.negative);
    if (number.exponent > 0 && number.exponent <= 22)
      return signed_double(digits * exact_powers[static_cast<std::size_t>(number.exponent)],
                           number.negative);
    if (number.exponent < 0 && number.exponent >= -22)
      return signed_double(digits / exact_powers[static_cast<std::size_t>(-number.exponent)],
                           number.negative);
  }
  return round_slowly(number);
}

std::optional<std::int64_t> to_int64(const Decimal& number) {
  if (!number.integer || number.exponent != 0 || !number.exact) return std::nullopt;
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number.digits > largest + (number.negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(number.negative ? 0 - number.digits : number.digits);
}

std::optional<model::ValueView> to_value(const Decimal& number) {
  if (number.integer && number.digits > exact_integers)
    if (const auto whole = to_int64(number)) return model::ValueView::of(*whole);
  if (const auto value = to_double(number)) return model::ValueView::of(*value);
  return std::nullopt;
}

std::optional<std::int64_t> to_scaled(const Decimal& number, int scale) {
  std::uint64_t value = number.digits;
  const std::int32_t exponent = number.exponent + scale;
  if (value != 0 && exponent > 0) {
    if (exponent >= static_cast<std::int32_t>(integer_powers.size()) ||
        __builtin_mul_overflow(value, integer_powers[static_cast<std::size_t>(exponent)], &value))
      return std::nullopt;
  } else if (exponent < 0) {
    if (-exponent >= static_cast<std::int32_t>(integer_powers.size())) return 0;
    const std::uint64_t power = integer_powers[static_cast<std::size_t>(-exponent)];
    const std::uint64_t rest = value % power;
    value = value / power + (rest >= power - rest);
  }
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(value);
  return number.negative ? -magnitude : magnitude;
}

}  // namespace selvedge::codec::payload
