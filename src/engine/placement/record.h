// Records: changes of a fleet as bytes, and specs within them.
//
// A record is its kind and its fields (base/wire.h); it ends where its last field ends. Numbers that a fleet gives are
// not written where an equal fleet would give the same. Reading trusts nothing: counts are held against Limits before
// anything is allocated. Persistent format since version 0.1.

#pragma once

#include "base/result.h"
#include "base/wire.h"
#include "engine/placement/spec.h"

namespace selvedge::engine::placement {

enum class Record : std::uint8_t {
  node_added = 1, node_changed, node_state, node_held, node_removed, link_set,
  shape_added, shape_dropped, group_added, group_dropped, asked,
  committed, released, end_set, refreshed,
};

// The end of a task, such that "endless" (INT64_MAX) is 0 and one byte.
inline std::uint64_t end_on_wire(std::int64_t ends) { return base::zigzag(ends) + 2; }
inline std::int64_t end_from_wire(std::uint64_t written) { return base::unzigzag(written - 2); }

void write(base::Writer& out, const NodeSpec& node);
void write(base::Writer& out, const ShapeSpec& shape);
void write(base::Writer& out, const GroupSpec& group);

// Nothing if the bytes are not one; what is read has passed `check`.
base::Result<NodeSpec> read_node(base::Reader& in);
base::Result<ShapeSpec> read_shape(base::Reader& in);
base::Result<GroupSpec> read_group(base::Reader& in);

}  // namespace selvedge::engine::placement
