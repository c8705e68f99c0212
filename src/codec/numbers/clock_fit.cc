#include "codec/numbers/clock_fit.h"

#include <cmath>
#include <numeric>

#include "codec/numbers/clock_stream.h"

namespace selvedge::codec {

std::uint64_t ClockUnit::ns() const {
  std::uint64_t ns = multiple;
  for (unsigned i = 0; i < zeros; ++i) ns *= 10;
  return ns;
}

ClockUnit unit_of(std::span<const std::int64_t> steps) {
  std::uint64_t divisor = 0, before = 0;
  for (const std::int64_t signed_step : steps) {
    const auto step = static_cast<std::uint64_t>(signed_step);
    if (step == before) continue;
    before = step;
    if (divisor == 0 || step % divisor != 0) divisor = std::gcd(divisor, step);
    if (divisor == 1) break;
  }
  ClockUnit unit;
  unit.multiple = std::max<std::uint64_t>(divisor, 1);
  for (; unit.zeros < most_zeros && unit.multiple % 10 == 0; ++unit.zeros) unit.multiple /= 10;
  return unit;
}

bool count_slots(std::span<const std::int64_t> steps, std::uint64_t step, Slots& into) {
  into.passed.resize(steps.size());
  into.sums.resize(steps.size());
  into.all_one = true;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto taken = static_cast<std::uint64_t>(steps[i]);
    std::uint64_t passed = 1;
    if (step != 0 && (taken < step - step / 2 || taken - step >= step / 2))
      passed = taken / step + static_cast<std::uint64_t>(taken % step >= step - step / 2);
    sum += passed;
    if (passed > most_slots || sum > most_slots) return false;
    into.all_one &= passed == 1;
    into.passed[i] = static_cast<std::int64_t>(passed);
    into.sums[i] = static_cast<std::uint32_t>(sum);
  }
  return sum != 0;
}

LineFit fit_line(std::span<const std::uint64_t> offsets, const Slots& slots, bool fine) {
  const std::uint64_t ticks = slots.sums.back();
  const ClockLine chord = ClockLine::through(offsets.back(), ticks, 0, 0, false);
  double x_sum = 0, y_sum = 0, xx = 0, xy = 0;
  const double middle = static_cast<double>(ticks) / 2;
  const auto count = static_cast<double>(offsets.size());
  const auto beside = [&](std::size_t i) {
    return static_cast<double>(static_cast<std::int64_t>(offsets[i] - chord.at(slots.sums[i])));
  };
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const double x = static_cast<double>(slots.sums[i]) - middle;
    const double y = beside(i);
    x_sum += x;
    y_sum += y;
    xx += x * x;
    xy += x * y;
  }
  const double determinant = count * xx - x_sum * x_sum;
  LineFit fit;
  fit.fine = fine;
  if (!(determinant > 0)) return fit;
  const double slope = (count * xy - x_sum * y_sum) / determinant;
  const double start = (y_sum - slope * x_sum) / count - slope * middle;
  const unsigned extra = fine ? 6 : 0;
  const unsigned precision = std::min(31u, static_cast<unsigned>(std::bit_width(ticks)) + extra);
  const auto whole = [](double v) {
    constexpr double most = 0x1p30;
    return std::abs(v) < most ? static_cast<std::int64_t>(std::floor(v + 0.5)) : std::int64_t{0};
  };
  fit.slope = whole(slope * static_cast<double>(1u << precision));
  // Rounding down in the line is half a unit on average.
  fit.start = whole((start + 0.5) * static_cast<double>(1u << extra));
  return fit;
}

void follow(unsigned shift, std::span<std::int64_t> offsets) {
  if (shift == Follower::off) return;
  Follower follower(shift);
  for (std::int64_t& offset : offsets) {
    const std::uint64_t by = static_cast<std::uint64_t>(offset) - follower.expected();
    follower.learn(by);
    offset = static_cast<std::int64_t>(by);
  }
}

FollowerFit fit_follower(std::span<const std::int64_t> offsets) {
  constexpr std::size_t most = 1024;
  const std::size_t count = std::min(most, offsets.size());
  const auto some = offsets.subspan((offsets.size() - count) / 2, count);
  std::int64_t left[most];
  FollowerFit best;
  for (const unsigned shift : {Follower::off, 0u, 1u, 2u, 3u, 5u, 8u}) {
    // From where the first of them lies, as if it had followed for long.
    for (std::size_t i = 0; i < count; ++i)
      left[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(some[i]) -
                                          static_cast<std::uint64_t>(shift == Follower::off ? 0 : some[0]));
    follow(shift, std::span(left).first(count));
    const double width = noise_width(std::span(left).first(count));
    // A following must pay: what is left differs by chance.
    if (shift == Follower::off || width < best.width - (best.shift == Follower::off ? 0.02 : 0))
      best = {shift, width};
  }
  return best;
}

}  // namespace selvedge::codec
