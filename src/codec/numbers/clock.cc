// A column of times begins with a head that says its unit and which of three ways it is coded in:
// steps, ticks of a whole step, or ticks of a fitted line. Each is a stream or two (clock_stream.h).

#include "codec/numbers/clock.h"

#include <algorithm>

#include "codec/numbers/clock_fit.h"
#include "codec/numbers/clock_stream.h"

namespace selvedge::codec {
namespace {

// Bits of the head: 0-3 zeros of the unit; 4 a multiple follows; 5-6 the way; 7 slots are coded.
enum class Way : std::uint8_t { steps = 0, whole = 1, line = 2 };
constexpr unsigned multiple_bit = 16, way_shift = 5, slots_bit = 128;
constexpr unsigned fine_bit = 16;              // beside the follower's shift, before a line's numbers
constexpr std::size_t scratch_kept = 1 << 16;  // integers of scratch that stay with a thread

struct Scratch {
  std::vector<std::int64_t> steps, left;
  std::vector<std::uint64_t> offsets;
  Slots slots;
  std::uint64_t tick = 0;
  base::Bytes best, other;

  void trim() {
    if (steps.capacity() > scratch_kept || left.capacity() > scratch_kept) *this = Scratch{};
  }
};
Scratch& scratch() {
  static thread_local Scratch memory;
  return memory;
}

bool is_constant(std::span<const std::int64_t> steps) {
  return std::adjacent_find(steps.begin(), steps.end(), std::not_equal_to<>()) == steps.end();
}

void put_head(base::Writer& out, const ClockUnit& unit, Way way, bool with_slots) {
  const unsigned multiple = unit.multiple == 1 ? 0 : multiple_bit;
  out.u8(static_cast<std::uint8_t>(unit.zeros | multiple | static_cast<unsigned>(way) << way_shift |
                                   (with_slots ? slots_bit : 0)));
  if (multiple != 0) out.varint(unit.multiple);
}

void put_slots(base::Writer& out, const Slots& slots) {
  if (!slots.all_one) put_clock_stream(out, slots.passed, {}, Place::followed, Pass::final);
}

// Offsets from the ticks of a whole step: mostly nothing, or a pattern.
void put_whole(base::Bytes& out, const ClockUnit& unit, std::uint64_t step, Pass pass,
               Scratch& s) {
  base::Writer writer(out);
  put_head(writer, unit, Way::whole, !s.slots.all_one);
  writer.varint(step);
  put_slots(writer, s.slots);
  s.left.resize(s.offsets.size() - 1);
  for (std::size_t i = 0; i < s.left.size(); ++i)
    s.left[i] = static_cast<std::int64_t>(s.offsets[i] - s.slots.sums[i] * step);
  put_clock_stream(writer, s.left, std::span(s.slots.sums).first(s.left.size()), Place::last, pass);
}

// Offsets from a fitted line into s.left; what they would cost a reading, about.
struct LineChoice {
  LineFit fit;
  FollowerFit follower;
  double width = 0;
};

LineChoice lay_line(bool fine, Scratch& s) {
  LineChoice choice;
  choice.fit = fit_line(s.offsets, s.slots, fine);
  const ClockLine line = ClockLine::through(s.offsets.back(), s.slots.sums.back(), choice.fit.slope,
                                            choice.fit.start, fine);
  s.left.resize(s.offsets.size() - 1);
  for (std::size_t i = 0; i < s.left.size(); ++i)
    s.left[i] = static_cast<std::int64_t>(s.offsets[i] - line.at(s.slots.sums[i]));
  choice.follower = fit_follower(s.left);
  // Its numbers take some five bytes.
  choice.width = choice.follower.width + 40 / static_cast<double>(s.offsets.size());
  if (!s.slots.all_one) {
    const StreamSurvey survey = survey_stream(s.slots.passed);
    const double others = static_cast<double>(survey.others) / static_cast<double>(survey.count);
    choice.width += survey.widths / static_cast<double>(survey.count) + 4 * std::min(others, 0.5);
  }
  return choice;
}

void put_line(base::Bytes& out, const ClockUnit& unit, const LineChoice& choice, Pass pass, Scratch& s) {
  follow(choice.follower.shift, s.left);
  base::Writer writer(out);
  put_head(writer, unit, Way::line, !s.slots.all_one);
  writer.u8(static_cast<std::uint8_t>(choice.follower.shift | (choice.fit.fine ? fine_bit : 0)));
  writer.svarint(choice.fit.slope);
  writer.svarint(choice.fit.start);
  put_slots(writer, s.slots);
  put_clock_stream(writer, s.left, std::span(s.slots.sums).first(s.left.size()), Place::last, pass);
}

// All but the last step, which is what is left.
std::span<const std::int64_t> steps_coded(const Scratch& s) {
  return std::span(s.steps).first(s.steps.size() - 1);
}
void put_steps(base::Bytes& out, const ClockUnit& unit, Pass pass, Scratch& s) {
  base::Writer writer(out);
  put_head(writer, unit, Way::steps, false);
  put_clock_stream(writer, steps_coded(s), {}, Place::last, pass);
}

std::uint64_t median_of(std::span<const std::int64_t> steps, std::vector<std::int64_t>& copy) {
  copy.assign(steps.begin(), steps.end());
  const auto middle = copy.begin() + static_cast<std::ptrdiff_t>(copy.size() / 2);
  std::nth_element(copy.begin(), middle, copy.end());
  return static_cast<std::uint64_t>(*middle);
}

// Offsets from the first time. False if they are too large for doubles to be of help.
bool add_up(Scratch& s) {
  std::uint64_t sum = 0;
  s.offsets.resize(s.steps.size());
  for (std::size_t i = 0; i < s.steps.size(); ++i)
    s.offsets[i] = sum += static_cast<std::uint64_t>(s.steps[i]);
  return sum >> 62 == 0;
}

// Few different steps: drafts tell what is shortest.
void put_pattern(const ClockUnit& unit, std::uint64_t step, Scratch& s) {
  put_steps(s.best, unit, Pass::draft, s);
  Way way = Way::steps;
  const auto is_long = [&] { return s.best.size() > 12 && s.best.size() * 32 > s.steps.size(); };
  const auto keep = [&](Way other) {
    if (s.other.size() < s.best.size()) {
      s.best.swap(s.other);
      way = other;
    }
    s.other.clear();
  };
  LineChoice line;
  if (is_long() && step != 0 && count_slots(s.steps, step, s.slots)) {
    put_whole(s.other, unit, step, Pass::draft, s);
    keep(Way::whole);
    if (is_long()) {
      line = lay_line(true, s);
      put_line(s.other, unit, line, Pass::draft, s);
      keep(Way::line);
    }
  }
  if (s.best.size() * 8 < s.steps.size()) return;
  if (way == Way::steps) put_steps(s.other, unit, Pass::final, s);
  else if (way == Way::whole) put_whole(s.other, unit, step, Pass::final, s);
  else put_line(s.other, unit, lay_line(true, s), Pass::final, s);
  keep(way);
}

// Noise: the way that leaves the least of it.
void put_noise(const ClockUnit& unit, std::uint64_t step, Scratch& s) {
  LineChoice best;
  const std::int64_t centre = survey_stream(steps_coded(s)).centre;
  s.left.assign(s.steps.begin(), s.steps.end() - 1);
  for (std::int64_t& left : s.left) left -= centre;
  best.width = noise_width(s.left);
  bool has_line = false;
  for (const std::uint64_t tick : {step, std::uint64_t{0}}) {
    if (has_line && s.slots.all_one) break;
    if ((tick == 0 && s.slots.all_one && step != 0) || !count_slots(s.steps, tick, s.slots)) continue;
    const LineChoice line = lay_line(false, s);
    if (line.width >= best.width - 0.01) continue;
    s.tick = tick;
    best = line;
    has_line = true;
  }
  if (!has_line) return put_steps(s.best, unit, Pass::final, s);
  count_slots(s.steps, s.tick, s.slots);
  put_line(s.best, unit, lay_line(false, s), Pass::final, s);
}

// Times from offsets in units. True if they ascend and none is beyond the last.
class TimesOut {
 public:
  TimesOut(std::int64_t first, std::int64_t last, std::uint64_t unit, std::span<std::int64_t> times)
      : first_(static_cast<std::uint64_t>(first)), span_(static_cast<std::uint64_t>(last) - first_),
        unit_(unit), times_(times) {
    times_.front() = first;
    times_.back() = last;
  }
  void set(std::size_t i, std::uint64_t offset) {
    const std::uint64_t ns = offset * unit_;
    ascends_ &= ns >= before_;
    before_ = ns;
    times_[i] = static_cast<std::int64_t>(first_ + ns);
  }
  bool good() const { return ascends_ && before_ <= span_; }

 private:
  std::uint64_t first_, span_, unit_;
  std::span<std::int64_t> times_;
  std::uint64_t before_ = 0;
  bool ascends_ = true;
};

bool take_constant(std::int64_t first, std::int64_t last, std::span<std::int64_t> times) {
  const std::uint64_t span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  if (times.size() == 1) {
    times.front() = first;
    return span == 0;
  }
  const std::uint64_t steps = times.size() - 1;
  if (span % steps != 0) return false;
  const std::uint64_t step = span / steps;
  for (std::size_t i = 0; i < times.size(); ++i)
    times[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + step * i);
  return true;
}

bool take_steps(base::Reader& in, std::span<std::int64_t> into, TimesOut& times) {
  if (!take_clock_stream(in, {}, Place::last, into)) return false;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < into.size(); ++i) times.set(i + 1, sum += static_cast<std::uint64_t>(into[i]));
  return times.good();
}

bool take_slots(base::Reader& in, bool coded, std::size_t count, Slots& slots) {
  slots.sums.resize(count);
  if (!coded) {
    for (std::size_t i = 0; i < count; ++i) slots.sums[i] = static_cast<std::uint32_t>(i + 1);
    return true;
  }
  slots.passed.resize(count);
  if (!take_clock_stream(in, {}, Place::followed, slots.passed)) return false;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto passed = static_cast<std::uint64_t>(slots.passed[i]);
    if (passed > most_slots) return false;
    sum += passed;
    if (sum > most_slots) return false;
    slots.sums[i] = static_cast<std::uint32_t>(sum);
  }
  return sum != 0;
}

struct Ticks {
  ClockLine line;
  unsigned shift = Follower::off;
};

bool take_ticks(base::Reader& in, Way way, bool with_slots, std::uint64_t span, Scratch& s, TimesOut& times) {
  const std::size_t count = s.left.size();
  Ticks ticks;
  std::int64_t slope = 0, start = 0;
  bool fine = false;
  if (way == Way::whole) {
    ticks.line.whole = in.varint();
  } else {
    const unsigned bits = in.u8();
    ticks.shift = bits & 15;
    fine = (bits & fine_bit) != 0;
    slope = in.svarint();
    start = in.svarint();
    if (bits >> 5 != 0 || !Follower::is_valid(ticks.shift)) return false;
  }
  if (!in.ok() || !take_slots(in, with_slots, count + 1, s.slots)) return false;
  if (way == Way::line) ticks.line = ClockLine::through(span, s.slots.sums.back(), slope, start, fine);
  const auto sums = std::span<const std::uint32_t>(s.slots.sums).first(count);
  if (!take_clock_stream(in, sums, Place::last, s.left)) return false;
  Follower follower(ticks.shift);
  for (std::size_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::uint64_t>(s.left[i]);
    times.set(i + 1, ticks.line.at(sums[i]) + follower.expected() + left);
    follower.learn(left);
  }
  return times.good();
}

}  // namespace

void put_clock(base::Writer& out, std::span<const std::int64_t> times) {
  if (times.size() < 3) return;
  Scratch& s = scratch();
  s.steps.resize(times.size() - 1);
  for (std::size_t i = 0; i < s.steps.size(); ++i)
    s.steps[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(times[i + 1]) -
                                           static_cast<std::uint64_t>(times[i]));
  if (is_constant(s.steps)) return;
  const ClockUnit unit = unit_of(s.steps);
  if (const std::uint64_t ns = unit.ns(); ns != 1)
    for (std::int64_t& step : s.steps) step = static_cast<std::int64_t>(static_cast<std::uint64_t>(step) / ns);

  s.best.clear();
  s.other.clear();
  const StreamSurvey survey = survey_stream(steps_coded(s));
  // Of a span of more than a quarter of 64 bits only the steps are looked at.
  if (survey.is_constant_mostly() || !add_up(s)) {
    put_steps(s.best, unit, Pass::final, s);
  } else {
    const std::uint64_t step = median_of(s.steps, s.left);
    if (survey.is_noise()) put_noise(unit, step, s);
    else put_pattern(unit, step, s);
  }
  out.raw(s.best);
  s.trim();
}

bool take_clock(base::Reader& in, std::int64_t first, std::int64_t last, std::span<std::int64_t> times) {
  if (times.empty() || last < first) return false;
  if (in.at_end()) return take_constant(first, last, times);
  if (times.size() < 3) return false;
  const unsigned head = in.u8();
  const auto way = static_cast<Way>(head >> way_shift & 3);
  ClockUnit unit;
  unit.zeros = head & 15;
  if ((head & multiple_bit) != 0) unit.multiple = in.varint();
  const std::uint64_t ns = unit.ns();
  const std::uint64_t span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  if (!in.ok() || ns == 0 || span % ns != 0) return false;
  Scratch& s = scratch();
  s.left.resize(times.size() - 2);
  TimesOut out(first, last, ns, times);
  const bool with_slots = (head & slots_bit) != 0;
  bool good = false;
  if (way == Way::steps) good = !with_slots && take_steps(in, s.left, out);
  else if (way == Way::whole || way == Way::line) good = take_ticks(in, way, with_slots, span / ns, s, out);
  s.trim();
  return good && in.at_end();
}

}  // namespace selvedge::codec
