// RulePicker: which rule suits the tasks of late, found out by replaying them.
//
// It keeps the last `window` asks. A round takes a sample of the fleet's nodes, empty, and offers the asks to it, in
// their order and over again, until they add up to `offered` times what the sample can hold; so once for each rule. A
// rule's score is how much of the sample is in use then: the mean, over the resources that were asked for, of their share
// in use. The rule in force changes only for one that is better by `margin`, so that it does not flap. `step` does at
// most `budget` placements, each of which looks at the sample's nodes once (some microseconds), and can be called when
// there is nothing else to do; the first of a round also learns from the asks (Demand: about 10 ms, more for nodes of many
// sizes). The same asks and steps give the same rules. Belongs to one thread.

#pragma once

#include <array>
#include <optional>
#include <vector>

#include "engine/placement/demand.h"
#include "engine/placement/fleet.h"

namespace selvedge::engine::placement {

struct PickerSettings {
  std::vector<PlacementRule> rules = {default_placement_rule, PlacementRule::best_fit, PlacementRule::fragmentation_best_fit,
                                      PlacementRule::alignment};
  std::size_t window = 1'024;
  std::size_t nodes = 64;
  double offered = 1.0;
  double margin = 0.005;
};

class RulePicker {
 public:
  // Of the rules the first is in force until others have shown to be better.
  explicit RulePicker(PickerSettings settings = {});

  void saw(const Ask& ask);
  // True if a round is over and `rule` and `scores` are new. Does nothing before there are `window` / 8 asks.
  bool step(const Fleet& fleet, std::uint32_t budget);

  PlacementRule rule() const { return settings_.rules[chosen_]; }
  const std::vector<PlacementRule>& rules() const { return settings_.rules; }
  const std::vector<double>& scores() const { return scores_; }      // of the last round; empty before
  std::uint64_t rounds() const { return rounds_; }

 private:
  struct Node {
    NodeSpace space;
    std::array<std::uint16_t, Limits::devices> devices{};
    std::size_t count = 0;
  };
  struct Sums {
    double cpu = 0, memory = 0, disk = 0, accelerators = 0;
  };

  void begin_round(const Fleet& fleet);
  void begin_rule();
  void place(const Ask& ask);
  double score() const;
  static void add(Sums& sums, const Ask& ask);

  PickerSettings settings_;
  std::size_t chosen_ = 0;
  std::vector<Ask> ring_;
  std::size_t next_ = 0;                   // in the ring

  bool running_ = false;
  std::vector<Node> sample_, nodes_;
  std::vector<Ask> asks_;
  Demand demand_;
  Sums capacity_, offered_, used_;
  std::size_t rule_ = 0, at_ = 0;
  std::vector<double> found_, scores_;
  std::uint64_t rounds_ = 0;
};

}  // namespace selvedge::engine::placement
