// Placer: decides where tasks go, and puts them there: one, a batch, a gang, one that displaces others.
//
// A task goes where the rule in force finds it cheapest (index.h), within its group's wishes: apart from the nodes of
// the groups that it names (each group says so for itself), and spread: on a value of the label with the fewest members
// that has a node which fits, so that one value gets a second member only when no other can take one. A gang is placed
// whole or leaves no trace: it holds nothing while it waits, so rival gangs cannot block each other. Equal members are
// placed whenever they can be; different ones biggest first, which is no proof that no other way would do.
//
// What stands in the way of a task that was not placed `explain` says: it looks at every node, so only for who asks.
// Belongs to the fleet's thread.

#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "engine/placement/explain.h"
#include "engine/placement/fleet.h"
#include "engine/placement/index.h"
#include "engine/placement/preempt.h"

namespace selvedge::engine::placement {

struct Want {
  ShapeId shape = none;
  TaskNote note;
};
struct Placed {
  TaskId task = none;
  NodeId node = none;
};
struct Displaced {
  Placed placed;
  std::vector<TaskNote> victims;           // their tags are the caller's; they are released
};

class Placer {
 public:
  static constexpr std::size_t most_batch = 4'096;

  explicit Placer(Fleet& fleet, PlacementRule rule = default_placement_rule, IndexSettings settings = {})
      : fleet_(&fleet), index_(fleet, settings), rule_(rule) {}

  PlacementRule rule() const { return rule_; }
  void use(PlacementRule rule) { rule_ = rule; }
  const Index& index() const { return index_; }

  // Code::exhausted if no node fits.
  base::Result<Placed> place(const Want& want);
  // Where it would go now; none if nowhere.
  Found look(const Want& want);
  // The biggest first, by their largest share of the fleet; answers in the order of `wants`, at most `most_batch`.
  std::vector<base::Result<Placed>> place_batch(std::span<const Want> wants);
  // All or none; at most Limits::members.
  base::Result<std::vector<Placed>> place_gang(std::span<const Want> wants);
  // Places it, if needs be by displacing tasks of lower priority as cheaply as possible (preempt.h).
  base::Result<Displaced> place_or_displace(const Want& want, const PreemptSettings& settings = {});
  Explanation explain(const Want& want, std::size_t closest = 10);

 private:
  struct SpreadValues {                    // of one label
    std::uint64_t layout = 0;              // of the fleet when they were gathered
    std::vector<NameId> values;            // in order of their first nodes
    std::unordered_map<NameId, NodeMask> nodes;
  };

  base::Result<void> check(const Want& want) const;
  void bar(GroupId group);
  Found find(const Want& want, std::uint64_t salt);
  Found spread_over_nodes(Query query, GroupId group);
  Found spread_over_values(Query query, GroupId group);
  base::Result<Placed> put(const Want& want, std::uint64_t salt);
  std::vector<std::size_t> biggest_first(std::span<const Want> wants) const;

  Fleet* fleet_;
  Index index_;
  PlacementRule rule_;
  Barred barred_;
  std::unordered_map<NameId, SpreadValues> spreads_;
};

}  // namespace selvedge::engine::placement
