// Limits of a placement fleet: what a stranger's job or node cannot exceed. Reaching one is Code::exhausted, a single
// document that is too large Code::invalid_input.

#pragma once

#include <cstdint>

namespace selvedge::engine::placement {

using NodeId = std::uint32_t;     // dense; a node that is gone gives its number to a later one
using TaskId = std::uint32_t;     // dense likewise
using ShapeId = std::uint32_t;
using SetId = std::uint32_t;
using GroupId = std::uint32_t;
using NameId = std::uint32_t;     // of an interned string; 0 is ""

inline constexpr std::uint32_t none = 0xFFFFFFFF;

struct Limits {
  static constexpr std::uint32_t nodes = 100'000, tasks = 1'000'000;
  static constexpr std::uint32_t shapes = 65'535, sets = 4'096, groups = 65'536, members = 10'000;
  static constexpr std::uint32_t names = 1'000'000, name_bytes = 256;
  static constexpr std::uint32_t links = 262'144;                          // of sites
  static constexpr std::uint32_t labels = 64, taints = 16, devices = 16;   // of a node
  static constexpr std::uint32_t constraints = 64, values = 64, tolerations = 64, apart = 16, sources = 16;  // of a shape
  static constexpr std::int64_t cpu = std::int64_t{1} << 31;               // thousandths of a core: two million cores
  static constexpr std::int64_t bytes = std::int64_t{1} << 46;             // of memory or disk: 64 TiB
};

}  // namespace selvedge::engine::placement
