#include "engine/placement/rule_picker.h"

#include <algorithm>
#include <limits>

namespace selvedge::engine::placement {

RulePicker::RulePicker(PickerSettings settings) : settings_(std::move(settings)) {
  CHECK(!settings_.rules.empty() && settings_.window >= 8 && settings_.nodes > 0);
}

void RulePicker::saw(const Ask& ask) {
  if (ring_.size() < settings_.window) {
    ring_.push_back(ask);
    return;
  }
  ring_[next_] = ask;
  next_ = (next_ + 1) % ring_.size();
}

void RulePicker::add(Sums& sums, const Ask& ask) {
  sums.cpu += static_cast<double>(ask.amounts.cpu);
  sums.memory += static_cast<double>(ask.amounts.memory);
  sums.disk += static_cast<double>(ask.amounts.disk);
  sums.accelerators += static_cast<double>(ask.devices) * static_cast<double>(ask.thousandths);
}

void RulePicker::begin_round(const Fleet& fleet) {
  asks_.assign(ring_.begin() + static_cast<std::ptrdiff_t>(next_), ring_.end());
  asks_.insert(asks_.end(), ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(next_));
  demand_ = {};
  // Evenly from those that take tasks.
  std::vector<NodeId> ready;
  for (NodeId node = 0; node < fleet.node_numbers(); ++node)
    if (fleet.grid().room(node).takes) ready.push_back(node);
  sample_.clear();
  capacity_ = {};
  const std::size_t count = std::min(ready.size(), settings_.nodes);
  for (std::size_t i = 0; i < count; ++i) {
    Node node;
    node.space = fleet.space(ready[i * ready.size() / count]);
    node.space.free = node.space.capacity;
    node.space.order = static_cast<std::uint32_t>(i);
    node.count = node.space.devices.size();
    node.devices.fill(1000);
    capacity_.cpu += static_cast<double>(node.space.capacity.cpu);
    capacity_.memory += static_cast<double>(node.space.capacity.memory);
    capacity_.disk += static_cast<double>(node.space.capacity.disk);
    capacity_.accelerators += 1000 * static_cast<double>(node.count);
    demand_.add_node(node.space.capacity, node.count);
    sample_.push_back(node);
  }
  for (const Ask& ask : asks_) demand_.add(ask);
  found_.clear();
  rule_ = 0;
  running_ = count > 0;
  begin_rule();
}

void RulePicker::begin_rule() {
  nodes_ = sample_;
  offered_ = used_ = {};
  at_ = 0;
}

void RulePicker::place(const Ask& ask) {
  Ask drawn = ask;
  drawn.salt = at_;
  Node* best = nullptr;
  Offer offer{std::numeric_limits<double>::infinity(), no_device};
  for (Node& node : nodes_) {
    node.space.devices = std::span(node.devices).first(node.count);
    if (!fits(ask, node.space)) continue;
    const Offer one = engine::offer(settings_.rules[rule_], drawn, node.space, demand_);
    if (best && one.cost >= offer.cost) continue;
    best = &node;
    offer = one;
  }
  if (!best) return;
  best->space.free.cpu -= ask.amounts.cpu;
  best->space.free.memory -= ask.amounts.memory;
  best->space.free.disk -= ask.amounts.disk;
  std::uint32_t left = ask.devices;
  for (std::size_t i = 0; i < best->count && left > 0; ++i) {
    const bool chosen = offer.device == no_device || ask.devices > 1 || offer.device == i;
    if (!chosen || best->devices[i] < ask.thousandths) continue;
    best->devices[i] = static_cast<std::uint16_t>(best->devices[i] - ask.thousandths);
    --left;
  }
  add(used_, ask);
}

// Of the resources that were asked for.
double RulePicker::score() const {
  double sum = 0;
  int count = 0;
  const auto part = [&](double used, double offered, double capacity) {
    if (offered <= 0 || capacity <= 0) return;
    sum += used / capacity;
    ++count;
  };
  part(used_.cpu, offered_.cpu, capacity_.cpu);
  part(used_.memory, offered_.memory, capacity_.memory);
  part(used_.disk, offered_.disk, capacity_.disk);
  part(used_.accelerators, offered_.accelerators, capacity_.accelerators);
  return count ? sum / count : 0;
}

bool RulePicker::step(const Fleet& fleet, std::uint32_t budget) {
  if (!running_) {
    if (ring_.size() < std::max<std::size_t>(settings_.window / 8, 1)) return false;
    begin_round(fleet);
    if (!running_) return false;
  }
  // Asks of nothing would never add up.
  const std::size_t most = asks_.size() * 64;
  for (; budget > 0; --budget) {
    const Ask& ask = asks_[at_ % asks_.size()];
    add(offered_, ask);
    place(ask);
    ++at_;
    const auto reached = [&](double offered, double capacity) { return capacity > 0 && offered >= settings_.offered * capacity; };
    const bool full = reached(offered_.cpu, capacity_.cpu) || reached(offered_.memory, capacity_.memory) ||
                      reached(offered_.disk, capacity_.disk) || reached(offered_.accelerators, capacity_.accelerators);
    if (!full && at_ < most) continue;
    found_.push_back(score());
    if (++rule_ < settings_.rules.size()) {
      begin_rule();
      continue;
    }
    running_ = false;
    scores_ = found_;
    ++rounds_;
    const auto best = static_cast<std::size_t>(std::max_element(scores_.begin(), scores_.end()) - scores_.begin());
    if (scores_[best] > scores_[chosen_] + settings_.margin) chosen_ = best;
    return true;
  }
  return false;
}

}  // namespace selvedge::engine::placement
