#include "codec/series/header.h"

#include <bit>

#include "codec/series/decimal.h"

namespace selvedge::codec {
namespace {

using base::Code;

constexpr unsigned kind_mask = 3, unit_shift = 2;
constexpr std::uint8_t has_extension = 16, has_nan = 32, unknown_flags = 0xC0;

// How the five numbers are kept: the high three bits of their first byte; the low five are digits.
enum class Form : std::uint8_t { one = 0, decimals = 1, decimals_raw_sum = 2, raw = 3 };
constexpr unsigned raw_digits = 31;

std::uint8_t form_byte(Form form, unsigned digits) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(form) << 5 | digits);
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::uint64_t above(std::int64_t k, std::int64_t low) { return static_cast<std::uint64_t>(k - low); }

void put_one(base::Writer& out, double value) {
  std::int64_t k;
  for (unsigned digits = 0; digits <= max_digits; ++digits) {
    if (!to_decimal(value, digits, k)) continue;
    out.u8(form_byte(Form::one, digits));
    out.svarint(k);
    return;
  }
  out.u8(form_byte(Form::one, raw_digits));
  out.f64(value);
}

void put_numbers(base::Writer& out, const model::BlockSummary& s) {
  if (same_bits(s.min, s.max) && same_bits(s.min, s.sum) && same_bits(s.min, s.first) &&
      same_bits(s.min, s.last))
    return put_one(out, s.first);
  for (unsigned digits = 0; digits <= max_digits; ++digits) {
    std::int64_t min = 0, max = 0, first = 0, last = 0, sum = 0;
    if (!to_decimal(s.first, digits, first) || !to_decimal(s.last, digits, last) ||
        !to_decimal(s.min, digits, min) || !to_decimal(s.max, digits, max))
      continue;
    const bool sum_fits = to_decimal(s.sum, digits, sum);
    out.u8(form_byte(sum_fits ? Form::decimals : Form::decimals_raw_sum, digits));
    out.svarint(min);
    out.varint(above(max, min));
    out.varint(above(first, min));
    out.varint(above(last, min));
    if (sum_fits)
      out.svarint(sum);
    else
      out.f64(s.sum);
    return;
  }
  out.u8(form_byte(Form::raw, 0));
  for (const double v : {s.min, s.max, s.first, s.last, s.sum}) out.f64(v);
}

// A mantissa that was written as a distance from `low`.
double raised(std::int64_t low, std::uint64_t distance, unsigned digits) {
  return from_decimal(static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + distance), digits);
}

bool take_numbers(base::Reader& in, model::BlockSummary& s) {
  const std::uint8_t head = in.u8();
  const unsigned digits = head & 31;
  const auto form = static_cast<Form>(head >> 5);
  if (digits > max_digits && !(form == Form::one && digits == raw_digits)) return false;
  switch (form) {
    case Form::one:
      s.first = digits == raw_digits ? in.f64() : from_decimal(in.svarint(), digits);
      s.min = s.max = s.sum = s.last = s.first;
      return in.ok();
    case Form::decimals:
    case Form::decimals_raw_sum: {
      const std::int64_t min = in.svarint();
      s.min = from_decimal(min, digits);
      s.max = raised(min, in.varint(), digits);
      s.first = raised(min, in.varint(), digits);
      s.last = raised(min, in.varint(), digits);
      s.sum = form == Form::decimals ? from_decimal(in.svarint(), digits) : in.f64();
      return in.ok();
    }
    case Form::raw:
      for (double* v : {&s.min, &s.max, &s.first, &s.last, &s.sum}) *v = in.f64();
      return in.ok();
  }
  return false;
}

}  // namespace

unsigned coarsest_unit(std::int64_t ns, unsigned at_most) {
  while (ns % time_units[at_most] != 0) --at_most;  // everything is a multiple of unit 0
  return at_most;
}

void put_header(base::Writer& out, const Header& h) {
  const model::BlockSummary& s = h.summary;
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(s.kind) | h.time_unit << unit_shift |
                                   (s.nan_count > 0 ? has_nan : 0u)));
  out.varint(s.count);
  if (s.nan_count > 0) out.varint(s.nan_count);
  const std::int64_t unit = time_units[h.time_unit];
  out.svarint(s.first_time.ns / unit);
  const auto span = static_cast<std::uint64_t>(s.last_time.ns) - static_cast<std::uint64_t>(s.first_time.ns);
  out.varint(span / static_cast<std::uint64_t>(unit));
  out.u8(static_cast<std::uint8_t>(h.time_codec));
  out.u8(s.codec);
  put_numbers(out, s);
}

base::Result<Header> take_header(base::Reader& in) {
  Header h;
  model::BlockSummary& s = h.summary;
  const std::uint8_t flags = in.u8();
  if (flags & unknown_flags) return base::fail(Code::corrupt, "unknown flags in a frame");
  s.kind = static_cast<model::Kind>(flags & kind_mask);
  h.time_unit = (flags >> unit_shift) & 3;
  const std::uint64_t count = in.varint();
  if (!in.ok() || count == 0 || count > max_readings_per_block)
    return base::fail(Code::corrupt, "a frame must hold 1 to 2^20 readings");
  s.count = static_cast<std::uint32_t>(count);
  if (flags & has_nan) {
    const std::uint64_t nan_count = in.varint();
    if (nan_count > count) return base::fail(Code::corrupt, "more NaN than readings in a frame");
    s.nan_count = static_cast<std::uint32_t>(nan_count);
  }
  const std::int64_t unit = time_units[h.time_unit];
  std::int64_t first, span, last;
  const std::int64_t first_units = in.svarint();
  const std::uint64_t span_units = in.varint();
  // The span may be as wide as 2^64 - 1 ns, so it is added in two's complement and then compared.
  std::uint64_t wide;
  if (__builtin_mul_overflow(first_units, unit, &first) ||
      __builtin_mul_overflow(span_units, static_cast<std::uint64_t>(unit), &wide))
    return base::fail(Code::corrupt, "time out of range in a frame");
  span = static_cast<std::int64_t>(wide);
  last = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + static_cast<std::uint64_t>(span));
  if (last < first || (count == 1 && span != 0))
    return base::fail(Code::corrupt, "time out of range in a frame");
  s.first_time = {first};
  s.last_time = {last};
  h.time_codec = static_cast<TimeCodec>(in.u8());
  s.codec = in.u8();
  if (!take_numbers(in, s)) return base::fail(Code::corrupt, "damaged numbers in a frame's header");
  if (flags & has_extension) in.bytes();
  if (!in.ok()) return base::fail(Code::corrupt, "a frame's header is cut short");
  return h;
}

}  // namespace selvedge::codec
