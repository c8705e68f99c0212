// The rules that look at the node and the request alone.
//
//   article             the score of the article this platform began with, as worded
//   alignment           Panigrahy et al., Heuristics for Vector Bin Packing, Microsoft Research 2011, as an angle
//   dot_product         Grandl et al., Multi-Resource Packing for Cluster Schedulers (Tetris), SIGCOMM 2014
//   kubernetes_*        kubernetes/kubernetes, pkg/scheduler/framework/plugins/noderesources: least_allocated.go,
//                       most_allocated.go, balanced_allocation.go; equal weights of cpu and memory
//   nomad_binpack       hashicorp/nomad, nomad/structs/funcs.go, ScoreFitBinPack ("BestFit v3", after Google)
//
// Kubernetes and Nomad round to whole points and cap; here scores stay real, which only breaks ties better.

#include "engine/placement/rule.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "engine/placement/demand.h"
#include "engine/placement/fragmentation.h"

namespace selvedge::engine {
namespace {

constexpr std::array<std::string_view, placement_rules> names = {
    "article",          "first-fit",           "random-fit",         "best-fit",        "worst-fit",     "alignment",     "dot-product",
    "kubernetes-least", "kubernetes-balanced", "kubernetes-default", "kubernetes-most", "nomad-binpack", "fragmentation", "fragmentation-best-fit", "opportunity"};

// What is free, what is asked, as shares of the node. A resource the node does not have is left out.
struct Shares {
  double free_cpu, free_memory, free_disk;
  double ask_cpu, ask_memory, ask_disk;
};

double per(std::int64_t capacity) { return capacity > 0 ? 1.0 / static_cast<double>(capacity) : 0.0; }

Shares shares(const Ask& ask, const NodeSpace& node, double cpu, double memory) {
  Shares s{static_cast<double>(node.free.cpu) * cpu,   static_cast<double>(node.free.memory) * memory,   0,
           static_cast<double>(ask.amounts.cpu) * cpu, static_cast<double>(ask.amounts.memory) * memory, 0};
  // A task that asks for no disk is not judged by it.
  if (ask.amounts.disk > 0) {
    const double disk = per(node.capacity.disk);
    s.free_disk = static_cast<double>(node.free.disk) * disk;
    s.ask_disk = static_cast<double>(ask.amounts.disk) * disk;
  }
  return s;
}

Shares shares(const Ask& ask, const NodeSpace& node) {
  return shares(ask, node, per(node.capacity.cpu), per(node.capacity.memory));
}

// In means of the fleet's nodes, so that small tasks go to small nodes; of the node's own while none are known.
Shares fleet_shares(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  return demand.per_cpu() > 0 ? shares(ask, node, demand.per_cpu(), demand.per_memory()) : shares(ask, node);
}

double left_over(const Shares& s) {
  return s.free_cpu - s.ask_cpu + s.free_memory - s.ask_memory + s.free_disk - s.ask_disk;
}

double alignment(const Shares& s) {
  const double dot = s.free_cpu * s.ask_cpu + s.free_memory * s.ask_memory + s.free_disk * s.ask_disk;
  const double free = s.free_cpu * s.free_cpu + s.free_memory * s.free_memory + s.free_disk * s.free_disk;
  const double asked = s.ask_cpu * s.ask_cpu + s.ask_memory * s.ask_memory + s.ask_disk * s.ask_disk;
  const double lengths = free * asked;
  return lengths > 0 ? -dot / std::sqrt(lengths) : 0;
}

double article(const Ask& ask, const NodeSpace& node) {
  double score = 0;
  if (ask.amounts.cpu > 0) score += static_cast<double>(node.free.cpu) / static_cast<double>(ask.amounts.cpu);
  if (ask.amounts.memory > 0) score += static_cast<double>(node.free.memory) / static_cast<double>(ask.amounts.memory);
  return -score;
}

// The rules below look at cpu and memory only, as their originals do.
double unbalance(const Shares& s) {
  return std::fabs((s.free_cpu - s.ask_cpu) - (s.free_memory - s.ask_memory)) / 2;
}

double half_left(const Shares& s) { return (s.free_cpu - s.ask_cpu + s.free_memory - s.ask_memory) / 2; }

double binpack(const Shares& s) {
  constexpr double ten = 2.302585092994046;
  return std::exp(ten * (s.free_cpu - s.ask_cpu)) + std::exp(ten * (s.free_memory - s.ask_memory));
}

// splitmix64 (Steele, Lea, Flood 2014).
double drawn(std::uint64_t salt, std::uint32_t order) {
  std::uint64_t x = salt * 0x9E3779B97F4A7C15u + (std::uint64_t{order} + 1) * 0xD1B54A32D192ED03u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

// What stays free of the node's accelerators, in means of the fleet's nodes.
double devices_left(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  double free = 0;
  for (const std::uint16_t device : node.devices) free += device;
  const double asked = static_cast<double>(ask.devices) * static_cast<double>(ask.thousandths);
  return (free - asked) / 1000 * (demand.per_device() > 0 ? demand.per_device() : per(static_cast<std::int64_t>(node.devices.size())));
}

// Among nodes that lose about as much to fragments: the one with least accelerators left, and least cpu.
Offer tight_fragmentation_offer(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  Offer best = fragmentation_offer(ask, node, demand);
  const Shares s = fleet_shares(ask, node, demand);
  if (node.devices.empty()) best.cost += best_fit_share * left_over(s);
  else best.cost += best_fit_share * (devices_left(ask, node, demand) + best_fit_cpu * (s.free_cpu - s.ask_cpu));
  return best;
}

// The device with the least that is enough; rules that spread take the one with the most.
std::uint16_t device_for(const Ask& ask, const NodeSpace& node, FreeOrder order) {
  std::uint16_t best = no_device;
  for (std::size_t i = 0; i < node.devices.size(); ++i) {
    if (node.devices[i] < ask.thousandths) continue;
    const bool better = best == no_device || (order == FreeOrder::more_is_cheaper ? node.devices[i] > node.devices[best]
                                                                                  : node.devices[i] < node.devices[best]);
    if (better) best = static_cast<std::uint16_t>(i);
  }
  return best;
}

}  // namespace

std::string_view name(PlacementRule rule) { return names[static_cast<std::size_t>(rule)]; }

std::optional<PlacementRule> placement_rule(std::string_view wanted) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == wanted) return static_cast<PlacementRule>(i);
  }
  return std::nullopt;
}

double cost(PlacementRule rule, const Ask& ask, const NodeSpace& node, const Demand& demand) {
  switch (rule) {
    case PlacementRule::article: return article(ask, node);
    case PlacementRule::first_fit: return node.order;
    case PlacementRule::random_fit: return drawn(ask.salt, node.order);
    case PlacementRule::best_fit: return left_over(fleet_shares(ask, node, demand));
    case PlacementRule::worst_fit: return -left_over(fleet_shares(ask, node, demand));
    case PlacementRule::alignment: return alignment(shares(ask, node));
    case PlacementRule::dot_product: {
      const Shares s = fleet_shares(ask, node, demand);
      return -(s.free_cpu * s.ask_cpu + s.free_memory * s.ask_memory + s.free_disk * s.ask_disk);
    }
    case PlacementRule::kubernetes_least: return -half_left(shares(ask, node));
    case PlacementRule::kubernetes_balanced: return unbalance(shares(ask, node));
    case PlacementRule::kubernetes_default: {
      const Shares s = shares(ask, node);
      return unbalance(s) - half_left(s);
    }
    case PlacementRule::kubernetes_most: return half_left(shares(ask, node));
    case PlacementRule::nomad_binpack: return binpack(shares(ask, node));
    case PlacementRule::fragmentation: return fragmentation_growth(ask, node, demand);
    case PlacementRule::fragmentation_best_fit:
      return fragmentation_growth(ask, node, demand) + best_fit_share * left_over(fleet_shares(ask, node, demand));
    case PlacementRule::opportunity: {
      const Shares s = fleet_shares(ask, node, demand);
      if (!demand.knows_values()) return left_over(s);
      return demand.opportunity(ask, node) + demand.tightness() * left_over(s);
    }
  }
  return 0;
}

Offer offer(PlacementRule rule, const Ask& ask, const NodeSpace& node, const Demand& demand) {
  if (rule == PlacementRule::fragmentation) return fragmentation_offer(ask, node, demand);
  if (rule == PlacementRule::fragmentation_best_fit || (rule == PlacementRule::opportunity && !node.devices.empty())) {
    return tight_fragmentation_offer(ask, node, demand);
  }
  Offer result{cost(rule, ask, node, demand), no_device};
  const FreeOrder order = free_order(rule);
  if (ask.devices == 1 && ask.thousandths < 1000) result.device = device_for(ask, node, order);
  // What a node has of accelerators counts like its other resources, asked for or not: they are the dear ones.
  if (order == FreeOrder::less_is_cheaper && rule != PlacementRule::first_fit) result.cost += devices_left(ask, node, demand);
  if (order == FreeOrder::more_is_cheaper && rule != PlacementRule::article) result.cost -= devices_left(ask, node, demand);
  return result;
}

bool fits(const Ask& ask, const NodeSpace& node) {
  if (ask.amounts.cpu > node.free.cpu || ask.amounts.memory > node.free.memory || ask.amounts.disk > node.free.disk) return false;
  if (ask.devices == 0) return true;
  if (ask.models != 0 && (ask.models & node.model) == 0) return false;
  std::uint32_t enough = 0;
  for (const std::uint16_t device : node.devices) enough += device >= ask.thousandths ? 1 : 0;
  return enough >= ask.devices;
}

double shortage(const Ask& ask, const model::Resources& free) {
  const auto share = [](std::int64_t missing, std::int64_t asked) {
    return missing > 0 ? static_cast<double>(missing) / static_cast<double>(std::max<std::int64_t>(asked, 1)) : 0;
  };
  return share(ask.amounts.cpu - free.cpu, ask.amounts.cpu) + share(ask.amounts.memory - free.memory, ask.amounts.memory) +
         share(ask.amounts.disk - free.disk, ask.amounts.disk);
}

FreeOrder free_order(PlacementRule rule) {
  switch (rule) {
    case PlacementRule::best_fit:
    case PlacementRule::opportunity:
    case PlacementRule::kubernetes_most:
    case PlacementRule::nomad_binpack: return FreeOrder::less_is_cheaper;
    case PlacementRule::article:
    case PlacementRule::worst_fit:
    case PlacementRule::dot_product:
    case PlacementRule::kubernetes_least: return FreeOrder::more_is_cheaper;
    default: return FreeOrder::neither;
  }
}

}  // namespace selvedge::engine
