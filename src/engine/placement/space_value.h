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

  float at(float cpu, float memory) const;

 private:
  struct Spot {
    std::uint32_t index = 0;      // of the point below
    float part = 0;               // of the way to the next
  };
  Spot spot(float amount) const;
  float between(Spot cpu, Spot memory) const;

  std::array<float, points * points> values_{};     // points: knot() in space_value.cc
  float per_reach_ = 0;
};

}  // namespace selvedge::engine
