// Averages: values that are k / n for n up to some thousands, perhaps printed with 10 or 15 digits.
//
// A mean of three readings in hundredths is k / 300. The denominator of each long value is found by
// continued fractions (the best rational approximation within half a unit of what was printed); the
// least common multiple of those that come often is the lattice, and what needs a finer one is a
// fraction of its step.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr std::uint64_t finest_lattice = 4'000'000;

// How the long values were rounded, with the tolerance that this gives a value.
struct Print {
  Rounding rounding = Rounding::none;
  unsigned digits = 0;
  int low_decade = 0, high_decade = 0;

  double tolerance(double value) const {
    if (rounding == Rounding::none) return std::abs(value) * 0x1p-51;
    if (rounding == Rounding::decimals) return 0.51 / ten_to[digits];
    return 0.51 * std::pow(10.0, std::floor(std::log10(std::abs(value))) - digits + 1);
  }
};

bool is_long(const Look& look) { return look.digits > 6; }

Print print_of(const Survey& survey) {
  std::size_t longs = 0;
  unsigned places = 0, significant = 0;
  for (const Look& look : survey.looks) {
    if (!is_long(look) || look.near) continue;
    ++longs;
    places = std::max(places, look.digits);
    significant = std::max(significant, look.significant);
  }
  if (longs == 0 || places == no_digits) return {};
  std::size_t at_places = 0, at_significant = 0;
  double low = HUGE_VAL, high = 0;
  for (const Look& look : survey.looks) {
    const double size = std::abs(look.value);
    if (size > 0) low = std::min(low, size), high = std::max(high, size);
    if (!is_long(look) || look.near) continue;
    at_places += look.digits == places;
    at_significant += look.significant == significant;
  }
  if (significant > 15) return {};
  Print print;
  if (at_places * 10 >= longs * 7 || at_significant * 10 < longs * 7) {
    print.rounding = Rounding::decimals;
    print.digits = places;
    return print;
  }
  print.rounding = Rounding::significant;
  print.digits = significant;
  print.high_decade = static_cast<int>(std::floor(std::log10(high)));
  print.low_decade = std::max(static_cast<int>(std::floor(std::log10(low))), print.high_decade - 6);
  return print;
}

// The denominator of the simplest fraction within the tolerance; 0 if there is no simple one.
std::uint64_t denominator_of(double value, double tolerance) {
  const double most = std::min(200000.0, std::sqrt(0.02 / tolerance));
  double rest = std::abs(value);
  double p0 = 0, q0 = 1, p1 = 1, q1 = 0;
  for (int i = 0; i < 24; ++i) {
    const double whole = std::floor(rest);
    const double p = whole * p1 + p0, q = whole * q1 + q0;
    if (q > most) return 0;
    if (std::abs(std::abs(value) * q - p) <= tolerance * q) return static_cast<std::uint64_t>(q);
    p0 = p1, q0 = q1, p1 = p, q1 = q;
    rest = 1 / (rest - whole);
  }
  return 0;
}

void set_rounding(const Print& print, NumberModel& model) {
  model.rounding = print.rounding;
  model.rounded_digits = print.digits;
  if (print.rounding != Rounding::significant) return;
  // The digits of the highest decade; one more for each below.
  const int digits = static_cast<int>(print.digits) - 1 - print.high_decade;
  model.high_decade = print.high_decade;
  model.low_decade = std::max(print.low_decade, print.high_decade - (static_cast<int>(most_digits) - digits));
  model.rounded_digits = static_cast<unsigned>(digits);
}

}  // namespace

void propose_averages(const Survey& survey, std::vector<NumberModel>& models) {
  if (!survey.has_long) return;
  const Print print = print_of(survey);
  if (print.rounding == Rounding::significant && static_cast<int>(print.digits) - 1 < print.high_decade) return;
  struct Vote {
    std::uint64_t denominator;
    std::size_t count;
  };
  std::vector<Vote> votes;
  std::size_t longs = 0, failed = 0;
  unsigned short_digits = 0;
  for (const Look& look : survey.looks) {
    if (look.value == 0) continue;
    if (!is_long(look)) {
      short_digits = std::max(short_digits, std::min(look.digits, 3u));
      continue;
    }
    ++longs;
    const std::uint64_t q = denominator_of(look.value, print.tolerance(look.value));
    failed += q == 0;
    if (q == 0) continue;
    const auto at = std::find_if(votes.begin(), votes.end(), [q](const Vote& v) { return v.denominator == q; });
    if (at == votes.end())
      votes.push_back({q, 1});
    else
      ++at->count;
  }
  if (longs == 0 || failed * 2 > longs) return;
  std::sort(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) {
    return a.count != b.count ? a.count > b.count : a.denominator < b.denominator;
  });
  // Every prefix of the votes is a lattice; the last that is not too fine is what fractions use.
  std::vector<std::uint64_t> chain;
  for (unsigned digits = 0; digits <= short_digits; ++digits) chain.push_back(static_cast<std::uint64_t>(ten_to[digits]));
  for (const Vote& vote : votes) {
    const std::uint64_t next = std::lcm(chain.back(), vote.denominator);
    if (next > finest_lattice || static_cast<double>(next) * survey.largest > 1e15) continue;
    if (next != chain.back()) chain.push_back(next);
  }
  NumberModel model;
  model.form = NumberForm::lattice;
  set_rounding(print, model);
  const std::size_t from = chain.size() > 6 ? chain.size() - 6 : 0;
  for (std::size_t finest = chain.size(); finest-- > from && finest + 2 >= chain.size();) {
    model.denominator = static_cast<double>(chain[finest]);
    for (std::size_t coarse = 0; coarse <= finest; ++coarse) {
      model.multiple = static_cast<std::int64_t>(chain[finest] / chain[coarse]);
      models.push_back(model);
    }
  }
}


}  // namespace selvedge::codec
