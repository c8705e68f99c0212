// Demand: what tasks have asked for lately, as a bounded set of shapes with weights, and their mean.
//
// Equal asks count together. When the table is full a new shape takes the place of the oldest of those seen
// least; every `fading` asks all weights halve, so that the past fades. At most `most_shapes` shapes, no
// allocation, about 30 ns an ask. The same asks in the same order give the same table. Belongs to one thread.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/placement/rule.h"

namespace selvedge::engine {

struct DemandShape {
  Ask ask;                 // salt is 0
  float weight = 0;
  std::uint64_t seen = 0;  // the number of the ask that last had this shape
};

class Demand {
 public:
  static constexpr std::size_t most_shapes = 64;
  static constexpr std::uint32_t fading = 4096;

  void add(const Ask& ask);

  std::span<const DemandShape> shapes() const { return {shapes_.data(), size_}; }
  double weight() const { return weight_; }       // of all shapes
  std::uint64_t asks() const { return asks_; }    // ever

  // Means of cores' thousandths, bytes of memory and of disk over the last asks, fading; 0 before the first.
  double mean_cpu() const { return mean_cpu_; }
  double mean_memory() const { return mean_memory_; }
  double mean_disk() const { return mean_disk_; }

 private:
  void fade();

  std::array<DemandShape, most_shapes> shapes_{};
  std::size_t size_ = 0;
  double weight_ = 0;
  std::uint64_t asks_ = 0;
  double mean_cpu_ = 0;
  double mean_memory_ = 0;
  double mean_disk_ = 0;
};

}  // namespace selvedge::engine
