// Index: the node on which a task is cheapest by a rule, of those that take tasks, meet its constraints and have room.
//
// Quick looks where the rule would look. Rules that want a tight fit or judge the whole shape of what is free
// (FreeOrder::less_is_cheaper, neither) get nodes from the tightest cells on: the cheapest of the first `candidates`
// that fit; `opportunity`, to which equally tight nodes of other shapes are worth more than more of one shape, of the
// first in each of `varied` cells, and whoever asks for accelerators of `accelerated` such; neither kind, of up to
// `sampled` cells two nodes each and then the whole of the cheapest cell. Rules that want room get the exact answer, by
// bounds of the cells from the roomiest on (without a request for disk, which cells do not bound). Whatever the rule, a
// node that fits is found if there is one; with at most `whole` nodes to look at, with data to move or energy to weigh,
// and with Effort::exact, the answer is the plain rule's: lowest cost, then lowest number. A mask of few nodes is scanned
// instead of the grid, and a walk that meets too few of a mask's nodes turns to the mask: so a search among m of n nodes
// costs about the least of m, n/m and what the grid saves.
//
// Reads the fleet, changes nothing. Belongs to the fleet's thread.

#pragma once

#include <vector>

#include "engine/placement/fleet.h"

namespace selvedge::engine::placement {

enum class Effort : std::uint8_t { quick, exact };

// Nodes that may not be had this time, cleared at no cost.
class Barred {
 public:
  void clear() {
    if (++now_ == 0) {
      stamps_.assign(stamps_.size(), 0);
      now_ = 1;
    }
  }
  void add(NodeId node) {
    if (node >= stamps_.size()) stamps_.resize(node + std::size_t{1});
    stamps_[node] = now_;
  }
  bool has(NodeId node) const { return node < stamps_.size() && stamps_[node] == now_; }

 private:
  std::vector<std::uint32_t> stamps_;
  std::uint32_t now_ = 1;
};

struct Query {
  ShapeId shape = none;
  PlacementRule rule = PlacementRule::best_fit;
  Effort effort = Effort::quick;
  std::uint64_t salt = 0;                  // of random_fit
  const NodeMask* within = nullptr;        // nullptr: the mask of its constraints; else only nodes in both
  const Barred* barred = nullptr;
};

struct Found {
  NodeId node = none;                      // none: no node fits
  Offer offer;
};

struct IndexSettings {
  static constexpr std::size_t most_candidates = 64;
  std::uint32_t candidates = 4;            // of rules that want a tight fit and nothing else
  std::uint32_t varied = 16;               // of `opportunity`, each of another cell
  std::uint32_t accelerated = 64;          // of those that ask for accelerators, likewise; none is above most_candidates
  std::uint32_t sampled = 64;
  std::uint32_t whole = 128;
};

class Index {
 public:
  explicit Index(const Fleet& fleet, IndexSettings settings = {}) : fleet_(&fleet), settings_(settings) {}

  // With wishes among the constraints, the best tier that has a node.
  Found find(const Query& query) const;
  // What a rule, the data to move and the energy cost together on a node with room.
  Offer price(const Query& query, NodeId node) const;

 private:
  struct Walk;
  Found search(const Query& query, const NodeMask& tier) const;

  const Fleet* fleet_;
  IndexSettings settings_;
};

// Seconds that the bytes of a shape's sources need to a node, and the watts that its task adds there.
double seconds_to_move(const Fleet& fleet, ShapeId shape, NodeId node);
double watts_added(const Fleet& fleet, ShapeId shape, NodeId node);

}  // namespace selvedge::engine::placement
