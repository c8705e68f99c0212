// Placement rules: what it costs to put a request on a node. The lowest cost wins; equal costs go to the node
// with the lower `order`, so that the same input always gives the same placement.
//
// A rule sees plain values only: what the node has and has left, what is asked for, and what was asked for
// lately (Demand). It does not check whether the request fits, nor labels, taints or sites: its caller calls
// it for nodes that fit. All rules are pure and allocate nothing. Where a rule was published, rules.cc names
// the source. Costs of different rules are not comparable.
//
// On one core of a server: 3 to 25 ns for the rules of two resources; the fragmentation rules look at up to
// Demand::most_shapes shapes for each node, 0.5 to 1.5 us. Any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "model/resources.h"

namespace selvedge::engine {

class Demand;

enum class PlacementRule : std::uint8_t {
  article,                 // most cpu_free/cpu_asked + memory_free/memory_asked, as the article has it: spreads
  first_fit,               // lowest order
  random_fit,              // any node that fits
  best_fit,                // least left over, as a share of the node
  worst_fit,               // most left over
  alignment,               // smallest angle between what is asked and what is free (cosine)
  dot_product,             // largest product of what is asked and what is free (Tetris)
  kubernetes_least,        // LeastAllocated: spreads
  kubernetes_balanced,     // BalancedAllocation alone
  kubernetes_default,      // LeastAllocated and BalancedAllocation
  kubernetes_most,         // MostAllocated: packs
  nomad_binpack,           // Nomad's default score
  fragmentation,           // grows least what recent tasks could not use (FGD)
  fragmentation_best_fit,  // the same, and best fit among near equals
  opportunity,             // takes least from what recent tasks could still fill (SpaceValue): the default
};
inline constexpr std::size_t placement_rules = 15;
inline constexpr PlacementRule default_placement_rule = PlacementRule::opportunity;

std::string_view name(PlacementRule rule);                          // as in settings: "best-fit"
std::optional<PlacementRule> placement_rule(std::string_view name);

// What a task asks for.
struct Ask {
  model::Resources amounts;
  std::uint32_t devices = 0;            // accelerators; more than one only whole
  std::uint32_t thousandths = 1000;     // of each
  std::uint64_t models = 0;             // which accelerator models will do, as bits; 0: any
  std::uint64_t salt = 0;               // random_fit draws with it; the number of the decision, say

  friend bool operator==(const Ask&, const Ask&) = default;
};

// A node as rules see it.
struct NodeSpace {
  model::Resources capacity;
  model::Resources free;
  std::span<const std::uint16_t> devices;  // free thousandths of each accelerator
  std::uint64_t model = 0;                 // the bit of the accelerators' model
  std::uint32_t order = 0;                 // the node's place in the fleet
};

constexpr std::uint16_t no_device = 0xFFFF;

struct Offer {
  double cost = 0;
  std::uint16_t device = no_device;        // where a shared accelerator is to come from; whole ones are any free
};

// Only for nodes on which `ask` fits.
Offer offer(PlacementRule rule, const Ask& ask, const NodeSpace& node, const Demand& demand);

// The same without accelerators.
double cost(PlacementRule rule, const Ask& ask, const NodeSpace& node, const Demand& demand);

// Whether the amounts and accelerators asked for are free on the node.
bool fits(const Ask& ask, const NodeSpace& node);
// How much of the amounts is missing where so much is free: shares of the request, added up.
double shortage(const Ask& ask, const model::Resources& free);

// How an index may bound a rule: whether, all else equal, a node with less free costs less, or more.
// `opportunity` is said to be less_is_cheaper: it is not strictly, but the best of sixteen of the tightest nodes, each of
// another shape of space, is as good as the best of all. Among nodes with accelerators tightness must count these too.
enum class FreeOrder : std::uint8_t { less_is_cheaper, more_is_cheaper, neither };
FreeOrder free_order(PlacementRule rule);

}  // namespace selvedge::engine
