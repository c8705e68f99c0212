#include "engine/placement/explain.h"

#include <algorithm>

namespace selvedge::engine::placement {
namespace {

constexpr std::array<std::string_view, whys> names = {
    "not ready",        "held for a reservation", "constraint not met", "taint not tolerated",
    "too far",          "no such accelerator",    "a task it keeps apart from is there", "too little cpu",
    "too little memory", "too little disk",       "too few accelerators free", "fits"};

void weigh(const Fleet& fleet, ShapeId shape, NodeAnswer& answer) {
  const Ask& ask = fleet.shape(shape).ask;
  const NodeFacts& facts = fleet.facts(answer.node);
  answer.why = facts.state != NodeState::ready          ? WhyNot::state
               : facts.held                             ? WhyNot::held
               : !answer.constraints.empty()            ? WhyNot::constraint
               : !answer.taints.empty()                 ? WhyNot::taint
               : answer.latency                         ? WhyNot::latency
               : answer.model                           ? WhyNot::accelerator_model
               : answer.apart                           ? WhyNot::apart
               : answer.missing.cpu > 0                 ? WhyNot::cpu
               : answer.missing.memory > 0              ? WhyNot::memory
               : answer.missing.disk > 0                ? WhyNot::disk
               : answer.accelerators_missing > 0        ? WhyNot::accelerators
                                                        : WhyNot::nothing;
  const std::size_t others = (facts.state != NodeState::ready) + facts.held + answer.constraints.size() +
                             answer.taints.size() + answer.latency + answer.model + answer.apart;
  answer.distance = 10 * static_cast<double>(others) + shortage(ask, fleet.space(answer.node).free) +
                    answer.accelerators_missing / std::max<double>(ask.devices, 1);
}

}  // namespace

std::string_view name(WhyNot why) { return names[static_cast<std::size_t>(why)]; }

NodeAnswer explain_node(const Fleet& fleet, ShapeId shape, NodeId node, const Barred* barred) {
  CHECK(fleet.has_shape(shape) && fleet.knows(node));
  NodeAnswer answer;
  answer.node = node;
  const Ask& ask = fleet.shape(shape).ask;
  const ConstraintSet& set = fleet.set(fleet.shape(shape).set);
  const NodeFacts& facts = fleet.facts(node);
  for (std::uint32_t i = 0; i < set.constraints.size(); ++i)
    if (set.constraints[i].weight == 0 && !set.constraints[i].met(facts, fleet.names())) answer.constraints.push_back(i);
  for (const NameId taint : facts.taints)
    if (!std::binary_search(set.tolerations.begin(), set.tolerations.end(), taint))
      answer.taints.emplace_back(fleet.names().text(taint));
  if (set.latency_limit_ms > 0 && facts.site != set.near) {
    const Link* link = find_link(fleet.links(), facts.site, set.near);
    answer.latency = !link || link->latency_ms > set.latency_limit_ms;
  }
  const NodeSpace space = fleet.space(node);
  answer.model = ask.devices > 0 && ask.models != 0 && (ask.models & space.model) == 0;
  answer.apart = barred && barred->has(node);
  answer.missing = {std::max<std::int64_t>(0, ask.amounts.cpu - space.free.cpu),
                    std::max<std::int64_t>(0, ask.amounts.memory - space.free.memory),
                    std::max<std::int64_t>(0, ask.amounts.disk - space.free.disk)};
  std::uint32_t enough = 0;
  for (const std::uint16_t device : space.devices) enough += device >= ask.thousandths;
  answer.accelerators_missing = ask.devices > enough ? ask.devices - enough : 0;
  weigh(fleet, shape, answer);
  return answer;
}

Explanation explain(const Fleet& fleet, ShapeId shape, std::size_t closest, const Barred* barred) {
  closest = std::min<std::size_t>(closest, 1'000);
  Explanation all;
  all.unmet.resize(fleet.set(fleet.shape(shape).set).constraints.size());
  const auto nearer = [](const NodeAnswer& a, const NodeAnswer& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.node < b.node;
  };
  for (NodeId node = 0; node < fleet.node_numbers(); ++node) {
    if (!fleet.knows(node)) continue;
    ++all.nodes;
    NodeAnswer answer = explain_node(fleet, shape, node, barred);
    ++all.counts[static_cast<std::size_t>(answer.why)];
    for (const std::uint32_t constraint : answer.constraints) ++all.unmet[constraint];
    if (answer.why >= WhyNot::cpu) {
      const model::Resources free = fleet.space(node).free;
      all.most_free = {std::max(all.most_free.cpu, free.cpu), std::max(all.most_free.memory, free.memory),
                       std::max(all.most_free.disk, free.disk)};
    }
    if (answer.why == WhyNot::nothing) {
      ++all.fit;
      continue;
    }
    // A heap whose top is the farthest of those kept.
    all.closest.push_back(std::move(answer));
    std::push_heap(all.closest.begin(), all.closest.end(), nearer);
    if (all.closest.size() > closest) {
      std::pop_heap(all.closest.begin(), all.closest.end(), nearer);
      all.closest.pop_back();
    }
  }
  std::sort_heap(all.closest.begin(), all.closest.end(), nearer);
  return all;
}

std::string to_text(const Fleet& fleet, ShapeId shape, const NodeAnswer& answer) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  const NodeFacts& facts = fleet.facts(answer.node);
  static constexpr std::array<const char*, node_states> states = {"ready", "cordoned", "draining", "silent", "gone"};
  if (facts.state != NodeState::ready) add(states[static_cast<std::size_t>(facts.state)]);
  if (facts.held) add(std::string(name(WhyNot::held)));
  for (const std::uint32_t i : answer.constraints) add("constraint on '" + fleet.spec(shape).constraints[i].label + "' not met");
  for (const std::string& taint : answer.taints) add("taint '" + taint + "' not tolerated");
  if (answer.latency) add("too far from site '" + fleet.spec(shape).near + "'");
  if (answer.model) add("no accelerator of model '" + fleet.spec(shape).accelerators.model + "'");
  if (answer.apart) add(std::string(name(WhyNot::apart)));
  if (answer.missing.cpu > 0) add(std::to_string(answer.missing.cpu) + " thousandths of cpu missing");
  if (answer.missing.memory > 0) add(std::to_string(answer.missing.memory) + " bytes of memory missing");
  if (answer.missing.disk > 0) add(std::to_string(answer.missing.disk) + " bytes of disk missing");
  if (answer.accelerators_missing > 0) add(std::to_string(answer.accelerators_missing) + " accelerators missing");
  if (text.empty()) text = "fits";
  return "node '" + facts.spec.name + "': " + text;
}

std::string to_text(const Explanation& all) {
  std::string text = std::to_string(all.fit) + " of " + std::to_string(all.nodes) + " nodes";
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i + 1 < whys; ++i)
    if (all.counts[i] > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return all.counts[a] > all.counts[b]; });
  for (const std::size_t i : order)
    text += (i == order.front() ? ": " : ", ") + std::to_string(all.counts[i]) + " " + std::string(names[i]);
  return text;
}

}  // namespace selvedge::engine::placement
