// Absences: what becomes of the tasks of nodes that are silent, by their disconnect policies, and when.
//
//   keep      stays the node's for as long as the node may live: never replaced
//   replace   the node stops it `after` its last contact, and from then on, and not before, it may run elsewhere
//   stop      the node stops it `after` its last contact; it is over, and nothing replaces it
//
// Whatever the policy, tasks of a node that is gone for good may be replaced at once, but for those that had already
// stopped. A node that is heard of again before a time has come changes nothing. The caller keeps a little more than
// `after` for clocks that differ (`slack`). Bounded by the fleet's tasks; belongs to the fleet's thread.

#pragma once

#include <unordered_map>
#include <vector>

#include "engine/placement/fleet.h"

namespace selvedge::engine::placement {

struct Absent {
  enum class What : std::uint8_t { replace, over } what{};
  TaskId task = none;
  NodeId node = none;
  std::int64_t due = 0;
};

class Absences {
 public:
  explicit Absences(Fleet& fleet, base::Duration slack = {}) : fleet_(&fleet), slack_(slack.count()) {}

  // Last contact was at `since` (nanoseconds, as all times here): the node is silent from now on.
  base::Result<void> silent(NodeId node, std::int64_t since);
  // It is back, in the state in which it fell silent (ready if that was in another life): what was not due stays.
  base::Result<void> heard(NodeId node);
  // For good.
  base::Result<void> gone(NodeId node);
  // At most `most` whose time has come, the earliest first; each is told once, and the caller releases and replaces
  // them. Tasks released meanwhile are left out.
  std::vector<Absent> due(std::int64_t now, std::size_t most = 1'000);
  // When the next is due; endless if none is.
  std::int64_t next() const;

 private:
  struct Silence {
    std::uint64_t number = 0;              // of this silence of the node
    NodeState before{};
  };
  struct Entry {
    std::int64_t due = 0;
    TaskId task = none;
    NodeId node = none;
    std::uint64_t silence = 0, tag = 0;
    Absent::What what{};
  };
  static bool later(const Entry& a, const Entry& b) { return a.due != b.due ? a.due > b.due : a.task > b.task; }
  NodeState state_of(NodeId node) const;
  bool holds(const Entry& entry) const;
  void push(const Entry& entry);
  void forget_stale();

  Fleet* fleet_;
  std::int64_t slack_;
  std::unordered_map<NodeId, Silence> silences_;
  std::vector<Entry> heap_;
  std::uint64_t last_ = 0;
};

}  // namespace selvedge::engine::placement
