// SpaceValue: what free cpu and memory of a node are worth, given what tasks ask for.
//
// A node with little or lopsided space left will hardly be filled; a table of (cpu, memory) says by how much.
// V(f) is the share of the fleet that will yet be put into f by a node that is offered tasks drawn from the
// shapes, takes those worth it, and after each offer loses its chance with probability 1/patience:
//
//   V(f) / (patience - 1) = E[ max(0, size(t) + V(f - t) - V(f)) ]     over shapes t that fit into f
//
// (optimal stopping of a knapsack with random arrivals; Kleywegt and Papastavrou, Operations Research 1998.)
// V(f) - V(f - t) is then what it costs to give t a place there: nothing is lost when t leaves a rest that
// recent tasks fill well, all of V(f) when what stays is of no use. Amounts are in means of the fleet's nodes.
//
// Fixed size; build allocates scratch space and takes about 1 ms for 64 shapes, a look-up about 10 ns. Any thread.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace selvedge::engine {

struct SpaceShape {
  float cpu = 0, memory = 0;      // in means of the fleet's nodes
  float weight = 0;
};

class SpaceValue {
 public:
  static constexpr std::size_t points = 33;
  static constexpr std::size_t most_shapes = 96;

  // For spaces up to `reach` of either; of more shapes than most_shapes the first are taken.
  void build(std::span<const SpaceShape> shapes, float reach, float patience);

  float at(float cpu, float memory) const { return between(spot(cpu), spot(memory)); }

 private:
  struct Spot {
    std::uint32_t index = 0;      // of the point below
    float part = 0;               // of the way to the next
  };
  // Points lie denser where little is free: eight to an octave of z, which goes from 1/16 to 1 as the share x of reach
  // goes from 0 to 1. So the point below and the way to the next are bits of a float: the exponent and three bits of
  // fraction, and the other twenty.
  static constexpr float shift = 0.0625F;
  static constexpr float scale = 1 - shift;
  static constexpr std::uint32_t step_bits = 20;
  static constexpr std::uint32_t first_point = std::bit_cast<std::uint32_t>(shift) >> step_bits;

  static float knot(std::size_t point) {
    return (std::bit_cast<float>((first_point + static_cast<std::uint32_t>(point)) << step_bits) - shift) / scale;
  }
  Spot spot(float amount) const {
    const float x = amount * per_reach_;
    constexpr float below_one = 1 - 0x1p-24F;
    const float z = (x < 0 ? 0 : x) * scale + shift;
    const auto bits = std::bit_cast<std::uint32_t>(z < below_one ? z : below_one);
    return {(bits >> step_bits) - first_point, static_cast<float>(bits & ((1U << step_bits) - 1)) * 0x1p-20F};
  }
  float between(Spot cpu, Spot memory) const {
    const float* low = values_.data() + cpu.index * points + memory.index;
    const float* high = low + points;
    const float below = low[0] + (low[1] - low[0]) * memory.part;
    const float above = high[0] + (high[1] - high[0]) * memory.part;
    return below + (above - below) * cpu.part;
  }

  std::array<float, points * points> values_{};     // at the knots
  float per_reach_ = 0;
};

}  // namespace selvedge::engine
