#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

#include "base/wire.h"
#include "codec/numbers/choice.h"

namespace selvedge::codec {

namespace {

// A number's size in eighths of a power of two once it is above 8, and its raw bits.
struct Bucket {
  unsigned token, raw;
};
Bucket bucket(std::uint64_t zigzag) {
  if (zigzag < 16) return {static_cast<unsigned>(zigzag), 0};
  const unsigned raw = static_cast<unsigned>(std::bit_width(zigzag)) - 4;
  return {raw * 8 + static_cast<unsigned>(zigzag >> raw), raw};
}

struct Tally {
  std::array<std::uint32_t, 512> seen{};
  double raw = 0, count = 0;

  void add(std::uint64_t zigzag) {
    const Bucket b = bucket(zigzag);
    ++seen[b.token];
    raw += b.raw;
    ++count;
  }
  // The entropy of all if `share` of it was seen, and about 3 bits to tell each token's part.
  double bits(double share) const {
    double sum = raw, kinds = 0;
    for (const std::uint32_t n : seen)
      if (n != 0) sum += n * std::log2(count / n), ++kinds;
    return sum / share + 3 * kinds;
  }
};

}  // namespace

namespace {

// The values, their differences and the differences of those.
struct Tallies {
  Tally values, steps, bends;

  void add(std::span<const std::int64_t> integers) {
    std::uint64_t before = static_cast<std::uint64_t>(integers[0]), step_before = 0;
    const std::uint64_t start = before;
    for (const std::int64_t integer : integers) {
      const std::uint64_t k = static_cast<std::uint64_t>(integer);
      const std::uint64_t step = k - before;
      values.add(base::zigzag(static_cast<std::int64_t>(k - start)));
      steps.add(base::zigzag(static_cast<std::int64_t>(step)));
      bends.add(base::zigzag(static_cast<std::int64_t>(step - step_before)));
      before = k;
      step_before = step;
    }
  }
};

}  // namespace

double integer_bits(std::span<const std::int64_t> integers) {
  constexpr std::size_t stretch = 1024, stretches = 4;
  Tallies t;
  double share = 1;
  if (integers.size() <= stretch * stretches) {
    t.add(integers);
  } else {
    for (std::size_t i = 0; i < stretches; ++i)
      t.add(integers.subspan((integers.size() - stretch) * i / (stretches - 1), stretch));
    share = static_cast<double>(stretch * stretches) / static_cast<double>(integers.size());
  }
  return std::min({t.values.bits(share), t.steps.bits(share), t.bends.bits(share)});
}

}  // namespace selvedge::codec
