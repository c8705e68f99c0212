// Twin: the document of one device or node, as a set of leaves that any two replicas merge to the
// same document in whatever order they meet.
//
// The document has Eclipse Ditto's shape: {"thingId", "definition", "attributes": {..}, "features":
// {F: {"properties": {..}, "desiredProperties": {..}}}}; `properties` is what is reported. Pointers
// (RFC 6901) into it are "/attributes/a", "/features/F/properties/p", "/features/F/desiredProperties/p".
//
// Merging: a leaf is a scalar, an array or an empty object at a path. Per path the larger (stamp, value)
// wins. Writing at a path removes what was beneath it and above it (a scalar there) with older stamps:
// an entry is visible unless an entry at a path above or beneath it is newer. That is a function of the
// set of entries, and the set is a join semilattice (Shapiro et al., Conflict-free Replicated Data
// Types, 2011), so replicas converge; independent leaves never conflict. A removal leaves a tombstone,
// kept until the other replica has acknowledged it and forget_removed() says so. Which entries may be
// dropped without replicas growing apart: docs/spec/twin.md.
//
// A twin exists while something of it is visible; removing the pointer "" removes it, as tombstones of
// its parts, so that removals of whole twins merge like everything else. An existing twin without
// anything in it has a leaf that says so. Members "thingId" and those that start with "_" are passed
// over in what is written, so that what was read can be written back.
//
// Wish and device: a desired leaf is a standing wish while it differs from the reported one and is newer. If
// the device changed the reported value later than the wish (to something else), the wish is
// superseded: it stays readable, is no longer in the delta, and only a newer wish revives it.
// Reporting the same value again is not a change and supersedes nothing; nor does removing a reported
// value, for a device that has lost what it knew has to be told again.
//
// Bounds: TwinLimits; an edit that would pass them is refused whole (Code::exhausted for sizes,
// Code::invalid_input for depth and names) and changes nothing. Two replicas that were apart may each
// have filled theirs, so a join takes up to twice as much; until there is room again edits may only
// make the document smaller. Belongs to one thread; no clock, no I/O.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/twin/entries.h"
#include "model/twin.h"

namespace selvedge::engine {

namespace twin {
class Flat;
}

struct TwinLimits {
  std::uint32_t document_bytes = 64 << 10;   // of all entries, tombstones too
  std::uint32_t leaves = 4096;
  std::uint32_t depth = 10;                  // below attributes, properties, desiredProperties
  std::uint32_t name_bytes = 128;            // of one member name
  std::uint32_t value_bytes = 16 << 10;      // of one leaf
};

// Who edits, and when.
struct TwinClock {
  std::int64_t now_ms = 0;                   // wall clock
  std::uint32_t origin = 0;                  // of this replica
};

struct TwinEdit {
  enum class Kind : std::uint8_t {
    put,          // the value replaces what is at the pointer
    merge,        // RFC 7396 merge patch at the pointer; null removes what is there
    patch,        // RFC 6902 JSON Patch; pointers in it are relative to `pointer`. Code::not_found: no
                  // such place; Code::conflict: a test failed
    remove,       // Code::not_found if nothing is there
  };
  Kind kind{};
  std::string_view pointer;                  // "" is the whole document
  std::string_view json;
};

struct TwinChange {
  bool changed = false;                      // false: it said that already
  bool created = false;                      // nothing was at the pointer before
  std::uint64_t revision = 0;                // of the document, after
  // What changed in the visible document as an RFC 7396 merge patch from the root; "" if nothing. (A
  // member that was set to null looks like one that was removed: merge patches cannot tell.)
  std::string difference;
};

class Twin {
 public:
  Twin() = default;
  Twin copy() const;

  // An edit made here. What is set to the value it has is left alone (no new stamp), except that a wish
  // that was superseded becomes a new wish.
  base::Result<TwinChange> edit(const TwinEdit& edit, TwinClock clock, const TwinLimits& limits);
  // Leaves from another replica. Leaves beyond (twice) the limits, or malformed, are kept out and counted
  // in `refused`: both sides have the same limits, so only a damaged or hostile peer sends them.
  TwinChange join(std::span<const model::TwinLeaf> leaves, const TwinLimits& limits,
                  std::uint32_t* refused = nullptr);

  // Counts changes of this replica; grows by one with every edit or join that changed an entry.
  std::uint64_t revision() const;
  std::uint64_t modified_ms() const;         // the newest stamp's time
  bool empty() const;                        // nothing visible
  // Entries (tombstones too) that changed here after `revision`, each once, in order of change;
  // without those that came by join(), if they are left out.
  enum class Joined : std::uint8_t { included, left_out };
  void changed_after(std::uint64_t revision, std::vector<model::TwinLeaf>& out,
                     Joined joined = Joined::included) const;
  bool changed_here_after(std::uint64_t revision) const;   // would that yield anything, joined left out
  // Drops tombstones of changes up to `revision` that are older than `before_ms`. Returns how many.
  std::uint32_t forget_removed(std::uint64_t revision, std::int64_t before_ms);

  // JSON of what is at the pointer. Code::not_found if nothing is. `fields` is Ditto's field selector
  // ("attributes/a,features/*/properties/p"; "" all; "_metadata", "_revision", "_modified" on demand).
  base::Result<std::string> json(std::string_view id, std::string_view pointer,
                                 std::string_view fields = {}) const;
  // The same shape with {"version": revision, "timestamp": ISO 8601, "origin": hex} for each leaf.
  std::string metadata_json(std::string_view pointer) const;
  // Standing wishes: desired leaves that differ from what is reported and are newer, as JSON
  // {F: {p: value}} ("{}" if none); of one feature {p: value} if `feature` is given. A removed
  // desired leaf is no wish.
  std::string delta(std::string_view feature = {}) const;
  bool has_delta() const;
  // The value of one leaf as JSON text; "" if there is none. No allocation.
  std::string_view leaf(model::TwinPart part, std::string_view path) const;
  // Every visible leaf in order of path; an empty object has the value "{}".
  void each(const std::function<void(model::TwinPart, std::string_view path, std::string_view value,
                                     model::Stamp)>& visit) const;

  // The whole state as bytes, and back. Code::corrupt.
  void save(base::Bytes& out) const;
  static base::Result<Twin> load(base::BytesView bytes);
  // The entries that changed after `revision` as bytes, for a log, and taking them up again. Taking up
  // what is there already does nothing. Code::corrupt.
  void save_changes(std::uint64_t revision, base::Bytes& out) const;
  base::Result<void> load_changes(base::BytesView bytes);
  std::size_t memory_bytes() const;          // of this object and what it holds

 private:
  bool change_values(const twin::Flat& flat, TwinClock clock, const TwinLimits& limits,
                     TwinChange& change);
  bool join_values(std::span<const model::TwinLeaf> leaves, TwinChange& change);
  TwinChange take_over(twin::Entries&& changed);
  void encode(std::uint64_t after, base::Bytes& out) const;

  twin::Entries entries_;                    // one allocation a twin: 1 M of them must fit in 1 GB
};

// RQL (Ditto's): eq ne gt ge lt le in like ilike exists empty, and or not. Pointers as in
// "attributes/a", "features/F/properties/p", "features/*/properties/p" (of any feature), "thingId",
// "_revision", "_modified". What is not there equals nothing, so ne() matches it. At most 4 KiB of text,
// 256 terms, 16 levels. Code::invalid_input says where it stopped making sense.
class TwinFilter {
 public:
  TwinFilter();
  TwinFilter(TwinFilter&&) noexcept;
  TwinFilter& operator=(TwinFilter&&) noexcept;
  ~TwinFilter();

  static base::Result<TwinFilter> parse(std::string_view rql);  // "" matches everything
  bool matches(std::string_view id, const Twin& twin) const;

  // Leaves that have these values in every twin that matches: for whoever keeps an index.
  struct Required {
    model::TwinPart part{};
    std::string_view path;
    std::string_view value;                  // JSON text; views live as long as the filter
  };
  std::vector<Required> required() const;

 private:
  friend class RqlParser;
  friend class FilterMatch;
  struct Node;
  std::vector<Node> nodes_;                  // in prefix order
};

}  // namespace selvedge::engine
