// Specs: what a caller says of a node, of tasks of one kind and of a group of tasks. Values only; `check` says what is
// wrong with one, so that what the fleet keeps is within Limits.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/placement/limits.h"
#include "model/resources.h"
#include "model/task.h"

namespace selvedge::engine::placement {

enum class NodeState : std::uint8_t {
  ready,
  cordoned,                                // keeps its tasks, gets no new ones
  draining,                                // gets no new ones, and its tasks are to move
  silent,                                  // not heard of; its tasks' disconnect policies hold
  gone,                                    // for good; its tasks may be replaced at once
};
inline constexpr std::uint8_t node_states = 5;

struct NodeSpec {
  std::string name{}, site{};
  model::Resources capacity{};
  std::uint32_t devices = 0;               // accelerators, all of one model
  std::string model{};
  std::vector<std::pair<std::string, std::string>> labels{};   // beside "node" and "site", which every node has
  std::vector<std::string> taints{};
  double idle_watts = 0, busy_watts = 0;   // with no task; with all of its processor in use
  friend bool operator==(const NodeSpec&, const NodeSpec&) = default;
};

// Bytes that a task reads, and where they lie.
struct Source {
  std::string site;
  std::int64_t bytes = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

// Tasks that are alike in all that placement looks at.
struct ShapeSpec {
  model::Resources resources;
  model::AcceleratorAsk accelerators;
  std::vector<model::Constraint> constraints;
  std::vector<std::string> tolerations;
  std::string near;                        // site, for the latency limit
  double latency_limit_ms = 0;             // 0: none
  std::vector<Source> sources;
  double move_weight = 0.01;               // cost of a second of moving the sources' bytes
  double energy_weight = 0;                // cost of a watt
  std::int32_t priority = 50;
  std::string tenant = "default";
  model::TaskDisconnect disconnect;
  friend bool operator==(const ShapeSpec&, const ShapeSpec&) = default;
};

struct GroupSpec {
  bool gang = false;                       // placed and displaced all at once
  std::string spread{};                      // label over whose values members are spread evenly; "": does not matter
  std::vector<GroupId> apart{};              // groups with whose tasks members share no node; its own number is not among them
  friend bool operator==(const GroupSpec&, const GroupSpec&) = default;
};

struct Link {
  double latency_ms = 0, bytes_per_second = 0;
  friend bool operator==(const Link&, const Link&) = default;
};
// Between sites of which nothing is said: slow, and too far for any latency limit.
inline constexpr double unknown_bytes_per_second = 1e6;

base::Result<void> check(const NodeSpec& node);
base::Result<void> check(const ShapeSpec& shape);
base::Result<void> check(const GroupSpec& group);

}  // namespace selvedge::engine::placement
