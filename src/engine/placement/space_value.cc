#include "engine/placement/space_value.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace selvedge::engine {

namespace {

// Points lie denser where little is free: eight to an octave of z, which goes from 1/16 to 1 as the share x of reach
// goes from 0 to 1. So the point below and the way to the next are bits of a float: the exponent and three bits of
// fraction, and the other twenty.
constexpr float shift = 0.0625F;
constexpr float scale = 1 - shift;
constexpr std::uint32_t step_bits = 20;
constexpr std::uint32_t first_point = std::bit_cast<std::uint32_t>(shift) >> step_bits;

float knot(std::size_t point) { return (std::bit_cast<float>((first_point + static_cast<std::uint32_t>(point)) << step_bits) - shift) / scale; }

}  // namespace

SpaceValue::Spot SpaceValue::spot(float amount) const {
  const float x = amount * per_reach_;
  constexpr float below_one = 1 - 0x1p-24F;
  const float z = (x < 0 ? 0 : x) * scale + shift;
  const auto bits = std::bit_cast<std::uint32_t>(z < below_one ? z : below_one);
  return {(bits >> step_bits) - first_point, static_cast<float>(bits & ((1U << step_bits) - 1)) * 0x1p-20F};
}

float SpaceValue::between(Spot cpu, Spot memory) const {
  const float* low = values_.data() + cpu.index * points + memory.index;
  const float* high = low + points;
  const float below = low[0] + (low[1] - low[0]) * memory.part;
  const float above = high[0] + (high[1] - high[0]) * memory.part;
  return below + (above - below) * cpu.part;
}

float SpaceValue::at(float cpu, float memory) const { return between(spot(cpu), spot(memory)); }

void SpaceValue::build(std::span<const SpaceShape> all, float reach, float patience) {
  const auto shapes = all.first(std::min(all.size(), most_shapes));
  per_reach_ = 1 / reach;
  values_.fill(0);
  // Where each shape leads from each knot, along one axis; index == points: it does not fit.
  const auto along_axis = [&](auto amount_of) {
    auto ways = std::vector<Spot>(points * shapes.size());
    for (std::size_t i = 0; i < points; ++i) {
      for (std::size_t s = 0; s < shapes.size(); ++s) {
        const float left = knot(i) * reach - amount_of(shapes[s]);
        ways[i * shapes.size() + s] = left < -1e-6F ? Spot{points, 0} : spot(left);
      }
    }
    return ways;
  };
  const auto by_cpu = along_axis([](const SpaceShape& shape) { return shape.cpu; });
  const auto by_memory = along_axis([](const SpaceShape& shape) { return shape.memory; });
  float weight = 0;
  for (const SpaceShape& shape : shapes) weight += shape.weight;
  const float impatience = weight / std::max(patience - 1, 0.1F);

  std::array<float, most_shapes> worth{};
  std::array<float, most_shapes> weights{};
  for (std::size_t i = 0; i < points; ++i) {
    for (std::size_t j = 0; j < points; ++j) {
      float& value = values_[i * points + j];
      if (i > 0) value = values_[(i - 1) * points + j];
      if (j > 0) value = std::max(value, values_[i * points + j - 1]);
      // A small shape leads to between this point and those below it: some rounds settle that.
      for (int round = 0; round < 12; ++round) {
        std::size_t count = 0;
        for (std::size_t s = 0; s < shapes.size(); ++s) {
          const Spot c = by_cpu[i * shapes.size() + s], m = by_memory[j * shapes.size() + s];
          if (c.index == points || m.index == points) continue;
          worth[count] = (shapes[s].cpu + shapes[s].memory) / 2 + between(c, m);
          weights[count++] = shapes[s].weight;
        }
        // Newton on a function of straight pieces.
        float next = value;
        for (int step = 0; step < 6; ++step) {
          float sum = 0, taken = 0;
          for (std::size_t s = 0; s < count; ++s) {
            const float use = worth[s] > next ? weights[s] : 0.0F;
            sum += use * worth[s];
            taken += use;
          }
          const float before = next;
          next = sum / (impatience + taken);
          if (std::fabs(next - before) < 1e-6F) break;
        }
        const bool settled = std::fabs(next - value) < 1e-5F;
        value = next;
        if (settled) break;
      }
    }
  }
}

}  // namespace selvedge::engine
