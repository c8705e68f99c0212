// StepGroups: the scale and zero point of every value in 8 bits. Values between which numbers are only
// moved share theirs, so that nothing is converted on the way; so do the parts of a Concat whose ranges
// are alike.

#pragma once

#include "engine/quantise/plan.h"
#include "engine/quantise/ranges.h"

namespace selvedge::engine::quantise {

class StepGroups {
 public:
  StepGroups(const View& view, const Plan& plan, std::span<const Statistics> seen, const Options& options);

  const Steps& steps(std::size_t tap) const { return steps_[group(tap)]; }
  const Range& range(std::size_t tap) const { return ranges_[group(tap)]; }
  std::optional<std::size_t> tap(std::string_view value) const;

 private:
  std::size_t group(std::size_t tap) const;
  void join(std::size_t one, std::size_t other);
  void join_moves(const View& view, const Plan& plan);
  void join_parts(const View& view, const Plan& plan);
  void fix_sigmoids(const View& view, const Plan& plan, const Options& options);

  std::unordered_map<std::string_view, std::size_t> taps_;
  std::vector<std::size_t> parents_;
  std::vector<Range> ranges_;
  std::vector<Steps> steps_;
};

}  // namespace selvedge::engine::quantise
