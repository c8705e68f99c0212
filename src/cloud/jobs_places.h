// JobPlaces: where members of jobs go: the placement fleet as the cloud's jobs see it, and what tenants may have.
//
// Nodes are known by name, rooms by node and member. A room is taken when a place is answered, or held for what was
// found running at a start, and free again with release(). What was found and does not fit any more holds no room of
// the fleet, but counts for its tenant. Belongs to the loop thread; bounds are those of engine/placement.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/jobs/job_book.h"
#include "engine/placement/placer.h"
#include "engine/placement/rule_picker.h"

namespace selvedge::cloud {

struct TenantQuota {
  double weight = 1;                       // of its share of the fleet, when there is too little for all
  model::Resources most;                   // 0: no bound
  std::uint32_t tasks = 0;
};

struct PlaceSettings {
  engine::PlacementRule rule = engine::default_placement_rule;
  bool pick_rule = false;                  // begins with `rule`, and takes the one that fills best by replays of what was asked
  std::map<std::string, TenantQuota> tenants;
};

class JobPlaces {
 public:
  explicit JobPlaces(PlaceSettings settings);

  // New, or changed: true if so. Code::invalid_input if what it says of itself is out of bounds, Code::exhausted if there
  // are too many.
  base::Result<bool> set_node(const engine::placement::NodeSpec& spec);
  bool set_state(const std::string& node, engine::placement::NodeState state);
  // A node whose twin has no room gets no new tasks.
  void set_full(const std::string& node, bool full);
  bool knows(const std::string& node) const { return nodes_.contains(node); }

  // A node for each member of the ask, in its order. All or none.
  base::Result<std::vector<std::string>> place(const engine::AskPlace& ask);
  // What would have to go so that it fits, all of a gang together: members of lower priority; empty if nothing would do.
  std::vector<engine::MemberKey> to_displace(const engine::AskPlace& ask);
  struct Held {
    engine::MemberKey member;
    std::string node, tenant;
    model::TaskGroup group;                // as it runs
  };
  void hold(const Held& held);
  struct RoomSize {
    model::Resources resources;
    model::AcceleratorAsk accelerators;
  };
  std::optional<RoomSize> room(const engine::MemberKey& member, const std::string& node) const;
  // False if there was no such room.
  bool release(const engine::MemberKey& member, const std::string& node);

  struct WhyNode {
    std::string node, why;
    bool fits = false;
  };
  struct Why {
    std::uint32_t nodes = 0, fit = 0;
    std::string summary;                   // "0 of 3 nodes: 2 too little memory, 1 not ready"
    std::string quota;                     // what the tenant is over; "" nothing
    std::vector<std::pair<std::string, std::uint32_t>> reasons;
    std::vector<WhyNode> closest;
  };
  base::Result<Why> explain(const std::string& job, const model::TaskGroup& group, const std::string& tenant,
                            std::size_t closest);
  // How many more members of a group would find a place now, up to `count`. Changes nothing.
  base::Result<std::uint32_t> would_fit(const model::TaskGroup& group, const std::string& tenant, std::uint32_t count);

  // Of the fleet, the largest of any resource, by its weight.
  double share(const std::string& tenant) const;

  engine::PlacementRule rule() const { return placer_.rule(); }
  // For replays; what waits counts as often as it asks, and any model of accelerators will do.
  void saw(const engine::AskPlace& ask);
  // A round of replays is due, or under way; some of it. True if another rule is in force.
  bool has_to_learn() const { return settings_.pick_rule && asks_since_ >= asks_a_round; }
  bool learn(std::uint32_t placements);

  struct Usage {
    model::Resources resources;
    std::int64_t accelerators = 0;         // thousandths
    std::uint32_t tasks = 0;
  };
  const std::map<std::string, Usage>& usage() const { return usage_; }
  const engine::placement::Fleet& fleet() const { return fleet_; }

 private:
  struct Group {
    engine::placement::GroupId id = engine::placement::none;
    engine::placement::GroupSpec spec;
    std::uint32_t rooms = 0;
  };
  struct Room {
    engine::placement::TaskId task = engine::placement::none;
    engine::placement::GroupId group = engine::placement::none;
    std::string tenant;
    model::Resources resources;
    model::AcceleratorAsk accelerators;
  };
  using RoomKey = std::pair<std::string, engine::MemberKey>;   // node, member

  std::optional<std::string> over_quota(const std::string& tenant, const model::Resources& each, std::uint32_t count) const;
  base::Result<engine::placement::GroupId> group_of(const std::string& job, const model::TaskGroup& group);
  void drop_if_empty(engine::placement::GroupId group);
  void keep(RoomKey key, Room room);
  bool find_victims(const engine::AskPlace& ask, engine::placement::ShapeId shape, engine::placement::GroupId group,
                    std::vector<engine::placement::TaskId>& victims);

  static constexpr std::size_t asks_a_round = 256, steps_a_round = 1'000;

  PlaceSettings settings_;
  engine::placement::Fleet fleet_;
  engine::placement::Placer placer_;
  engine::placement::RulePicker picker_;
  std::size_t asks_since_ = 0, steps_ = 0; // since the last round
  std::unordered_map<std::string, engine::placement::NodeId> nodes_;
  std::map<engine::placement::GroupId, Group> groups_;
  std::map<std::pair<std::string, std::string>, engine::placement::GroupId> current_groups_;   // job, group
  std::map<RoomKey, Room> rooms_;
  std::unordered_map<std::uint64_t, RoomKey> tags_;
  std::uint64_t last_tag_ = 0;
  std::map<std::string, Usage> usage_;
};

}  // namespace selvedge::cloud
