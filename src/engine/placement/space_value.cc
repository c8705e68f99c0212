#include "engine/placement/space_value.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace selvedge::engine {
namespace {

// Four at a time: one register of any machine that matters, and the same sums on each.
constexpr std::size_t lanes = 4;
using Floats = float __attribute__((vector_size(lanes * sizeof(float))));
using Masks = std::int32_t __attribute__((vector_size(lanes * sizeof(float))));

struct Taken {
  float worth = 0, weight = 0;
};

// Sums of weighted worth, and of weights, over what is worth more than `least`.
Taken taken(const float* worth, const float* weights, std::size_t count, float least) {
  Floats sum{}, weight{};
  for (std::size_t i = 0; i < count; i += lanes) {
    Floats w, by;
    std::memcpy(&w, worth + i, sizeof w);
    std::memcpy(&by, weights + i, sizeof by);
    const Masks more = w > least;
    Masks bits;
    std::memcpy(&bits, &by, sizeof bits);
    bits &= more;
    std::memcpy(&by, &bits, sizeof by);
    sum += by * w;
    weight += by;
  }
  return {sum[0] + sum[1] + (sum[2] + sum[3]), weight[0] + weight[1] + (weight[2] + weight[3])};
}

}  // namespace

void SpaceValue::build(std::span<const SpaceShape> all, float reach, float patience) {
  const auto shapes = all.first(std::min(all.size(), most_shapes));
  const bool known = per_reach_ > 0;
  per_reach_ = 1 / reach;
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
      // From what was known before it is not far; without that, as much as less space is worth.
      float& value = values_[i * points + j];
      if (!known && i > 0) value = values_[(i - 1) * points + j];
      if (!known && j > 0) value = std::max(value, values_[i * points + j - 1]);
      // A small shape leads to between this point and those below it: some rounds settle that.
      for (int round = 0; round < 12; ++round) {
        std::size_t count = 0;
        for (std::size_t s = 0; s < shapes.size(); ++s) {
          const Spot c = by_cpu[i * shapes.size() + s], m = by_memory[j * shapes.size() + s];
          if (c.index == points || m.index == points) continue;
          worth[count] = (shapes[s].cpu + shapes[s].memory) / 2 + between(c, m);
          weights[count++] = shapes[s].weight;
        }
        for (; count % lanes != 0; ++count) weights[count] = worth[count] = 0;
        // Newton on a function of straight pieces.
        float next = value;
        for (int step = 0; step < 6; ++step) {
          const Taken above = taken(worth.data(), weights.data(), count, next);
          const float before = next;
          next = above.worth / (impatience + above.weight);
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
