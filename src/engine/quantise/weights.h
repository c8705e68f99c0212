// Weights: the numbers of a layer in 8 bits, symmetric around 0, with one scale for each channel of its
// output (or one for all), and its biases in 32 bits. Pure.
//
// The scale of a channel is at least
//   its greatest weight / 127        (less for fewer bits),
//   |bias| / (input scale * 2^30)    since a bias is kept in steps of input scale * weight scale: weights
//                                    that are nearly all 0 (folded normalisation) would have steps so
//                                    small that the bias saturates, which has cost others half their
//                                    accuracy (microsoft/onnxruntime PR 22020, issue 11415), and
//   what makes rounding errors a stated share of those of the activations (Options::weight_noise).
// Rounding moves the mean of a channel's results by sum(error of weight * mean of input); the bias takes
// that back.

#pragma once

#include "engine/quantise/options.h"
#include "engine/quantise/ranges.h"
#include "engine/quantise/statistics.h"

namespace selvedge::engine::quantise {

struct Layer {
  std::span<const float> weights;
  std::span<const float> biases;                   // empty: none
  // Weight i of output channel o, which multiplies input channel in_channel, is at
  //   o * out_step + (in_channel - first) * in_step + tap * tap_step.
  std::size_t outputs = 0, inputs = 0, taps = 1;   // inputs: of one group
  std::size_t out_step = 0, in_step = 0, tap_step = 1;
  std::size_t outputs_per_group = 0;
  Steps input, output;
  const Statistics* seen = nullptr;                // of the input
};

struct LayerInBits {
  std::vector<std::int8_t> weights;                // laid out as they came
  std::vector<float> scales;                       // one for each output, or one
  std::vector<std::int32_t> biases;
  std::size_t guarded = 0;                         // channels whose scale the bias asked for
  std::size_t empty = 0;                           // channels whose weights are all 0
  std::size_t saturated = 0;                       // channels whose bias does not fit all the same
};

LayerInBits quantise_layer(const Layer& layer, const Options& options);

}  // namespace selvedge::engine::quantise
