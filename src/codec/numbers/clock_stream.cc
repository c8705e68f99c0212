// A stream is coded in up to three ways and the shortest is kept.
//
// Runs: an integer is expected to be what it was one period before (in slots, so that a pattern that
// follows the time of day goes on after a gap), or the centre. What is coded is how often that holds in
// a row, and what came instead. 10,000 steps that repeat a pattern of 45 take some 20 bytes.
// Contexts: each integer in the light of up to six before it; for few integers in a random order.
// Dense: everything else, which is noise.

#include "codec/numbers/clock_stream.h"

#include <algorithm>
#include <memory>

#include "codec/numbers/bit_coder.h"
#include "codec/numbers/dense.h"

namespace selvedge::codec {
namespace {

enum class Way : std::uint8_t { runs = 0, contexts = 1, dense = 2 };

// Bits of the head: 0-1 the way; 2-3 the centre, if it is 0 or 1, or that it follows; 4-6 the order of
// contexts, or, of runs, that a period follows.
constexpr unsigned centre_shift = 2, centre_follows = 2, more_shift = 4;
constexpr unsigned most_order = 6;
constexpr std::uint64_t longest_period = 4096;
constexpr std::size_t trial = 2048;            // integers by which the order is chosen
constexpr std::size_t scratch_kept = 1 << 16;  // integers of scratch that stay with a thread

template <typename Vector>
void trim(Vector& scratch) {
  if (scratch.capacity() > scratch_kept) Vector().swap(scratch);
}

// About log2(x + 1), of a double's exponent and fraction.
double width_of(std::uint64_t x) {
  const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(x) + 1.0);
  return static_cast<double>(bits - (1023ULL << 52)) * 0x1p-52;
}

std::uint64_t less(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b);
}
std::uint64_t folded(std::int64_t a, std::int64_t b) {
  return base::zigzag(static_cast<std::int64_t>(less(a, b)));
}
std::int64_t unfolded(std::uint64_t by, std::int64_t from) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(base::unzigzag(by)) +
                                   static_cast<std::uint64_t>(from));
}

// Place within the period.
class Phase {
 public:
  Phase(std::uint64_t period, std::span<const std::uint32_t> slots) : period_(period), slots_(slots) {}
  std::size_t at(std::size_t i) {
    if (slots_.empty()) {
      const std::uint64_t phase = phase_;
      phase_ = phase + 1 == period_ ? 0 : phase + 1;
      return static_cast<std::size_t>(phase);
    }
    const std::uint32_t slot = slots_[i];
    phase_ += slot - before_;
    before_ = slot;
    if (phase_ >= period_) phase_ = phase_ < 2 * period_ ? phase_ - period_ : phase_ % period_;
    return static_cast<std::size_t>(phase_);
  }

 private:
  std::uint64_t period_, phase_ = 0;
  std::span<const std::uint32_t> slots_;
  std::uint32_t before_ = 0;
};

void put_head(base::Writer& out, Way way, unsigned more, std::int64_t centre) {
  const unsigned about = centre == 0 || centre == 1 ? static_cast<unsigned>(centre) : centre_follows;
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(way) | about << centre_shift | more << more_shift));
  if (about == centre_follows) out.svarint(centre);
}

struct Head {
  Way way;
  unsigned centre, more;
  explicit Head(unsigned bits)
      : way(static_cast<Way>(bits & 3)), centre(bits >> centre_shift & 3), more(bits >> more_shift) {}
};

struct RunModels {
  IntegerModel counts, lengths, values;
};

// A median of some of them: the most frequent one, if there is one.
std::int64_t centre_of(std::span<const std::int64_t> integers) {
  constexpr std::size_t most = 1023;
  std::int64_t some[most];
  const std::size_t count = std::min(most, integers.size());
  for (std::size_t i = 0; i < count; ++i) some[i] = integers[i * integers.size() / count];
  std::nth_element(some, some + count / 2, some + count);
  return some[count / 2];
}

// What period the stream repeats itself with, by the distances between equal stretches; 0: none.
std::uint64_t period_of(std::span<const std::int64_t> integers) {
  constexpr std::size_t stretch = 24;
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15ULL;
  if (integers.size() < 2 * stretch) return 0;
  static thread_local std::vector<std::uint32_t> last, votes;
  last.assign(8192, 0);
  votes.assign(longest_period + 1, 0);
  std::uint64_t leaving = 1, hash = 0;
  for (std::size_t i = 0; i < stretch; ++i) leaving *= factor;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    hash = hash * factor + (static_cast<std::uint64_t>(integers[i]) + 1);
    if (i >= stretch) hash -= leaving * (static_cast<std::uint64_t>(integers[i - stretch]) + 1);
    if (i + 1 < stretch) continue;
    std::uint32_t& before = last[(hash * factor) >> 51];
    const std::size_t distance = i - (before - 1);
    if (before != 0 && distance <= longest_period) ++votes[distance];
    before = static_cast<std::uint32_t>(i + 1);
  }
  const auto best = std::max_element(votes.begin(), votes.end());
  return *best * 4 < integers.size() ? 0 : static_cast<std::uint64_t>(best - votes.begin());
}

// What was expected for each phase; changed to what came.
class Expectations {
 public:
  Expectations(std::int64_t centre, std::uint64_t period, std::span<const std::uint32_t> slots)
      : phase_(period, slots), periodic_(period != 0) {
    guesses().assign(static_cast<std::size_t>(std::max<std::uint64_t>(period, 1)), centre);
  }
  std::int64_t& at(std::size_t i) { return guesses()[periodic_ ? phase_.at(i) : 0]; }

 private:
  static std::vector<std::int64_t>& guesses() {
    static thread_local std::vector<std::int64_t> memory;
    return memory;
  }
  Phase phase_;
  bool periodic_;
};

struct Miss {
  std::uint64_t run;   // of hits before
  std::uint64_t by;
};

// Appends a stream of runs. False, and nothing appended, if there would be more than `most` misses.
bool put_runs(base::Bytes& out, std::span<const std::int64_t> integers, std::span<const std::uint32_t> slots,
              std::int64_t centre, std::uint64_t period, std::size_t most) {
  static thread_local std::vector<Miss> misses;
  misses.clear();
  Expectations expected(centre, period, slots);
  std::uint64_t run = 0;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    std::int64_t& guess = expected.at(i);
    if (integers[i] == guess) {
      ++run;
      continue;
    }
    if (misses.size() == most) return false;
    misses.push_back({run, folded(integers[i], guess)});
    run = 0;
    if (period != 0) guess = integers[i];
  }
  base::Writer writer(out);
  put_head(writer, Way::runs, period != 0, centre);
  if (period != 0) writer.varint(period);
  static thread_local RunModels models;
  models = RunModels{};
  BitEncoder coder(out);
  models.counts.code(coder, misses.size());
  for (const Miss& miss : misses) {
    models.lengths.code(coder, miss.run);
    models.values.code(coder, miss.by - 1);
  }
  coder.finish();
  trim(misses);
  return true;
}

bool take_runs(base::Reader& in, std::int64_t centre, bool periodic, std::span<const std::uint32_t> slots,
               Place place, std::span<std::int64_t> integers) {
  const std::uint64_t period = periodic ? in.varint() : 0;
  const base::BytesView bytes = place == Place::last ? in.rest() : in.bytes();
  if (!in.ok() || period > longest_period || (period == 0 && periodic)) return false;
  static thread_local RunModels models;
  models = RunModels{};
  BitDecoder coder(bytes);
  Expectations expected(centre, period, slots);
  std::uint64_t misses = models.counts.code(coder);
  for (std::size_t i = 0; i < integers.size();) {
    const std::size_t left = integers.size() - i;
    const std::uint64_t run = misses == 0 ? left : models.lengths.code(coder);
    if (run > left || (run == left && misses != 0)) return false;
    const std::size_t end = i + static_cast<std::size_t>(run);
    if (periodic) {
      for (; i < end; ++i) integers[i] = expected.at(i);
    } else {
      std::fill(integers.begin() + static_cast<std::ptrdiff_t>(i),
                integers.begin() + static_cast<std::ptrdiff_t>(end), centre);
      i = end;
    }
    if (misses == 0) break;
    --misses;
    std::int64_t& guess = expected.at(i);
    integers[i] = unfolded(models.values.code(coder) + 1, guess);
    if (periodic) guess = integers[i];
    ++i;
  }
  return misses == 0;
}

// Whether an integer is the centre, one or two beside it in zigzag order, with the classes of those
// before as the context; larger ones by one model.
class ContextModels {
 public:
  void begin(unsigned order) {
    mask_ = (1u << (2 * order)) - 1;
    context_ = 0;
    small_.assign(mask_ + 1, {});
    large_ = IntegerModel{};
  }
  template <typename Coder>
  std::uint64_t code(Coder& coder, std::uint64_t value = 0) {
    std::array<BitModel, 3>& models = small_[context_];
    unsigned small = 0;
    while (small < 3 && coder.bit(models[small], value > small)) ++small;
    context_ = (context_ << 2 | small) & mask_;
    return small < 3 ? small : large_.code(coder, value - 3) + 3;
  }

 private:
  std::vector<std::array<BitModel, 3>> small_;
  IntegerModel large_;
  unsigned mask_ = 0, context_ = 0;
};

void put_contexts(base::Bytes& out, std::span<const std::int64_t> integers, std::int64_t centre,
                  unsigned order) {
  base::Writer writer(out);
  put_head(writer, Way::contexts, order, centre);
  static thread_local ContextModels models;
  models.begin(order);
  BitEncoder coder(out);
  for (const std::int64_t integer : integers) models.code(coder, folded(integer, centre));
  coder.finish();
}

bool take_contexts(base::Reader& in, std::int64_t centre, unsigned order, Place place,
                   std::span<std::int64_t> integers) {
  const base::BytesView bytes = place == Place::last ? in.rest() : in.bytes();
  if (!in.ok() || order > most_order) return false;
  static thread_local ContextModels models;
  models.begin(order);
  BitDecoder coder(bytes);
  for (std::int64_t& integer : integers) integer = unfolded(models.code(coder), centre);
  return true;
}

void put_dense_stream(base::Bytes& out, std::span<const std::int64_t> integers, std::int64_t centre) {
  base::Writer writer(out);
  put_head(writer, Way::dense, 0, centre);
  static thread_local std::vector<std::int64_t> centred;
  centred.resize(integers.size());
  for (std::size_t i = 0; i < integers.size(); ++i)
    centred[i] = static_cast<std::int64_t>(less(integers[i], centre));
  put_dense(writer, centred);
  trim(centred);
}

bool take_dense_stream(base::Reader& in, std::int64_t centre, std::span<std::int64_t> integers) {
  if (!take_dense(in, integers)) return false;
  if (centre != 0)
    for (std::int64_t& integer : integers)
      integer = static_cast<std::int64_t>(static_cast<std::uint64_t>(integer) +
                                          static_cast<std::uint64_t>(centre));
  return true;
}

// Keeps the shorter of two.
void keep(base::Bytes& best, base::Bytes& other) {
  if (best.empty() || other.size() < best.size()) best.swap(other);
}

void try_contexts(std::span<const std::int64_t> integers, std::int64_t centre, base::Bytes& best,
                  base::Bytes& other) {
  const auto some = integers.first(std::min(integers.size(), trial));
  unsigned order = 0;
  std::size_t least = SIZE_MAX;
  for (const unsigned tried : {0u, 1u, 2u, 4u, most_order}) {
    other.clear();
    put_contexts(other, some, centre, tried);
    if (other.size() > least + 1) break;
    if (other.size() >= least) continue;
    least = other.size();
    order = tried;
  }
  other.clear();
  put_contexts(other, integers, centre, order);
  keep(best, other);
}

// Tries what is likely to be shortest.
void put_best(std::span<const std::int64_t> integers, std::span<const std::uint32_t> slots,
              Pass pass, base::Bytes& best) {
  static thread_local base::Bytes other;
  best.clear();
  other.clear();
  const StreamSurvey survey = survey_stream(integers);
  const std::size_t count = integers.size();
  const auto longer_than = [&](double bits_each) {
    return best.empty() || static_cast<double>(8 * best.size()) > bits_each * static_cast<double>(count);
  };
  if (survey.others <= count / 4) put_runs(best, integers, slots, survey.centre, 0, survey.others);
  if (survey.is_constant_mostly() && !best.empty() && survey.others <= 4) return;
  if (!survey.is_noise()) {
    const std::uint64_t period = period_of(integers);
    if (period != 0 && put_runs(other, integers, slots, survey.centre, period, count / 4)) keep(best, other);
    if (survey.is_constant_mostly() && !best.empty()) return;
    if (longer_than(0.25)) try_contexts(integers, survey.centre, best, other);
  }
  if (best.empty() || (pass == Pass::final && longer_than(1.5))) {
    other.clear();
    put_dense_stream(other, integers, survey.centre);
    keep(best, other);
  }
  trim(other);
}

}  // namespace

StreamSurvey survey_stream(std::span<const std::int64_t> integers) {
  StreamSurvey survey;
  survey.count = integers.size();
  survey.centre = centre_of(integers);
  for (const std::int64_t integer : integers) {
    const std::uint64_t by = folded(integer, survey.centre);
    survey.others += by != 0;
    survey.near += by < 64;
    survey.widths += width_of(by >> 1);
  }
  return survey;
}

double noise_width(std::span<const std::int64_t> integers) {
  constexpr std::size_t most = 1024;
  const auto some = integers.subspan((integers.size() - std::min(most, integers.size())) / 2)
                        .first(std::min(most, integers.size()));
  double widths[most];
  double sum = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto by = static_cast<std::uint64_t>(some[i]);
    sum += widths[i] = width_of(some[i] < 0 ? 0 - by : by);
  }
  const double mean = sum / static_cast<double>(some.size());
  for (std::size_t i = 0; i < some.size(); ++i) sum += std::max(0.0, widths[i] - mean - 2);
  return sum / static_cast<double>(some.size());
}

void put_clock_stream(base::Writer& out, std::span<const std::int64_t> integers,
                      std::span<const std::uint32_t> slots, Place place, Pass pass) {
  static thread_local base::Bytes best;
  put_best(integers, slots, pass, best);
  const Head head(best.front());
  if (place == Place::last || head.way == Way::dense) {
    out.raw(best);
    return;
  }
  // The length of the coder's bytes stands behind the numbers.
  base::Reader in(base::BytesView(best).subspan(1));
  if (head.centre == centre_follows) in.svarint();
  if (head.way == Way::runs && head.more != 0) in.varint();
  out.raw(base::BytesView(best).first(best.size() - in.remaining()));
  out.bytes(in.rest());
}

bool take_clock_stream(base::Reader& in, std::span<const std::uint32_t> slots, Place place,
                       std::span<std::int64_t> integers) {
  const Head head(in.u8());
  const std::int64_t centre = head.centre == centre_follows ? in.svarint() : head.centre;
  if (!in.ok() || head.centre > centre_follows || head.more > 7) return false;
  switch (head.way) {
    case Way::runs: return head.more <= 1 && take_runs(in, centre, head.more == 1, slots, place, integers);
    case Way::contexts: return take_contexts(in, centre, head.more, place, integers);
    case Way::dense: return head.more == 0 && take_dense_stream(in, centre, integers);
  }
  return false;
}

}  // namespace selvedge::codec
