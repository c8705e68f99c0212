// Number: a decimal number as it is written, read once and then turned into what is needed: a
// correctly rounded double, a reading's value, or a time exact to the nanosecond.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/reading.h"

namespace selvedge::codec::payload {

// (-1)^negative * digits * 10^exponent. `digits` holds the first 19 significant digits; `exact` says
// that there were no more.
struct Decimal {
  std::string_view text;  // as written, without a leading '+'; empty if it was not text
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;
  bool negative = false;
  bool integer = false;  // written without point and exponent
  bool exact = true;

  static Decimal of(std::int64_t value);
};

enum class Grammar : std::uint8_t {
  json,     // RFC 8259: no '+', no leading zeros, digits on both sides of the point
  lenient,  // what devices write: "+21.5", ".5", "5.", "007"
};

// Reads the number at the front of [p, end). Returns where it ends, or null if there is none.
const char* scan(const char* p, const char* end, Grammar grammar, Decimal& out);

// The number that all of `text` is, if it is one.
std::optional<Decimal> parse_decimal(std::string_view text, Grammar grammar);

// The nearest double (ties to even); none if it is beyond the largest. Too small a number is zero.
std::optional<double> to_double(const Decimal& number);

// A reading's value: a float64, so that a series does not change its kind between 21 and 21.5; only
// an integer beyond 2^53 that fits int64 is an int64. None if it is beyond the largest double.
std::optional<model::ValueView> to_value(const Decimal& number);

// The number as an int64 if it is written as an integer and fits.
std::optional<std::int64_t> to_int64(const Decimal& number);

// number * 10^scale as an integer, halves away from zero; none if it does not fit.
std::optional<std::int64_t> to_scaled(const Decimal& number, int scale);

}  // namespace selvedge::codec::payload
