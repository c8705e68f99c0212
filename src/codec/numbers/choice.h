// Choice: the candidates of a block and what each would cost, inside of fit().
//
// A survey looks at some of the values; each form proposes models for what it saw; a model is
// realised on runs of the block to learn what it would cost, and the cheapest on the whole block.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// What one value looks like as a decimal number.
struct Look {
  double value;
  unsigned digits;       // the fewest places behind the point, or `no_digits`
  unsigned significant;  // digits of k in k / 10^digits
  bool near;             // off by a few last places
};
inline constexpr unsigned no_digits = 23;

struct Survey {
  std::vector<Look> looks;
  std::vector<double> runs, short_runs;  // stretches of the block: all of it if it is small
  bool all_float32 = false;  // of the samples
  bool has_long = false;     // some need more digits than sensors print
  double largest = 0;        // of the sampled sizes
};
// Looks only; then the runs, which proposals other than decimal and float32 need.
void survey(std::span<const double> values, Effort effort, Survey& into);
void take_runs(std::span<const double> values, Survey& into);

// The fewest digits for all but a few of the looks; false if there are none or they are too many.
bool simple_decimal(const Survey& survey, NumberModel& model);

// The proposals. Each appends.
void propose_decimals(const Survey& survey, std::vector<NumberModel>& models);
void propose_float32(const Survey& survey, std::vector<NumberModel>& models);
void propose_averages(const Survey& survey, std::vector<NumberModel>& models);
void propose_steps(const Survey& survey, std::vector<NumberModel>& models);

// Integers and patches by a model with a K. False, at some point, if it does not suit.
bool realise(std::span<const double> values, const NumberModel& model, Numbers& into);
// The same for the two forms that suit whatever comes, given the values.
void realise_ordered(std::span<const double> values, Numbers& into);
// False if there are more than `most` different values. `hints` are forms that the entries may have.
bool realise_dictionary(std::span<const double> values, std::size_t most, std::span<const NumberModel> hints, Numbers& into);

// Integers and patches within a bound; `exact` is the model that fits without loss. False if the
// bound allows nothing.
bool fit_grid(std::span<const double> values, const ErrorBound& bound, const NumberModel& exact, Numbers& into);

// About how many bits an entropy coder needs for integers of which neighbours are alike.
double integer_bits(std::span<const std::int64_t> integers);
// These, and what put_numbers writes.
double total_bits(const Numbers& numbers);

}  // namespace selvedge::codec
