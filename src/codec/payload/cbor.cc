#include "codec/payload/cbor.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::Result;

constexpr std::uint8_t break_byte = 0xFF;
constexpr std::uint64_t decimal_fraction_tag = 4;

// RFC 8949 appendix D.
double half_to_double(std::uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = 0;
  if (exponent == 0) value = std::ldexp(mantissa, -24);
  else if (exponent != 31) value = std::ldexp(mantissa + 1024, exponent - 25);
  else value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
  return half >> 15 ? -value : value;
}

}  // namespace

std::unexpected<base::Error> CborReader::error(std::string_view what) const {
  return base::fail(Code::invalid_input,
                    "byte " + std::to_string(position_) + ": " + std::string(what));
}

Result<void> CborReader::next() {
  if (at_end()) return error("the message ends too early");
  const std::uint8_t first = bytes_[position_];
  Head& head = head_;
  head.type = static_cast<Type>(first >> 5);
  head.bytes = 0;
  head.indefinite = false;
  head.argument = 0;
  const unsigned low = first & 31;
  std::size_t size = 0;
  if (low < 24) {
    head.argument = low;
  } else if (low <= 27) {
    size = std::size_t{1} << (low - 24);
    if (bytes_.size() - position_ - 1 < size) return error("the message ends too early");
    for (std::size_t i = 1; i <= size; ++i)
      head.argument = head.argument << 8 | bytes_[position_ + i];
    head.bytes = static_cast<std::uint8_t>(size);
  } else if (low == 31 && head.type >= Type::bytes && head.type <= Type::map) {
    head.indefinite = true;
  } else {
    return error(first == break_byte ? "a break where an item should be" : "a reserved form");
  }
  position_ += 1 + size;
  return {};
}

Result<void> CborReader::next_untagged() {
  TRY(next());
  for (std::uint32_t tags = 0; head_.type == Type::tag && head_.argument != decimal_fraction_tag;) {
    if (++tags > depth_) return error("too many tags before one item");
    TRY(next());
  }
  return {};
}

bool CborReader::take_break() {
  if (at_end() || bytes_[position_] != break_byte) return false;
  ++position_;
  return true;
}

Result<std::string_view> CborReader::take(std::uint64_t size) {
  if (size > bytes_.size() - position_) return error("a string is longer than what is left");
  const std::string_view text =
      base::as_text(bytes_.subspan(position_, static_cast<std::size_t>(size)));
  position_ += text.size();
  return text;
}

Result<std::string_view> CborReader::string(std::string& joined) {
  const Type type = head_.type;
  std::string_view text;
  if (head_.indefinite) {
    joined.clear();
    while (!take_break()) {
      TRY(next());
      if (head_.type != type || head_.indefinite) return error("a part of another type in a string");
      joined += TRY(take(head_.argument));
    }
    text = joined;
  } else {
    text = TRY(take(head_.argument));
  }
  if (type == Type::text && !is_ascii(text) && !base::is_utf8(text))
    return error("a text is not UTF-8");
  return text;
}

std::optional<double> CborReader::float_value() const {
  if (head_.type != Type::simple) return std::nullopt;
  switch (head_.bytes) {
    case 2: return half_to_double(static_cast<std::uint16_t>(head_.argument));
    case 4: return std::bit_cast<float>(static_cast<std::uint32_t>(head_.argument));
    case 8: return std::bit_cast<double>(head_.argument);
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> CborReader::integer_value() const {
  if (head_.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  const auto value = static_cast<std::int64_t>(head_.argument);
  if (head_.type == Type::unsigned_integer) return value;
  if (head_.type == Type::negative_integer) return -1 - value;
  return std::nullopt;
}

Result<std::optional<std::int64_t>> CborReader::next_integer() {
  TRY(next());
  return integer_value();
}

Result<Decimal> CborReader::decimal_fraction() {
  TRY(next());
  const bool indefinite = head_.indefinite;
  if (head_.type != Type::array || (!indefinite && head_.argument != 2))
    return error("a decimal fraction is not an array of two");
  const auto exponent = TRY(next_integer());
  const auto mantissa = TRY(next_integer());
  if (!exponent || !mantissa || (indefinite && !take_break()))
    return error("a decimal fraction is not made of two 64-bit integers");
  if (*exponent < -10'000 || *exponent > 10'000)
    return error("the exponent of a decimal fraction is out of range");
  Decimal number = Decimal::of(*mantissa);
  number.exponent = static_cast<std::int32_t>(*exponent);
  number.integer = *exponent == 0;
  return number;
}

Result<void> CborReader::skip(std::uint32_t depth) {
  switch (head_.type) {
    case Type::unsigned_integer:
    case Type::negative_integer:
    case Type::simple: return {};
    case Type::bytes:
    case Type::text: {
      std::string joined;
      TRY(string(joined));
      return {};
    }
    case Type::tag:
    case Type::array:
    case Type::map: break;
  }
  if (depth == 0) return error("nested too deeply");
  return skip_items(depth - 1);
}

Result<void> CborReader::skip_items(std::uint32_t depth) {
  const Head outer = head_;
  const bool pairs = outer.type == Type::map;
  const std::uint64_t count = outer.type == Type::tag ? 1 : outer.argument;
  // Each item takes a byte at least, so a count that cannot be true ends with the message.
  for (std::uint64_t i = 0; outer.indefinite ? !take_break() : i < count; ++i) {
    for (int part = 0; part < (pairs ? 2 : 1); ++part) {
      TRY(next());
      TRY(skip(depth));
    }
  }
  return {};
}

}  // namespace selvedge::codec::payload
