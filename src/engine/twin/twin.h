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
// kept until the other replica has acknowledged it and forget_removed() says so.
//
// Wish and device: a desired leaf is a standing wish while it differs from the reported one and is newer. If
// the device changed the reported value later than the wish (to something else), the wish is
// superseded: it stays readable, is no longer in the delta, and only a newer wish revives it.
// Reporting the same value again is not a change and supersedes nothing.
//
// Bounds: TwinLimits; an edit that would pass them is refused whole (Code::exhausted for sizes,
// Code::invalid_input for depth and names) and changes nothing. Belongs to one thread; no clock, no I/O.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/twin.h"

namespace selvedge::engine {

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
    merge,        // RFC 7396 merge patch at the pointer
    patch,        // RFC 6902 JSON Patch; pointers in it are relative to `pointer`
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
  // What changed in the visible document as an RFC 7396 merge patch from the root; "" if nothing.
  std::string difference;
};

class Twin {
 public:
  Twin();
  Twin(Twin&&) noexcept;
  Twin& operator=(Twin&&) noexcept;
  ~Twin();

  // An edit made here. What is set to the value it has is left alone (no new stamp).
  base::Result<TwinChange> edit(const TwinEdit& edit, TwinClock clock, const TwinLimits& limits);
  // Leaves from another replica. Leaves beyond the limits are kept out and counted in `refused`: both
  // sides have the same limits, so only a damaged or hostile peer sends them.
  TwinChange join(std::span<const model::TwinLeaf> leaves, const TwinLimits& limits,
                  std::uint32_t* refused = nullptr);

  // Counts changes of this replica; grows by one with every edit or join that changed an entry.
  std::uint64_t revision() const;
  std::uint64_t modified_ms() const;         // the newest stamp's time
  bool empty() const;                        // nothing visible
  // Entries (tombstones too) that changed here after `revision`, each once, in order of change.
  void changed_after(std::uint64_t revision, std::vector<model::TwinLeaf>& out) const;
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
  // Entries of desired changed after `revision` that stand; for devices that follow in version order.
  bool has_delta() const;
  // The value of one leaf as JSON text; "" if there is none. No allocation.
  std::string_view leaf(model::TwinPart part, std::string_view path) const;
  // Every visible leaf in order of path.
  void each(const std::function<void(model::TwinPart, std::string_view path, std::string_view value,
                                     model::Stamp)>& visit) const;

  // The whole state as bytes, and back. Code::corrupt.
  void save(base::Bytes& out) const;
  static base::Result<Twin> load(base::BytesView bytes);
  std::size_t memory_bytes() const;          // of this object and what it holds

 private:
  struct Entries;
  Entries* entries_;                          // one allocation a twin: 1 M of them must fit in 1 GB
};

// RQL (Ditto's): eq ne gt ge lt le in like ilike exists empty, and or not. Pointers as in
// "attributes/a", "features/F/properties/p", "thingId".
class TwinFilter {
 public:
  static base::Result<TwinFilter> parse(std::string_view rql);  // "" matches everything
  bool matches(std::string_view id, const Twin& twin) const;

 private:
  struct Node;
  std::vector<Node> nodes_;                  // in prefix order
 public:
  TwinFilter();
  TwinFilter(TwinFilter&&) noexcept;
  TwinFilter& operator=(TwinFilter&&) noexcept;
  ~TwinFilter();
};

}  // namespace selvedge::engine
