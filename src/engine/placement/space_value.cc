#include "engine/placement/space_value.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace selvedge::engine {

SpaceValue::Spot SpaceValue::spot(float amount) const {
  const float x = std::clamp(amount * per_reach_, 0.0F, 1.0F);
  const auto index = std::min(points - 2, static_cast<std::size_t>(std::sqrt(x) * static_cast<float>(points - 1)));
  return {index, std::clamp((x - knots_[index]) * steps_[index], 0.0F, 1.0F)};
}

float SpaceValue::at(float cpu, float memory) const {
  const Spot c = spot(cpu), m = spot(memory);
  const float* low = values_.data() + c.index * points + m.index;
  const float* high = low + points;
  const float below = low[0] + (low[1] - low[0]) * m.part;
  const float above = high[0] + (high[1] - high[0]) * m.part;
  return below + (above - below) * c.part;
}

void SpaceValue::build(std::span<const SpaceShape> all, float reach, float patience) {
  const auto shapes = all.first(std::min(all.size(), most_shapes));
  reach_ = reach;
  per_reach_ = 1 / reach;
  values_.fill(0);
  for (std::size_t i = 0; i < points; ++i) {
    const float x = static_cast<float>(i) / static_cast<float>(points - 1);
    knots_[i] = x * x;
  }
  for (std::size_t i = 0; i + 1 < points; ++i) steps_[i] = 1 / (knots_[i + 1] - knots_[i]);

  // Where each shape leads from each knot, along one axis; index == points: it does not fit.
  const auto along_axis = [&](auto amount_of) {
    auto ways = std::vector<Spot>(points * shapes.size());
    for (std::size_t i = 0; i < points; ++i) {
      for (std::size_t s = 0; s < shapes.size(); ++s) {
        const float left = knots_[i] * reach - amount_of(shapes[s]);
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
      // A small shape leads to between this point and those below it: twice round settles that.
      for (int round = 0; round < 2; ++round) {
        std::size_t count = 0;
        for (std::size_t s = 0; s < shapes.size(); ++s) {
          const Spot c = by_cpu[i * shapes.size() + s], m = by_memory[j * shapes.size() + s];
          if (c.index == points || m.index == points) continue;
          const float* low = values_.data() + c.index * points + m.index;
          const float* high = low + points;
          const float below = low[0] + (low[1] - low[0]) * m.part;
          const float above = high[0] + (high[1] - high[0]) * m.part;
          worth[count] = (shapes[s].cpu + shapes[s].memory) / 2 + below + (above - below) * c.part;
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
        const bool settled = std::fabs(next - value) < 1e-6F;
        value = next;
        if (settled) break;
      }
    }
  }
}

}  // namespace selvedge::engine
