#include "placement/fleet.h"

#include <algorithm>

namespace selvedge::bench {

using engine::PlacementRule;

Node node(std::int64_t cpu, std::int64_t memory) {
  const model::Resources all{cpu, memory * mebibyte, 0};
  return {all, all, {}, 0};
}

engine::Ask ask(std::int64_t cpu, std::int64_t memory) { return {{cpu, memory * mebibyte, 0}, 0, 1000, 0, 0}; }

const std::vector<Contender>& contenders() {
  static const std::vector<Contender> all = {
      {"article", Kind::by_rule, PlacementRule::article, 0},
      {"one-try random", Kind::one_try, PlacementRule::random_fit, 0},
      {"random that fits", Kind::by_rule, PlacementRule::random_fit, 0},
      {"first fit", Kind::by_rule, PlacementRule::first_fit, 0},
      {"best fit", Kind::by_rule, PlacementRule::best_fit, 0},
      {"kubernetes default", Kind::by_rule, PlacementRule::kubernetes_default, 0},
      {"kubernetes most", Kind::by_rule, PlacementRule::kubernetes_most, 0},
      {"nomad binpack", Kind::by_rule, PlacementRule::nomad_binpack, 0},
      {"dot product", Kind::by_rule, PlacementRule::dot_product, 0},
      {"alignment", Kind::by_rule, PlacementRule::alignment, 0},
      {"FGD", Kind::by_rule, PlacementRule::fragmentation, 0},
      {"FGD + best fit", Kind::by_rule, PlacementRule::fragmentation_best_fit, 0},
      {"ours", Kind::by_rule, engine::default_placement_rule, 0},
      {"ours, 8 candidates", Kind::by_rule, engine::default_placement_rule, 8},
  };
  return all;
}

Fleet::Fleet(std::vector<Node> nodes, const Contender& contender, std::uint64_t seed)
    : nodes_(std::move(nodes)), contender_(contender), random_(seed) {
  for (const Node& node : nodes_) {
    demand_.add_node(node.capacity, node.devices.size());
    cpu_ += static_cast<double>(node.capacity.cpu);
    memory_ += static_cast<double>(node.capacity.memory);
  }
}

engine::NodeSpace Fleet::space(std::size_t i) const {
  const Node& node = nodes_[i];
  return {node.capacity, node.free, node.devices, node.model, static_cast<std::uint32_t>(i)};
}

double Fleet::use() const { return (used_cpu_ / cpu_ + used_memory_ / memory_) / 2; }

bool Fleet::place(const engine::Ask& wanted, Place& place) {
  engine::Ask ask = wanted;
  ask.salt = random_();
  demand_.add(ask);
  ++decisions_;
  const std::size_t count = allowed_.empty() ? nodes_.size() : allowed_.size();
  const auto nth = [&](std::size_t k) { return allowed_.empty() ? k : allowed_[k]; };
  place = {nodes_.size(), engine::no_device, 0};
  if (contender_.kind == Kind::one_try) {
    const std::size_t i = nth(static_cast<std::size_t>(ask.salt % count));
    if (!engine::fits(ask, space(i))) return false;
    place.node = i;
    place.device = engine::offer(contender_.rule, ask, space(i), demand_).device;
    take(ask, place);
    return true;
  }
  tight_.clear();
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = nth(k);
    if (!engine::fits(ask, space(i))) continue;
    tight_.emplace_back(contender_.candidates == 0 ? 0 : engine::offer(PlacementRule::best_fit, ask, space(i), demand_).cost, i);
  }
  if (contender_.candidates != 0 && tight_.size() > contender_.candidates) {
    std::nth_element(tight_.begin(), tight_.begin() + contender_.candidates, tight_.end());
    tight_.resize(contender_.candidates);
    std::sort(tight_.begin(), tight_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  }
  double best = 0;
  for (const auto& [tightness, i] : tight_) {
    const engine::Offer offer = engine::offer(contender_.rule, ask, space(i), demand_);
    if (place.node == nodes_.size() || offer.cost < best) {
      best = offer.cost;
      place = {i, offer.device, 0};
    }
  }
  if (place.node == nodes_.size()) return false;
  take(ask, place);
  return true;
}

void Fleet::take(const engine::Ask& ask, Place& place) {
  Node& node = nodes_[place.node];
  node.free = {node.free.cpu - ask.amounts.cpu, node.free.memory - ask.amounts.memory, node.free.disk - ask.amounts.disk};
  used_cpu_ += static_cast<double>(ask.amounts.cpu);
  used_memory_ += static_cast<double>(ask.amounts.memory);
  if (place.device != engine::no_device) {
    node.devices[place.device] = static_cast<std::uint16_t>(node.devices[place.device] - ask.thousandths);
    return;
  }
  std::uint32_t wanted = ask.devices;
  for (std::size_t i = 0; i < node.devices.size() && wanted > 0; ++i) {
    if (node.devices[i] < 1000) continue;
    node.devices[i] = 0;
    place.whole |= std::uint64_t{1} << i;
    --wanted;
  }
}

void Fleet::release(const engine::Ask& ask, const Place& place) {
  Node& node = nodes_[place.node];
  node.free = {node.free.cpu + ask.amounts.cpu, node.free.memory + ask.amounts.memory, node.free.disk + ask.amounts.disk};
  used_cpu_ -= static_cast<double>(ask.amounts.cpu);
  used_memory_ -= static_cast<double>(ask.amounts.memory);
  if (place.device != engine::no_device) {
    node.devices[place.device] = static_cast<std::uint16_t>(node.devices[place.device] + ask.thousandths);
  }
  for (std::size_t i = 0; i < node.devices.size(); ++i) {
    if ((place.whole >> i) & 1) node.devices[i] = 1000;
  }
}

}  // namespace selvedge::bench
