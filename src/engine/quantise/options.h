// Options: how a network is made smaller and faster by computing in whole numbers of 8 bits. Values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace selvedge::engine::quantise {

// The processor it is for decides the form of the numbers between layers.
//   x86      u8 activations, s8 weights: what VNNI multiplies. s8 activations take 2.3 x the time there.
//   x86_old  the same with weights of 7 bits: without VNNI, sums of two products are kept in 16 bits
//            and would saturate.
//   arm      s8 activations and weights: what the dot products of arm64 take.
enum class Target : std::uint8_t { x86, x86_old, arm };
std::string_view name_of(Target target);           // "x86-old"

// How the range of an activation follows from what was seen of it.
enum class RangeRule : std::uint8_t {
  extremes,     // from the least to the greatest
  percentile,   // without the outermost 0.005 % on each side
  least_error   // what makes the mean squared error least
};
std::string_view name_of(RangeRule rule);          // "least-error"

enum class Weights : std::uint8_t { per_channel, per_tensor };
enum class Heads : std::uint8_t { whole_numbers, in_float };
enum class Symmetry : std::uint8_t { free, symmetric };   // of signed activations: zero point 0
enum class BiasCorrection : std::uint8_t { off, on };

struct Options {
  Target target = Target::x86;
  RangeRule range = RangeRule::extremes;
  Weights weights = Weights::per_channel;
  Heads heads = Heads::whole_numbers;              // the last layers with weights
  Symmetry symmetry = Symmetry::free;              // only for Target::arm
  BiasCorrection bias_correction = BiasCorrection::on;
  int weight_bits = 8;                             // 4 to 8: of the steps, not of what is stored
  // Weights may be rounded more coarsely than their bits allow, as long as the error that this makes is
  // below this share of the error that the activations' rounding makes anyway (as power). Fewer
  // distinct weights pack smaller. 0: never.
  float weight_noise = 0.25F;
  std::vector<std::string> keep_float;             // nodes by name, or operators ("Concat")
};

}  // namespace selvedge::engine::quantise
