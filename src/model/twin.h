// Twin: what is wished of a device or node and what it reports, as leaves that each carry when and
// by whom they were written. engine/twin says how they merge.

#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace selvedge::model {

// "<node>:<device>" for a device, "<node>:_node" for the node itself: everything about a node lies in
// the namespace of its name. Compatible with Eclipse Ditto's thing ids.
using TwinId = std::string;
inline constexpr std::string_view node_twin_name = "_node";

// Both parts are names (crypto::is_name's alphabet, 1 to 64), one colon between them.
bool is_twin_id(std::string_view id);
std::string twin_id(std::string_view node, std::string_view device);
std::string_view twin_node(std::string_view id);    // before the colon
std::string_view twin_device(std::string_view id);  // behind it

// When a leaf was written: a hybrid logical clock (Kulkarni et al., 2014): milliseconds since 1970 in
// the upper 48 bits, a counter in the lower 16, always beyond every stamp the writer had seen in the
// twin, so that a wrong clock cannot undo what it has seen. Then who wrote it, so that two writers at
// the same moment do not tie.
struct Stamp {
  std::uint64_t time = 0;
  std::uint32_t origin = 0;                // CRC-32C of the replica's name
  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};
inline std::int64_t milliseconds(Stamp stamp) { return static_cast<std::int64_t>(stamp.time >> 16); }

// The parts of a twin. What a device reports is `reported`, what is wished of it `desired`.
enum class TwinPart : std::uint8_t { about = 0, attributes = 1, reported = 2, desired = 3 };

// One leaf, as it crosses a link or lies in a log. `path` is a JSON pointer within the part:
// "/lamp/on" (of feature "lamp", property "on"); "" is the part itself. The value is JSON text of a
// scalar or an array, without white space; empty text marks a removal (a tombstone) of what is at the
// path and beneath it. That there is an object at "/lamp", even without members, is a leaf of its own
// at "/lamp/~" with the value "{}": no JSON pointer of a member can look like that. Who carries leaves
// treats paths as opaque text.
struct TwinLeaf {
  TwinPart part{};
  std::string path;
  Stamp stamp;
  std::string value;
  friend bool operator==(const TwinLeaf&, const TwinLeaf&) = default;
};

}  // namespace selvedge::model
