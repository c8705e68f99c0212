// Demand: what tasks have asked for lately, as a bounded set of shapes with weights, and what free space is worth to
// such tasks.
//
// Equal asks count together. When the table is full a new shape takes the place of the oldest of those seen
// least; every `fading` asks all weights halve, so that the past fades. At most `most_shapes` shapes.
//
// It also knows the sizes of the fleet's nodes (add_node, remove_node), because rules measure in means of the
// fleet's nodes. The tables of values are built anew by `add`, at asks 8, 16, 32 and so on, then every `learning`
// asks, and at the first ask after the fleet's nodes changed by more than an eighth: about 1 ms for each power of two
// between the smallest and the largest node, at most `size_classes`. Other adds take 10 to 50 ns. Until something
// has been asked, made-up tasks of all sizes stand in.
//
// The same calls in the same order give the same tables. Belongs to one thread; what is const may be called on any
// while nobody changes it.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/wire.h"
#include "engine/placement/rule.h"
#include "engine/placement/space_value.h"

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
  static constexpr std::uint32_t learning = 32768;
  static constexpr std::size_t size_classes = 8;

  void add(const Ask& ask);
  // Builds the tables as of now; what follows depends on nothing but what `save` writes.
  void refresh();
  void add_node(const model::Resources& capacity, std::size_t devices = 0);
  void remove_node(const model::Resources& capacity, std::size_t devices = 0);

  void save(base::Writer& out) const;
  // Code::corrupt if these are not the bytes of one.
  static base::Result<Demand> restore(base::Reader& in);

  std::span<const DemandShape> shapes() const { return {shapes_.data(), size_}; }
  double weight() const { return weight_; }       // of all shapes
  std::uint64_t asks() const { return asks_; }    // ever

  // 1 / (the mean of the nodes), as when the tables were built; 0 while no node is known.
  double per_cpu() const { return per_cpu_; }
  double per_memory() const { return per_memory_; }
  double per_device() const { return per_device_; }

  // What it takes away from what will yet be placed to put `ask` on a node: see SpaceValue. False: nothing known.
  bool knows_values() const { return last_class_ >= first_class_; }
  double opportunity(const Ask& ask, const NodeSpace& node) const {
    return opportunity(static_cast<double>(ask.amounts.cpu), static_cast<double>(ask.amounts.memory), static_cast<double>(node.capacity.cpu),
                       static_cast<double>(static_cast<float>(node.capacity.memory)), static_cast<double>(node.free.cpu),
                       static_cast<double>(node.free.memory));
  }
  double opportunity(double ask_cpu, double ask_memory, double cpu_capacity, double memory_capacity, double cpu, double memory) const {
    const double size = (cpu_capacity * per_cpu_ + memory_capacity * per_memory_) / 2;
    const SpaceValue& value = values_[static_cast<std::size_t>(std::clamp(class_of(size), first_class_, last_class_) + 4)];
    const float before = value.at(static_cast<float>(cpu * per_cpu_), static_cast<float>(memory * per_memory_));
    const float after = value.at(static_cast<float>((cpu - ask_cpu) * per_cpu_), static_cast<float>((memory - ask_memory) * per_memory_));
    return static_cast<double>(before - after);
  }
  // How much best fit weighs beside it.
  double tightness() const;

 private:
  // The power of two nearest to a node's size in means of nodes.
  static int class_of(double size) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(size) * 1.41421356F);
    return std::clamp(static_cast<int>(bits >> 23) - 127, -4, 3);
  }
  static std::uint8_t mark_of(const Ask& ask);
  std::size_t find(const Ask& ask, std::uint8_t mark) const;
  void weigh(std::size_t place);
  void fade();
  void learn();
  bool nodes_differ() const;

  std::array<DemandShape, most_shapes> shapes_{};
  std::size_t size_ = 0;
  // So that a look at all shapes reads little: a number mixed from each ask, and weight, then age, as one number.
  std::array<std::uint8_t, most_shapes> marks_{};
  std::array<std::uint64_t, most_shapes> ranks_{};
  double weight_ = 0;
  std::uint64_t asks_ = 0;
  std::uint64_t learn_at_ = 8;
  double asked_cpu_ = 0, asked_memory_ = 0;                  // ever

  // Sums over the nodes that are there; least and most over all that ever were.
  double nodes_ = 0, nodes_cpu_ = 0, nodes_memory_ = 0, nodes_devices_ = 0;
  double least_cpu_ = 0, least_memory_ = 0, most_cpu_ = 0, most_memory_ = 0;

  // As of the last learning.
  double per_cpu_ = 0, per_memory_ = 0, per_device_ = 0;
  double reach_ = 0;
  double tasks_of_node_ = 1;
  int first_class_ = 0, last_class_ = -1;
  std::array<SpaceValue, size_classes> values_{};
};

}  // namespace selvedge::engine
