#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/numbers/fast.h"
#include "codec/numbers/fast_paths.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr std::size_t most_packed_bytes = fast_group * 8 + fast_slack;

// One group as it lies in the input.
struct Group {
  std::size_t count = 0;
  bool is_wide = false;
  FastOrder order = FastOrder::values;
  unsigned width = 0;
  std::uint64_t low = 0;
  std::size_t exceptions = 0;
  unsigned high_width = 0;
  bool signed_highs = false;
  base::BytesView places, highs, numbers;
};

std::size_t whole_rows(std::size_t count) {
  return (count + 15) / 16 * 16;
}

bool take_width(unsigned code, bool is_wide, unsigned& width) {
  width = code == fast_no_width && is_wide ? 64 : code;
  return width <= (is_wide ? fast_wide_width : fast_narrow_width) || (is_wide && width == 64);
}

bool take_exceptions(base::Reader& in, Group& group) {
  group.exceptions = in.u8();
  const unsigned form = in.u8();
  group.signed_highs = (form & 0x40) != 0;
  if (group.exceptions == 0 || group.exceptions > group.count || (form & 0x80) != 0) return false;
  if (!take_width(form & 0x3F, group.is_wide, group.high_width)) return false;
  const bool is_bitmap = exceptions_are_a_bitmap(group.exceptions, group.count);
  group.places = in.raw(is_bitmap ? (group.count + 7) / 8 : group.exceptions);
  group.highs = in.raw(packed_bytes(group.exceptions, group.high_width));
  return in.ok();
}

// State between groups: the integer before and the difference that led to it.
struct Before {
  std::int64_t integer = 0;
  std::uint64_t slope = 0;
};

bool take_header(base::Reader& in, bool is_first, Before& before, Group& group) {
  const unsigned head = in.u8();
  group.is_wide = (head >> 5 & 3) == 3;
  unsigned order = head >> 5 & 3, width = head & 0x1F;
  if (group.is_wide) {
    if (width != 0) return false;
    const unsigned second = in.u8();
    order = second >> 6;
    width = second & 0x3F;
  }
  if (order > 2 || !take_width(width, group.is_wide, group.width)) return false;
  group.order = static_cast<FastOrder>(order);
  group.low = static_cast<std::uint64_t>(in.svarint()) - half_window(group.width);
  if (is_first && order == 2) before.slope = static_cast<std::uint64_t>(in.svarint());
  if ((head & 0x80) != 0 && !take_exceptions(in, group)) return false;
  group.numbers = in.raw(packed_bytes(group.count, group.width));
  return in.ok();
}

template <typename Word>
void unpack(const FastPath& path, const std::uint8_t* in, unsigned width, std::size_t count,
            Word* to) {
  if constexpr (sizeof(Word) == 4)
    path.unpack_narrow(in, width, count, to);
  else
    path.unpack_wide(in, width, count, to);
}

// Unpacks what lies in `packed`, of which `behind` further bytes can be read. Kernels read whole
// rows and a little more, therefore the last of the input goes through a copy.
template <typename Word>
void unpack_bounded(const FastPath& path, base::BytesView packed, std::size_t behind,
                    unsigned width, std::size_t count, Word* to) {
  const std::size_t rows = whole_rows(count);
  const std::size_t touched = packed_bytes(rows, width) + fast_slack;
  if (touched <= packed.size() + behind) return unpack(path, packed.data(), width, rows, to);
  std::uint8_t copy[most_packed_bytes];
  std::memcpy(copy, packed.data(), packed.size());
  std::memset(copy + packed.size(), 0, touched - packed.size());
  unpack(path, copy, width, rows, to);
}

std::size_t patch_by_bitmap(const FastPath& path, const std::uint8_t* bitmap,
                            const FastHighs<std::uint32_t>& highs, std::size_t count,
                            std::uint32_t* numbers) {
  return path.patch_narrow(bitmap, highs, count, numbers);
}
std::size_t patch_by_bitmap(const FastPath& path, const std::uint8_t* bitmap,
                            const FastHighs<std::uint64_t>& highs, std::size_t count,
                            std::uint64_t* numbers) {
  return path.patch_wide(bitmap, highs, count, numbers);
}

template <typename Word>
bool patch(const FastPath& path, const Group& group, std::size_t behind, Word* numbers) {
  if (group.width == sizeof(Word) * 8) return false;  // nothing lies outside of such a window
  alignas(64) Word coded[fast_group + 16];
  unpack_bounded(path, group.highs, behind, group.high_width, group.exceptions, coded);
  const FastHighs<Word> highs = {coded, group.signed_highs, group.width};
  if (!exceptions_are_a_bitmap(group.exceptions, group.count)) {
    for (std::size_t i = 0; i < group.exceptions; ++i) {
      if (group.places[i] >= group.count) return false;
      numbers[group.places[i]] += highs.patch(i);
    }
    return true;
  }
  if (group.count == fast_group)
    return patch_by_bitmap(path, group.places.data(), highs, fast_group, numbers) ==
           group.exceptions;
  std::uint8_t bitmap[fast_group / 8] = {};
  std::memcpy(bitmap, group.places.data(), group.places.size());
  if (group.count % 8 != 0 && bitmap[group.count / 8] >> group.count % 8 != 0) return false;
  return patch_by_bitmap(path, bitmap, highs, whole_rows(group.count), numbers) == group.exceptions;
}

// The numbers of the group before they are summed, without the start of the window.
template <typename Word>
bool take_numbers_of(const FastPath& path, const Group& group, std::size_t behind, Word* numbers) {
  unpack_bounded(path, group.numbers, behind, group.width, group.count, numbers);
  return group.exceptions == 0 || patch(path, group, behind + group.numbers.size(), numbers);
}

void advance(Before& before, const FastEnd<std::uint32_t>& end) {
  before.integer = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(before.integer) +
      static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(end.sum)}));
  before.slope = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(end.slope)});
}

void advance(Before& before, const FastEnd<std::uint64_t>& end) {
  before.integer = static_cast<std::int64_t>(static_cast<std::uint64_t>(before.integer) + end.sum);
  before.slope = end.slope;
}

template <typename Word>
FastStart<Word> start_of(const Group& group, const Before& before) {
  return {group.order, static_cast<Word>(group.low), static_cast<Word>(before.slope),
          before.integer};
}

// Into whole rows of integers.
bool take_integers(const FastPath& path, const Group& group, std::size_t behind, Before& before,
                   std::int64_t* to) {
  const std::size_t rows = whole_rows(group.count);
  if (group.is_wide) {
    alignas(64) std::uint64_t numbers[fast_group];
    if (!take_numbers_of(path, group, behind, numbers)) return false;
    advance(before, path.integers_wide(numbers, start_of<std::uint64_t>(group, before), rows, to));
  } else {
    alignas(64) std::uint32_t numbers[fast_group];
    if (!take_numbers_of(path, group, behind, numbers)) return false;
    advance(before,
            path.integers_narrow(numbers, start_of<std::uint32_t>(group, before), rows, to));
  }
  return true;
}

// Reads `count` integers group by group; `sink(group, bytes behind it, before, place)` does the
// rest.
template <typename Sink>
bool take_groups(base::Reader& in, std::size_t count, Sink sink) {
  if (count == 0) return true;
  Before before;
  before.integer = in.svarint();
  for (std::size_t i = 0; i < count; i += fast_group) {
    Group group;
    group.count = std::min(fast_group, count - i);
    if (!take_header(in, i == 0, before, group)) return false;
    if (!sink(group, in.remaining(), before, i)) return false;
  }
  return true;
}

// Kernels write whole rows: straight to where the numbers go, or by way of a copy.
template <typename Number, typename Kernel>
void in_whole_rows(std::span<Number> to, Kernel kernel) {
  const std::size_t rows = whole_rows(to.size());
  if (rows == to.size()) return kernel(to.data(), rows);
  Number copy[fast_group];
  kernel(copy, rows);
  std::copy_n(copy, to.size(), to.data());
}

// Whether the vector kernels know the model's arithmetic, and how.
bool scale_of(const NumberModel& model, FastScale& scale) {
  scale.multiple = static_cast<double>(model.multiple);
  scale.offset = static_cast<double>(model.offset);
  scale.whole_multiple = model.multiple;
  scale.whole_offset = model.offset;
  switch (model.form) {
    case NumberForm::decimal:
    case NumberForm::float32:
      scale.divisor = ten_to[model.digits];
      scale.inverse = 1.0 / scale.divisor;
      if (model.form == NumberForm::float32) scale.rounding = Rounding::float32;
      return true;
    case NumberForm::lattice:
    case NumberForm::grid:
      scale.kind = FastScale::Kind::line;
      scale.rounding = model.rounding;
      scale.origin = model.origin;
      scale.step = model.step;
      scale.divisor = model.denominator;
      scale.decimals = ten_to[model.rounded_digits];
      return model.rounding != Rounding::significant;
    case NumberForm::ordered:
    case NumberForm::dictionary:
      break;
  }
  return false;
}

bool is_exact_as_double(const FastScale& scale, std::int64_t before) {
  const double reach = std::abs(static_cast<double>(before)) + 0x1p31;
  return reach * std::abs(scale.multiple) + std::abs(scale.offset) <= 0x1p53;
}

}  // namespace

bool take_fast(base::Reader& in, std::span<std::int64_t> integers) {
  const FastPath& path = current_fast_path();
  return take_groups(
      in, integers.size(),
      [&](const Group& group, std::size_t behind, Before& before, std::size_t place) {
        bool is_sound = false;
        in_whole_rows(integers.subspan(place, group.count), [&](std::int64_t* rows, std::size_t) {
          is_sound = take_integers(path, group, behind, before, rows);
        });
        return is_sound;
      });
}

bool take_fast(base::Reader& in, const NumberModel& model, std::span<double> values) {
  const FastPath& path = current_fast_path();
  FastScale scale;
  const bool has_kernel = scale_of(model, scale);
  return take_groups(
      in, values.size(),
      [&](const Group& group, std::size_t behind, Before& before, std::size_t place) {
        const std::span<double> to = values.subspan(place, group.count);
        if (has_kernel && group.is_wide && path.doubles_wide != nullptr) {
          alignas(64) std::uint64_t numbers[fast_group];
          if (!take_numbers_of(path, group, behind, numbers)) return false;
          in_whole_rows(to, [&](double* rows, std::size_t count) {
            advance(before, path.doubles_wide(numbers, start_of<std::uint64_t>(group, before),
                                              scale, count, rows));
          });
          return true;
        }
        if (!has_kernel || group.is_wide || !is_exact_as_double(scale, before.integer)) {
          std::int64_t integers[fast_group];
          return take_integers(path, group, behind, before, integers) &&
                 to_doubles(model, {integers, group.count}, to);
        }
        alignas(64) std::uint32_t numbers[fast_group];
        if (!take_numbers_of(path, group, behind, numbers)) return false;
        in_whole_rows(to, [&](double* rows, std::size_t count) {
          advance(before, path.doubles_narrow(numbers, start_of<std::uint32_t>(group, before),
                                              scale, count, rows));
        });
        return true;
      });
}

}  // namespace selvedge::codec
