// Softmax of many rows of scores, as far as it matters: rows in which no class can reach a threshold are told
// from the others before anything is raised to a power.
//
// The exponential is our own, so that the compiler does many at a time: a grid in which every row has to be
// done, which a hostile picture can bring about, costs a few times one that is passed over, and no picture
// costs more. It differs from the exact value by less than 2e-7 of it. Pure.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace selvedge::engine {

struct SoftmaxRows {
  std::span<const float> scores;                   // rows x classes
  std::size_t classes = 1;
  std::size_t first_class = 0;                     // 1 where class 0 is the background: it takes its share and is not looked for
  float threshold = 0;
};

// `into` has the share of every score, but -1 throughout a row where no class from first_class reaches the
// threshold. In a row with a NaN or an infinity above zero every share is -1 or NaN.
void softmax(const SoftmaxRows& rows, std::vector<float>& into);

// e to the power of `value`, which is not above 0. 0 below -87; NaN of NaN.
float power_of_e(float value);

}  // namespace selvedge::engine
