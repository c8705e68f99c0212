#include "engine/quantise/weights.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"

namespace selvedge::engine::quantise {
namespace {

Options exact() {
  Options options;
  options.weight_noise = 0;
  options.bias_correction = BiasCorrection::off;
  return options;
}

// A layer of `outputs` channels over four inputs.
Layer layer_over(std::span<const float> weights, std::span<const float> biases) {
  Layer layer;
  layer.weights = weights;
  layer.biases = biases;
  layer.outputs = weights.size() / 4;
  layer.inputs = 4;
  layer.out_step = 4;
  layer.in_step = 1;
  layer.outputs_per_group = layer.outputs;
  layer.input = {0.03125F, 0};
  layer.output = {0.0625F, 128};
  return layer;
}

float back(const LayerInBits& bits, std::size_t at) { return static_cast<float>(bits.weights[at]) * bits.scales[at / 4]; }

TEST(Weights, AreNearWhatTheyWere) {
  const std::vector<float> weights = some_numbers(64), biases = some_numbers(16);
  const LayerInBits bits = quantise_layer(layer_over(weights, biases), exact());
  ASSERT_EQ(bits.scales.size(), 16U);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_LE(std::abs(back(bits, i) - weights[i]), bits.scales[i / 4] / 2 * 1.0001F);
  for (std::size_t o = 0; o < 16; ++o) {
    const float step = bits.scales[o] * 0.03125F;
    EXPECT_LE(std::abs(static_cast<float>(bits.biases[o]) * step - biases[o]), step);
  }
}

TEST(Weights, HaveAScaleForEachChannelOrOneForAll) {
  std::vector<float> weights = some_numbers(8);
  for (std::size_t i = 4; i < 8; ++i) weights[i] /= 100;
  const LayerInBits each = quantise_layer(layer_over(weights, {}), exact());
  EXPECT_GT(each.scales[0], each.scales[1] * 20);
  Options options = exact();
  options.weights = Weights::per_tensor;
  const LayerInBits one = quantise_layer(layer_over(weights, {}), options);
  ASSERT_EQ(one.scales.size(), 1U);
  EXPECT_FLOAT_EQ(one.scales[0], each.scales[0]);
  for (std::size_t i = 4; i < 8; ++i) EXPECT_LE(std::abs(one.weights[i]), 2);
}

TEST(Weights, OfNearlyNothingGiveWayToTheBias) {
  const std::vector<float> weights{1e-9F, -1e-9F, 1e-9F, 0, 0.5F, -0.5F, 0.25F, 0.125F}, biases{3, 3};
  const LayerInBits bits = quantise_layer(layer_over(weights, biases), exact());
  EXPECT_EQ(bits.guarded, 1U);
  EXPECT_EQ(bits.empty, 1U);
  EXPECT_EQ(bits.saturated, 0U);
  for (std::size_t o = 0; o < 2; ++o)
    EXPECT_NEAR(static_cast<double>(bits.biases[o]) * double(bits.scales[o]) * 0.03125, 3, 1e-4) << o;
  EXPECT_LE(std::abs(bits.biases[0]), 1 << 30);
}

TEST(Weights, OfNothingButZerosHaveAScale) {
  const std::vector<float> weights(4), biases{0};
  const LayerInBits bits = quantise_layer(layer_over(weights, biases), exact());
  EXPECT_GT(bits.scales[0], 0);
  EXPECT_EQ(bits.empty, 1U);
}

TEST(Weights, HaveSevenBitsWhereSumsOfTwoWouldSaturate) {
  Options options = exact();
  options.target = Target::x86_old;
  const std::vector<float> weights = some_numbers(400);
  const LayerInBits bits = quantise_layer(layer_over(weights, {}), options);
  for (const std::int8_t weight : bits.weights) EXPECT_LE(std::abs(weight), 64);
  options.weight_bits = 5;
  for (const std::int8_t weight : quantise_layer(layer_over(weights, {}), options).weights) EXPECT_LE(std::abs(weight), 16);
}

TEST(Weights, AreRoundedAsCoarselyAsTheActivationsAllow) {
  const std::vector<float> weights = some_numbers(64), biases(16);
  Statistics seen;
  seen.see(some_numbers(4 * 100), Shape{1, 4, 10, 10}, 1);
  Layer layer = layer_over(weights, biases);
  layer.seen = &seen;
  Options options = exact();
  const LayerInBits fine = quantise_layer(layer, options);
  options.weight_noise = 0.5F;
  const LayerInBits coarse = quantise_layer(layer, options);
  // The error that rounding makes in a result, as power, against that of the output's and inputs' steps.
  for (std::size_t o = 0; o < 16; ++o) {
    EXPECT_GT(coarse.scales[o], fine.scales[o]);
    double made = 0, squares = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      made += double(coarse.scales[o]) * double(coarse.scales[o]) / 12 * seen.mean_square(i);
      squares += double(weights[o * 4 + i]) * double(weights[o * 4 + i]);
    }
    const double allowed = 0.5 * (0.0625 * 0.0625 + 0.03125 * 0.03125 * squares) / 12;
    EXPECT_LE(made, allowed * 1.15) << o;          // scales are rounded up to five bits
  }
}

TEST(Weights, MoveTheBiasByWhatRoundingAdds) {
  const std::vector<float> weights = some_numbers(64), biases(16);
  std::vector<float> inputs = some_numbers(400);
  for (float& value : inputs) value += 3;
  Statistics seen;
  seen.see(inputs, Shape{1, 4, 10, 10}, 1);
  Layer layer = layer_over(weights, biases);
  layer.seen = &seen;
  Options options = exact();
  options.weight_bits = 5;
  options.bias_correction = BiasCorrection::on;
  const LayerInBits bits = quantise_layer(layer, options);
  for (std::size_t o = 0; o < 16; ++o) {
    double before = 0, after = static_cast<double>(bits.biases[o]) * double(bits.scales[o]) * 0.03125;
    for (std::size_t i = 0; i < 4; ++i) {
      before += double(weights[o * 4 + i]) * seen.mean(i);
      after += double(back(bits, o * 4 + i)) * seen.mean(i);
    }
    EXPECT_NEAR(before, after, 0.01) << o;
  }
}

TEST(Weights, OfAMatrixHaveTheirScalesByColumn) {
  // Two inputs, three outputs, row by row.
  const std::vector<float> weights{1, 0.1F, 0.01F, -1, -0.1F, -0.01F};
  Layer layer = layer_over({}, {});
  layer.weights = weights;
  layer.outputs = 3, layer.inputs = 2, layer.out_step = 1, layer.in_step = 3, layer.outputs_per_group = 3;
  const LayerInBits bits = quantise_layer(layer, exact());
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(static_cast<float>(bits.weights[i]) * bits.scales[i % 3], weights[i], bits.scales[i % 3] / 1.9F) << i;
}

}  // namespace
}  // namespace selvedge::engine::quantise
