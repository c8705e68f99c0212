// Editor: the edits of TwinEdit on a twin's entries, which the caller has copied if it may have to take
// them back. Private to engine/twin.

#pragma once

#include <string>
#include <string_view>

#include "engine/twin/entries.h"
#include "engine/twin/flatten.h"
#include "engine/twin/place.h"
#include "engine/twin/twin.h"

namespace selvedge::engine::twin {

class Editor {
 public:
  Editor(Entries& entries, TwinClock clock, const TwinLimits& limits);

  base::Result<void> put(const Place& place, std::string_view json);
  base::Result<void> merge(const Place& place, std::string_view json);
  base::Result<void> remove(const Place& place);
  // RFC 6902; the pointers of the operations continue `pointer`.
  base::Result<void> patch(std::string_view pointer, std::string_view json);
  // The same of what was flattened already.
  void replace_with(const Flat& flat, const Place& place);
  void merge_with(const Flat& flat, const Place& place);
  bool changed() const { return changed_; }

 private:
  struct Operation;

  void write(Key key, std::string_view value);
  void bury(const Place& place);
  void bury(Key key);
  void mark_if_empty(const Place& place);
  bool contains(const Flat& flat, Key key) const;

  base::Result<void> run(const Operation& operation);
  base::Result<void> add(const std::string& pointer, std::string_view json);
  base::Result<void> take_away(const std::string& pointer);
  base::Result<std::string> read(const std::string& pointer) const;
  void next_stamp() { ++stamp_.time; }

  Entries& entries_;
  const TwinLimits& limits_;
  model::Stamp stamp_;
  std::uint64_t revision_;
  bool changed_ = false;
};

// The stamp of an edit made now: beyond everything the twin has seen.
model::Stamp next_stamp(const Entries& entries, TwinClock clock);
// The wish at this key lost against what the device reported later; a wish that stands, differs.
bool is_superseded(const Entries& entries, const Entries::View& wish);
bool is_standing(const Entries& entries, const Entries::View& wish);

// The array that lies above a place in a part, and the rest of the path into it.
struct InArray {
  std::size_t at = none;           // of the array's entry; none: there is none
  std::string_view rest;           // "/0/name"
};
InArray array_above(const Entries& entries, const Place& place);
// What a place holds as JSON. Code::not_found.
base::Result<std::string> json_at(const Entries& entries, const Place& place);

}  // namespace selvedge::engine::twin
