#include "engine/quantise/weights.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine::quantise {
namespace {

constexpr int scale_bits = 5;                      // significant bits of a weight scale
constexpr float guard = 1073741824.0F;             // 2^30

class LayerQuantiser {
 public:
  LayerQuantiser(const Layer& layer, const Options& options) : layer_(layer), options_(options) {}

  LayerInBits run() {
    made_.weights.resize(layer_.weights.size());
    for (std::size_t o = 0; o < layer_.outputs; ++o) made_.scales.push_back(scale_of(o));
    if (options_.weights == Weights::per_tensor && !made_.scales.empty())
      made_.scales.assign(layer_.outputs, std::ranges::max(made_.scales));
    for (std::size_t o = 0; o < layer_.outputs; ++o) {
      const double moved = round(o, made_.scales[o]);
      if (!layer_.biases.empty()) made_.biases.push_back(bias(o, moved));
    }
    if (options_.weights == Weights::per_tensor) made_.scales.resize(std::min<std::size_t>(1, made_.scales.size()));
    return std::move(made_);
  }

 private:
  template <typename Do>
  void each(std::size_t output, const Do& act) const {
    const std::size_t first = output / layer_.outputs_per_group * layer_.inputs;
    for (std::size_t i = 0; i < layer_.inputs; ++i)
      for (std::size_t t = 0; t < layer_.taps; ++t)
        act(output * layer_.out_step + i * layer_.in_step + t * layer_.tap_step, first + i);
  }

  bool knows_channels() const { return layer_.seen != nullptr && !layer_.seen->channels().empty(); }

  // Of the greatest whole number: with the processors that add products of two in 16 bits,
  // 2 * 255 * 64 still fits.
  float most() const {
    const int bits = options_.target == Target::x86_old ? std::min(options_.weight_bits, 7) : options_.weight_bits;
    return bits == 8 ? 127.0F : static_cast<float>(1 << (bits - 1));
  }

  float scale_of(std::size_t output) {
    float greatest = 0;
    double squares = 0, gain = 0;
    each(output, [&](std::size_t at, std::size_t channel) {
      const float weight = layer_.weights[at];
      greatest = std::max(greatest, std::abs(weight));
      squares += double(weight) * double(weight);
      if (knows_channels()) gain += layer_.seen->mean_square(channel);
    });
    float scale = greatest / most();
    if (options_.weight_noise > 0 && gain > 0) {
      const double out = layer_.output.scale, in = layer_.input.scale;
      const double allowed = double(options_.weight_noise) * (out * out + in * in * squares);
      scale = std::max(scale, static_cast<float>(std::sqrt(allowed / gain)));
    }
    const float needed = layer_.biases.empty() ? 0 : std::abs(layer_.biases[output]) / (layer_.input.scale * guard);
    if (needed > scale) ++made_.guarded;
    scale = std::max({scale, needed, 1e-20F});
    return round_up(scale, scale_bits);
  }

  // What rounding adds to the mean of the channel's results.
  double round(std::size_t output, float scale) {
    double moved = 0;
    bool any = false;
    each(output, [&](std::size_t at, std::size_t channel) {
      const float steps = std::clamp(std::nearbyint(layer_.weights[at] / scale), -127.0F, 127.0F);
      made_.weights[at] = static_cast<std::int8_t>(steps);
      any = any || steps != 0;
      if (knows_channels()) moved += (double(steps) * double(scale) - double(layer_.weights[at])) * layer_.seen->mean(channel);
    });
    if (!any) ++made_.empty;
    return moved;
  }

  std::int32_t bias(std::size_t output, double moved) {
    double value = double(layer_.biases[output]);
    if (options_.bias_correction == BiasCorrection::on) value -= moved;
    const double steps = std::nearbyint(value / (double(layer_.input.scale) * double(made_.scales[output])));
    constexpr double limit = 2147483647.0;
    if (std::abs(steps) > limit) ++made_.saturated;
    return static_cast<std::int32_t>(std::clamp(steps, -limit, limit));
  }

  const Layer& layer_;
  const Options& options_;
  LayerInBits made_;
};

}  // namespace

LayerInBits quantise_layer(const Layer& layer, const Options& options) { return LayerQuantiser(layer, options).run(); }

}  // namespace selvedge::engine::quantise
