// The path of every processor, and what the others are tested against.

#include <cstring>

#include "codec/numbers/fast_group.h"
#include "codec/numbers/fast_paths.h"

namespace selvedge::codec {

namespace {

bool is_here() {
  return true;
}

std::size_t encode(const std::int64_t* integers, std::size_t count, bool is_first,
                   std::uint8_t* to) {
  return static_cast<std::size_t>(
      fast_encoder::put_group_of<fast_plan::PlainScans>(integers, count, is_first, to) - to);
}

// Number i begins at bit i * width, and eight bytes hold it whole, whatever its first bit.
template <typename Word>
void unpack(const std::uint8_t* in, unsigned width, std::size_t count, Word* to) {
  const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  for (std::size_t i = 0, bit = 0; i < count; ++i, bit += width) {
    std::uint64_t word;
    std::memcpy(&word, in + bit / 8, sizeof word);
    to[i] = static_cast<Word>((word >> bit % 8) & mask);
  }
}

// Turns residuals into sums; `sink` takes each.
template <typename Word, typename Sink>
FastEnd<Word> sum_up(const Word* u, const FastStart<Word>& start, std::size_t count, Sink sink) {
  Word sum = 0, slope = start.slope;
  switch (start.order) {
    case FastOrder::values:
      for (std::size_t i = 0; i < count; ++i) sink(i, static_cast<Word>(start.low + u[i]));
      sum = static_cast<Word>(start.low + u[count - 1]);
      slope = static_cast<Word>(u[count - 1] - u[count - 2]);
      break;
    case FastOrder::differences:
      for (std::size_t i = 0; i < count; ++i) sink(i, sum += static_cast<Word>(start.low + u[i]));
      slope = static_cast<Word>(start.low + u[count - 1]);
      break;
    case FastOrder::second_differences:
      for (std::size_t i = 0; i < count; ++i) {
        slope += static_cast<Word>(start.low + u[i]);
        sink(i, sum += slope);
      }
      break;
  }
  return {sum, slope};
}

std::int64_t add(std::int64_t base, std::uint32_t sum) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) +
                                   static_cast<std::uint64_t>(static_cast<std::int32_t>(sum)));
}
std::int64_t add(std::int64_t base, std::uint64_t sum) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + sum);
}

template <typename Word>
FastEnd<Word> integers(const Word* u, const FastStart<Word>& start, std::size_t count,
                       std::int64_t* to) {
  return sum_up(u, start, count, [&](std::size_t i, Word sum) { to[i] = add(start.base, sum); });
}

double rounded(double value, const FastScale& scale) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52 leaves no bits for a fraction
  if (scale.rounding == Rounding::none) return value;
  if (scale.rounding == Rounding::float32) return static_cast<double>(static_cast<float>(value));
  return ((value * scale.decimals + shift) - shift) / scale.decimals;
}

double scaled(double k, const FastScale& scale) {
  const double whole = k * scale.multiple + scale.offset;
  if (scale.kind == FastScale::Kind::quotient) return rounded(whole / scale.divisor, scale);
  return rounded((scale.origin + whole * scale.step) / scale.divisor, scale);
}

FastEnd<std::uint32_t> doubles_narrow(const std::uint32_t* u, const FastStart<std::uint32_t>& start,
                                      const FastScale& scale, std::size_t count, double* to) {
  const auto base = static_cast<double>(start.base);
  return sum_up(u, start, count, [&](std::size_t i, std::uint32_t sum) {
    to[i] = scaled(base + static_cast<double>(static_cast<std::int32_t>(sum)), scale);
  });
}

}  // namespace

const FastPath fast_path_baseline = {"baseline",
                                     is_here,
                                     encode,
                                     unpack<std::uint32_t>,
                                     unpack<std::uint64_t>,
                                     patch_one_by_one<std::uint32_t>,
                                     patch_one_by_one<std::uint64_t>,
                                     integers<std::uint32_t>,
                                     integers<std::uint64_t>,
                                     doubles_narrow,
                                     nullptr};

}  // namespace selvedge::codec
