// What the placement measurements share: a fleet as plain arrays, and contenders that choose a node for a task: ours, the
// Placer with its index and its few candidates as it is shipped, and rules that look at every node.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "engine/placement/placer.h"

namespace selvedge::bench {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

struct Node {
  model::Resources capacity;
  model::Resources free;
  std::vector<std::uint16_t> devices;
  std::uint64_t model = 0;
};

// A node of so many thousandths of a core and mebibytes.
Node node(std::int64_t cpu, std::int64_t memory);
engine::Ask ask(std::int64_t cpu, std::int64_t memory);

enum class Kind : std::uint8_t { one_try, by_rule, placer };

struct Contender {
  std::string name;
  Kind kind = Kind::by_rule;
  engine::PlacementRule rule = engine::default_placement_rule;
};

// How the Placer may take tasks that are there together.
struct Together {
  std::size_t batch = 1;             // so many are placed at once, the largest first
  double moves = 0;                  // of what is placed, in all, to make room for what was refused
};

// All that the tables show: the article's rule, random of both kinds, and the peers.
const std::vector<Contender>& contenders();
// From now on only those whose names have `text` in them, and random of both kinds.
void choose_contenders(const std::string& text);

struct Place {
  std::size_t node = 0;
  std::uint16_t device = engine::no_device;
  std::uint64_t whole = 0;           // whole devices taken, as bits
  engine::placement::TaskId task = engine::placement::none;    // of the Placer's fleet
};

class Fleet {
 public:
  Fleet(std::vector<Node> nodes, const Contender& contender, std::uint64_t seed);

  // Takes what the task asks for from the node it chose; false: the task is refused.
  bool place(const engine::Ask& ask, Place& place);
  void release(const engine::Ask& ask, const Place& place);
  // Places them all by the Placer, as far as they fit; nothing is released afterwards.
  void place_all(const std::vector<engine::Ask>& tasks, const Together& together);
  // What is asked for is told to the rule by `place`; this sets another's choice.
  void take(const engine::Ask& ask, Place& place);
  // Nodes that may be chosen from now on; empty: all.
  void allow(std::vector<std::size_t> nodes) { allowed_ = std::move(nodes); }

  const std::vector<Node>& nodes() const { return nodes_; }
  const engine::Demand& demand() const { return engine_ ? engine_->fleet.demand() : demand_; }
  // The share of cpu and memory in use, their mean.
  double use() const;

 private:
  struct Engine {
    engine::placement::Fleet fleet;
    engine::placement::Placer placer{fleet};
    std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::uint32_t, std::uint32_t, std::uint64_t>, engine::placement::ShapeId> shapes;
  };

  engine::NodeSpace space(std::size_t i) const;
  engine::placement::ShapeId shape(const engine::Ask& ask);
  bool place_by_engine(const engine::Ask& ask, Place& place);
  void sync(std::size_t i);          // what is free there, from the Placer's fleet

  std::vector<Node> nodes_;
  Contender contender_;
  engine::Demand demand_;
  std::mt19937_64 random_;
  std::vector<std::size_t> allowed_;
  std::unique_ptr<Engine> engine_;
  double cpu_ = 0, memory_ = 0;                    // in all
  double used_cpu_ = 0, used_memory_ = 0;
};

}  // namespace selvedge::bench
