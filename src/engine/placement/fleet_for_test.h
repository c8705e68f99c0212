// Fleets for tests: drawn from a seed, with labels, taints, sites and accelerators, and shapes that ask for them.

#pragma once

#include <string>
#include <vector>

#include "engine/placement/fleet.h"

namespace selvedge::engine::placement {

inline constexpr std::int64_t gib = std::int64_t{1} << 30;

struct Draw {                              // splitmix64 (Steele, Lea, Flood 2014)
  std::uint64_t state = 1;
  std::uint64_t next() {
    std::uint64_t x = state += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  std::int64_t in(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(std::int64_t n) { return in(1, n) == 1; }
};

inline NodeSpec plain_node(const std::string& name, std::int64_t cpu, std::int64_t memory_gib) {
  NodeSpec node;
  node.name = name;
  node.capacity = {cpu, memory_gib * gib, 100 * gib};
  return node;
}

inline ShapeSpec plain_shape(std::int64_t cpu, std::int64_t memory_gib) {
  ShapeSpec shape;
  shape.resources = {cpu, memory_gib * gib, 0};
  return shape;
}

inline NodeSpec drawn_node(Draw& draw, const std::string& name) {
  NodeSpec node = plain_node(name, draw.in(1, 64) * 1000, draw.in(1, 256));
  node.site = "site-" + std::to_string(draw.in(0, 3));
  node.labels = {{"arch", draw.one_in(3) ? "arm64" : "amd64"}, {"zone", std::to_string(draw.in(1, 5))}};
  if (draw.one_in(5)) node.taints = {"reserved"};
  if (draw.one_in(4)) {
    node.devices = static_cast<std::uint32_t>(draw.in(1, 4));
    node.model = draw.one_in(2) ? "t4" : "a2";
  }
  return node;
}

inline ShapeSpec drawn_shape(Draw& draw) {
  ShapeSpec shape = plain_shape(draw.in(100, 8000), draw.in(1, 32));
  if (draw.one_in(4)) shape.resources.disk = draw.in(1, 40) * gib;
  if (draw.one_in(3)) shape.tolerations = {"reserved"};
  using Is = model::Constraint::Is;
  if (draw.one_in(3)) shape.constraints.push_back({.label = "arch", .is = Is::equal, .values = {"arm64"}});
  if (draw.one_in(4)) shape.constraints.push_back({.label = "zone", .is = Is::at_least, .values = {"3"}});
  if (draw.one_in(5)) shape.accelerators = {static_cast<std::uint32_t>(draw.in(1, 2)), 1000, draw.one_in(2) ? "t4" : ""};
  else if (draw.one_in(6)) shape.accelerators = {1, static_cast<std::uint32_t>(draw.in(100, 900)), ""};
  return shape;
}

}  // namespace selvedge::engine::placement
