#include "placement/fleet.h"

#include <algorithm>
#include <bit>

#include "engine/placement/moves.h"

namespace selvedge::bench {

using engine::PlacementRule;

Node node(std::int64_t cpu, std::int64_t memory) {
  const model::Resources all{cpu, memory * mebibyte, 0};
  return {all, all, {}, 0};
}

engine::Ask ask(std::int64_t cpu, std::int64_t memory) { return {{cpu, memory * mebibyte, 0}, 0, 1000, 0, 0}; }

namespace {

std::vector<Contender>& all_contenders() {
  static std::vector<Contender> all = {
      {"article", Kind::by_rule, PlacementRule::article},
      {"one-try random", Kind::one_try, PlacementRule::random_fit},
      {"random that fits", Kind::by_rule, PlacementRule::random_fit},
      {"first fit", Kind::by_rule, PlacementRule::first_fit},
      {"best fit", Kind::by_rule, PlacementRule::best_fit},
      {"kubernetes default", Kind::by_rule, PlacementRule::kubernetes_default},
      {"kubernetes most", Kind::by_rule, PlacementRule::kubernetes_most},
      {"nomad binpack", Kind::by_rule, PlacementRule::nomad_binpack},
      {"dot product", Kind::by_rule, PlacementRule::dot_product},
      {"alignment", Kind::by_rule, PlacementRule::alignment},
      {"FGD", Kind::by_rule, PlacementRule::fragmentation},
      {"FGD + best fit", Kind::by_rule, PlacementRule::fragmentation_best_fit},
      {"ours, every node", Kind::by_rule, engine::default_placement_rule},
      {"ours", Kind::placer, engine::default_placement_rule},
  };
  return all;
}

}  // namespace

const std::vector<Contender>& contenders() { return all_contenders(); }

void choose_contenders(const std::string& text) {
  std::erase_if(all_contenders(), [&](const Contender& contender) {
    return contender.name.find("random") == std::string::npos && contender.name.find(text) == std::string::npos;
  });
}

Fleet::Fleet(std::vector<Node> nodes, const Contender& contender, std::uint64_t seed)
    : nodes_(std::move(nodes)), contender_(contender), random_(seed) {
  if (contender_.kind == Kind::placer) {
    engine_ = std::make_unique<Engine>();
    engine_->placer.use(contender_.rule);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (engine_) {
      // A task that may have one of several models has a constraint on a label: an ask names one at most.
      const std::string model = std::to_string(node.model);
      CHECK(engine_->fleet.add_node({.name = std::to_string(i), .capacity = node.capacity,
                                     .devices = static_cast<std::uint32_t>(node.devices.size()), .model = model, .labels = {{"model", model}}}));
    } else {
      demand_.add_node(node.capacity, node.devices.size());
    }
    cpu_ += static_cast<double>(node.capacity.cpu);
    memory_ += static_cast<double>(node.capacity.memory);
  }
}

engine::placement::ShapeId Fleet::shape(const engine::Ask& ask) {
  const auto [at, is_new] = engine_->shapes.try_emplace(
      {ask.amounts.cpu, ask.amounts.memory, ask.amounts.disk, ask.devices, ask.thousandths, ask.models}, engine::placement::none);
  if (!is_new) return at->second;
  engine::placement::ShapeSpec spec;
  spec.resources = ask.amounts;
  spec.accelerators = {ask.devices, ask.thousandths, std::has_single_bit(ask.models) ? std::to_string(ask.models) : ""};
  if (ask.models != 0 && spec.accelerators.model.empty()) {
    model::Constraint one_of{.label = "model", .is = model::Constraint::Is::one_of, .values = {}};
    for (std::uint64_t left = ask.models; left; left &= left - 1) one_of.values.push_back(std::to_string(left & ~(left - 1)));
    spec.constraints.push_back(one_of);
  }
  const auto known = engine_->fleet.add_shape(spec);
  CHECK(known);
  return at->second = *known;
}

void Fleet::sync(std::size_t i) {
  const engine::NodeSpace space = engine_->fleet.space(static_cast<engine::placement::NodeId>(i));
  nodes_[i].free = space.free;
  nodes_[i].devices.assign(space.devices.begin(), space.devices.end());
}

bool Fleet::place_by_engine(const engine::Ask& ask, Place& place) {
  using namespace engine::placement;
  const ShapeId wanted = shape(ask);
  place = {nodes_.size(), engine::no_device, 0, none};
  if (allowed_.empty()) {
    const auto placed = engine_->placer.place({wanted, {}});
    if (!placed) return false;
    place.node = placed->node;
    place.task = placed->task;
  } else {                                          // what a mask of one constraint would be
    NodeMask mask;
    for (const std::size_t i : allowed_) mask.set(static_cast<NodeId>(i), true);
    engine_->fleet.asked(wanted);
    const Found found = engine_->placer.index().find({.shape = wanted, .rule = contender_.rule, .within = &mask});
    if (found.node == none) return false;
    place.node = found.node;
    place.task = *engine_->fleet.commit(wanted, found.node, {}, found.offer.device);
  }
  used_cpu_ += static_cast<double>(ask.amounts.cpu);
  used_memory_ += static_cast<double>(ask.amounts.memory);
  sync(place.node);
  return true;
}

engine::NodeSpace Fleet::space(std::size_t i) const {
  const Node& node = nodes_[i];
  return {node.capacity, node.free, node.devices, node.model, static_cast<std::uint32_t>(i)};
}

double Fleet::use() const { return (used_cpu_ / cpu_ + used_memory_ / memory_) / 2; }

void Fleet::place_all(const std::vector<engine::Ask>& tasks, const Together& together) {
  using namespace engine::placement;
  CHECK(engine_);
  auto budget = static_cast<std::uint32_t>(together.moves * static_cast<double>(tasks.size()));
  for (std::size_t from = 0; from < tasks.size(); from += together.batch) {
    const std::size_t count = std::min(together.batch, tasks.size() - from);
    std::vector<Want> wants;
    for (std::size_t i = 0; i < count; ++i) wants.push_back({shape(tasks[from + i]), {}});
    const auto answers = engine_->placer.place_batch(wants);
    for (std::size_t i = 0; i < count; ++i) {
      bool placed = answers[i].has_value();
      if (!placed && budget > 0) {
        const auto plan = moves_to_fit(engine_->fleet, engine_->placer, wants[i].shape, {.most = std::min(budget, 4U)});
        for (std::size_t k = 0; plan && k < plan->moves.size(); ++k, --budget) CHECK(make(engine_->fleet, plan->moves[k]));
        placed = plan && engine_->fleet.commit(wants[i].shape, plan->node, {}).has_value();
      }
      if (!placed) continue;
      used_cpu_ += static_cast<double>(tasks[from + i].amounts.cpu);
      used_memory_ += static_cast<double>(tasks[from + i].amounts.memory);
    }
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) sync(i);
}

bool Fleet::place(const engine::Ask& wanted, Place& place) {
  if (engine_) return place_by_engine(wanted, place);
  engine::Ask ask = wanted;
  ask.salt = random_();
  demand_.add(ask);
  const std::size_t count = allowed_.empty() ? nodes_.size() : allowed_.size();
  const auto nth = [&](std::size_t k) { return allowed_.empty() ? k : allowed_[k]; };
  place = {nodes_.size(), engine::no_device, 0, engine::placement::none};
  if (contender_.kind == Kind::one_try) {
    const std::size_t i = nth(static_cast<std::size_t>(ask.salt % count));
    if (!engine::fits(ask, space(i))) return false;
    place.node = i;
    place.device = engine::offer(contender_.rule, ask, space(i), demand_).device;
    take(ask, place);
    return true;
  }
  double best = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = nth(k);
    if (!engine::fits(ask, space(i))) continue;
    const engine::Offer offer = engine::offer(contender_.rule, ask, space(i), demand_);
    if (place.node == nodes_.size() || offer.cost < best) {
      best = offer.cost;
      place.node = i;
      place.device = offer.device;
    }
  }
  if (place.node == nodes_.size()) return false;
  take(ask, place);
  return true;
}

void Fleet::take(const engine::Ask& ask, Place& place) {
  if (engine_) {
    place.task = *engine_->fleet.commit(shape(ask), static_cast<engine::placement::NodeId>(place.node), {});
    used_cpu_ += static_cast<double>(ask.amounts.cpu);
    used_memory_ += static_cast<double>(ask.amounts.memory);
    sync(place.node);
    return;
  }
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
  if (engine_) {
    base::ignore(engine_->fleet.release(place.task), "it runs");
    used_cpu_ -= static_cast<double>(ask.amounts.cpu);
    used_memory_ -= static_cast<double>(ask.amounts.memory);
    sync(place.node);
    return;
  }
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
