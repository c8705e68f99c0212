#include "engine/quantise/step_groups.h"

#include <algorithm>

namespace selvedge::engine::quantise {
namespace {

// A part of a Concat takes its range from the whole when that costs it less than a bit.
constexpr float alike = 0.5F;

}  // namespace

StepGroups::StepGroups(const View& view, const Plan& plan, std::span<const Statistics> seen, const Options& options) {
  for (std::size_t t = 0; t < plan.taps.size(); ++t) {
    taps_.emplace(plan.taps[t].value, t);
    parents_.push_back(t);
    ranges_.push_back(with_bounds(choose_range(seen[t], options.range), plan.taps[t]));
  }
  join_moves(view, plan);
  join_parts(view, plan);
  for (const Range& range : ranges_) steps_.push_back(steps_for(range, options));
  fix_sigmoids(view, plan, options);
}

std::optional<std::size_t> StepGroups::tap(std::string_view value) const {
  const auto found = taps_.find(value);
  if (found == taps_.end()) return std::nullopt;
  return found->second;
}

std::size_t StepGroups::group(std::size_t tap) const {
  while (parents_[tap] != tap) tap = parents_[tap];
  return tap;
}

void StepGroups::join(std::size_t one, std::size_t other) {
  one = group(one);
  other = group(other);
  if (one == other) return;
  ranges_[one].include(ranges_[other]);
  parents_[other] = one;
}

void StepGroups::join_moves(const View& view, const Plan& plan) {
  for (std::size_t n = 0; n < plan.kinds.size(); ++n) {
    if (plan.kinds[n] != Kind::moves) continue;
    const Node& node = view.graph().nodes[n];
    const auto from = tap(node.inputs[0]);
    for (const std::string& output : node.outputs)
      if (const auto to = tap(output); from && to) join(*from, *to);
  }
}

void StepGroups::join_parts(const View& view, const Plan& plan) {
  for (std::size_t n = 0; n < plan.kinds.size(); ++n) {
    const Node& node = view.graph().nodes[n];
    if (plan.kinds[n] != Kind::computes || !is(node, "Concat")) continue;
    const auto whole = tap(result_of(view, plan, n));
    if (!whole) continue;
    for (const std::string& input : node.inputs)
      if (const auto part = tap(input)) ranges_[group(*whole)].include(ranges_[group(*part)]);
    const auto width = [&](std::size_t at) { return ranges_[group(at)].greatest - ranges_[group(at)].least; };
    for (const std::string& input : node.inputs)
      if (const auto part = tap(input); part && width(*part) >= alike * width(*whole)) join(*whole, *part);
  }
}

// Between 0 and 1, whatever was seen.
void StepGroups::fix_sigmoids(const View& view, const Plan& plan, const Options& options) {
  for (std::size_t n = 0; n < plan.kinds.size(); ++n) {
    if (plan.kinds[n] != Kind::computes || !is(view.graph().nodes[n], "Sigmoid")) continue;
    if (const auto made = tap(view.graph().nodes[n].outputs[0]))
      steps_[group(*made)] = {1.0F / 256, is_unsigned(options.target) ? 0 : -128};
  }
}

}  // namespace selvedge::engine::quantise
