#include "codec/numbers/number_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/numbers/dictionary.h"
#include "codec/numbers/forms.h"
#include "codec/numbers/patches.h"

namespace selvedge::codec {

namespace {

constexpr unsigned plain_decimals = 32;  // a first byte below is a decimal form's digits and no more

enum Flag : unsigned { patches_mask = 7, shifted = 8, rational = 16, has_origin = 32, rounding_at = 6 };

constexpr double largest_step = 1e280, largest_origin = 1e300;  // K * step stays finite

bool is_lattice(const NumberModel& m) { return m.form == NumberForm::lattice || m.form == NumberForm::grid; }

bool is_natural(double x) { return x >= 1 && x <= 9007199254740992.0 && std::trunc(x) == x; }

// A double as odd mantissa and exponent: short for a number that is.
void put_short(base::Writer& out, double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  std::int64_t exponent = static_cast<std::int64_t>(bits >> 52 & 0x7FF) - 1075;
  std::uint64_t mantissa = (bits & 0xFFFFFFFFFFFFF) | 0x10000000000000;
  if (x == 0) mantissa = 1, exponent = -1075;  // not in use
  const int zeros = std::countr_zero(mantissa);
  out.svarint(exponent + zeros);
  out.varint(mantissa >> zeros << 1 | bits >> 63);
}

// False if it is not finite and normal.
bool take_short(base::Reader& in, double& x) {
  const std::int64_t exponent = in.svarint();
  const std::uint64_t packed = in.varint();
  const std::uint64_t mantissa = packed >> 1;
  if (!in.ok() || mantissa == 0 || mantissa >> 53 != 0) return false;
  const int shift = 52 - (static_cast<int>(std::bit_width(mantissa)) - 1);
  if (exponent < -1100 || exponent > 1100) return false;
  const std::int64_t biased = exponent + 1075 - shift;
  if (biased < 1 || biased > 2046) return false;
  const std::uint64_t bits = (mantissa << shift & 0xFFFFFFFFFFFFF) | static_cast<std::uint64_t>(biased) << 52 | packed << 63;
  x = std::bit_cast<double>(bits);
  return true;
}

void put_lattice(base::Writer& out, const NumberModel& m, unsigned flags) {
  if (flags & rational)
    out.varint(static_cast<std::uint64_t>(m.step));
  else
    put_short(out, m.step);
  out.varint(static_cast<std::uint64_t>(m.denominator));
  if (flags & has_origin) put_short(out, m.origin);
  if (m.rounding == Rounding::decimals || m.rounding == Rounding::significant)
    out.u8(static_cast<std::uint8_t>(m.rounded_digits));
  if (m.rounding == Rounding::significant) {
    out.svarint(m.low_decade);
    out.u8(static_cast<std::uint8_t>(m.high_decade - m.low_decade));
  }
}

bool take_rounding(base::Reader& in, NumberModel& m) {
  if (m.rounding != Rounding::decimals && m.rounding != Rounding::significant) return true;
  m.rounded_digits = in.u8();
  unsigned most = m.rounded_digits;
  if (m.rounding == Rounding::significant) {
    const std::int64_t low = in.svarint();
    const unsigned decades = in.u8();
    if (low < -22 || low > 22 || low + std::int64_t{decades} > 22) return false;
    m.low_decade = static_cast<int>(low);
    m.high_decade = m.low_decade + static_cast<int>(decades);
    most += decades;
  }
  return most <= most_digits;
}

bool take_lattice(base::Reader& in, NumberModel& m, unsigned flags) {
  if (flags & rational)
    m.step = static_cast<double>(in.varint());
  else if (!take_short(in, m.step))
    return false;
  m.denominator = static_cast<double>(in.varint());
  if (flags & has_origin && !take_short(in, m.origin)) return false;
  if (!in.ok() || !is_natural(m.denominator)) return false;
  if (!(std::abs(m.step) <= largest_step) || m.step == 0 || !(std::abs(m.origin) <= largest_origin)) return false;
  return take_rounding(in, m);
}

}  // namespace

bool NumberModel::operator==(const NumberModel& m) const {
  return form == m.form && digits == m.digits && offset == m.offset && multiple == m.multiple && origin == m.origin &&
         step == m.step && denominator == m.denominator && rounding == m.rounding && rounded_digits == m.rounded_digits &&
         low_decade == m.low_decade && high_decade == m.high_decade && entries.size() == m.entries.size() &&
         std::equal(entries.begin(), entries.end(), m.entries.begin(), same_bits);
}

void put_numbers(base::Writer& out, const Numbers& numbers) {
  const NumberModel& m = numbers.model;
  const bool is_shifted = m.offset != 0 || m.multiple != 1;
  if (m.form == NumberForm::decimal && !is_shifted && numbers.patches.empty()) {
    out.u8(static_cast<std::uint8_t>(m.digits));
    return;
  }
  out.u8(static_cast<std::uint8_t>((static_cast<unsigned>(m.form) + 1) << 5 | m.digits % 32));
  unsigned flags = static_cast<unsigned>(kinds(numbers.patches));
  if (is_shifted) flags |= shifted;
  if (is_lattice(m)) {
    if (is_natural(m.step)) flags |= rational;
    if (m.origin != 0) flags |= has_origin;
    flags |= static_cast<unsigned>(m.rounding) << rounding_at;
  } else if (m.digits >= 32) {
    flags |= rational;  // ordered: 32 more
  }
  out.u8(static_cast<std::uint8_t>(flags));
  if (is_shifted) {
    out.svarint(m.offset);
    out.varint(static_cast<std::uint64_t>(m.multiple));
  }
  if (is_lattice(m)) put_lattice(out, m, flags);
  if (m.form == NumberForm::dictionary) {
    if (m.packed_entries.empty())
      put_entries(out, m.entries, {});
    else
      out.raw(m.packed_entries);
  }
  put_patches(out, numbers.patches);
}

bool take_numbers(base::Reader& in, std::size_t count, NumberModel& m, Patches& patches) {
  m = NumberModel{};
  patches.clear();
  const unsigned first = in.u8();
  m.digits = first % 32;
  if (first < plain_decimals) {
    m.form = NumberForm::decimal;
    return in.ok() && m.digits <= most_digits;
  }
  if (first / 32 > 6) return false;
  m.form = static_cast<NumberForm>(first / 32 - 1);
  const unsigned flags = in.u8();
  if (!in.ok()) return false;
  const bool has_k = m.form != NumberForm::ordered && m.form != NumberForm::dictionary;
  if (m.form == NumberForm::ordered) {
    if (flags & rational) m.digits += 32;
    if (m.digits > 62 || flags & ~(patches_mask | rational)) return false;
  } else if (m.form == NumberForm::dictionary) {
    if (m.digits != 0 || flags & ~patches_mask) return false;
  } else if (is_lattice(m) ? m.digits != 0 : m.digits > most_digits || flags & ~(patches_mask | shifted)) {
    return false;
  }
  if (flags & shifted) {
    m.offset = in.svarint();
    const std::uint64_t multiple = in.varint();
    if (!in.ok() || multiple == 0 || multiple > 0x7FFFFFFFFFFFFFFF) return false;
    m.multiple = static_cast<std::int64_t>(multiple);
  }
  if (is_lattice(m)) {
    m.rounding = static_cast<Rounding>(flags >> rounding_at);
    if (!take_lattice(in, m, flags)) return false;
  }
  if (m.form == NumberForm::dictionary && !take_entries(in, count, m.entries)) return false;
  const PatchKinds which = static_cast<PatchKinds>(flags & patches_mask);
  if (!has_k && flags & static_cast<unsigned>(PatchKinds::fractions)) return false;
  return take_patches(in, which, count, patches) && in.ok();
}

bool to_doubles(const NumberModel& model, std::span<const std::int64_t> integers, std::span<double> values) {
  if (integers.size() != values.size()) return false;
  if (model.form != NumberForm::dictionary) {
    evaluate(model, integers, values);
    return true;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t rank = static_cast<std::uint64_t>(integers[i]);
    if (rank >= model.entries.size()) return false;
    values[i] = model.entries[rank];
  }
  return true;
}

namespace {

// K moved by a fraction, many at a time.
void apply_fractions(const NumberModel& model, std::span<const Patches::Small> patches, std::span<double> values) {
  constexpr std::size_t batch = 256;
  NumberModel fine;
  fine.form = model.form, fine.digits = model.digits;
  fine.origin = model.origin, fine.step = model.step, fine.denominator = model.denominator;
  fine.rounding = model.rounding, fine.rounded_digits = model.rounded_digits;
  fine.low_decade = model.low_decade, fine.high_decade = model.high_decade;
  std::int64_t integers[batch];
  double moved[batch];
  for (std::size_t from = 0; from < patches.size(); from += batch) {
    const std::size_t count = std::min(batch, patches.size() - from);
    for (std::size_t i = 0; i < count; ++i)
      integers[i] = fine_of(model, values[patches[from + i].place]) + patches[from + i].by;
    evaluate(fine, {integers, count}, {moved, count});
    for (std::size_t i = 0; i < count; ++i) values[patches[from + i].place] = moved[i];
  }
}

}  // namespace

bool apply(const NumberModel& model, const Patches& patches, std::span<double> values) {
  const auto is_outside = [&values](const auto& list) { return !list.empty() && list.back().place >= values.size(); };
  if (is_outside(patches.fractions) || is_outside(patches.last_places) || is_outside(patches.exact)) return false;
  if (!patches.fractions.empty()) apply_fractions(model, patches.fractions, values);
  for (const auto& patch : patches.last_places) {
    double& value = values[patch.place];
    value = from_ordered(static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ordered(value)) +
                                                   static_cast<std::uint64_t>(std::int64_t{patch.by})));
  }
  for (const auto& patch : patches.exact) values[patch.place] = std::bit_cast<double>(patch.bits);
  return true;
}

}  // namespace selvedge::codec
