// LeafText: sorted leaves as JSON in the shape of the document. Documents, differences, deltas and
// metadata are all made here. Private to engine/twin.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/twin/entries.h"
#include "engine/twin/place.h"

namespace selvedge::engine::twin {

// What to print at a key. In a difference `value` may be "null" at places above the leaves too.
using ShownLeaf = Entries::View;
using ShownLeaves = std::span<const ShownLeaf>;

// What is visible at or beneath a place, in order.
std::vector<ShownLeaf> visible(const Entries& entries, const Place& place);
ShownLeaves beneath(ShownLeaves leaves, Key key);          // and at it

// A Ditto field selector: "attributes/a,features/*/properties(p,q)". At most 64 fields.
class Fields {
 public:
  static base::Result<Fields> parse(std::string_view text);

  using Set = std::uint64_t;                 // of fields that may still match
  bool all() const { return fields_.empty(); }
  Set first() const;
  // What is left of `set` at a member on this level. `whole`: one of them ends here.
  Set at(Set set, std::size_t level, std::string_view name, bool& whole) const;
  bool names(std::string_view field) const;  // a field of one level

 private:
  base::Result<void> add(std::string_view text, std::vector<std::string> above, int depth);
  std::vector<std::vector<std::string>> fields_;
};

enum class Print : std::uint8_t { values, metadata };

class LeafText {
 public:
  explicit LeafText(Print print = Print::values, const Fields* fields = nullptr)
      : print_(print), fields_(fields) {}

  // Appends what is at the place; `leaves` are the visible ones there. The document gets no "thingId".
  void append(std::string& out, ShownLeaves leaves, const Place& place) const;
  // The members of the document, without braces; true if there was one.
  bool append_document(std::string& out, ShownLeaves leaves) const;

 private:
  struct Chosen {
    Fields::Set set = 0;
    bool whole = true;
    std::size_t level = 0;
  };

  bool choose(Chosen& chosen, std::string_view name) const;
  void leaf(std::string& out, const ShownLeaf& leaf) const;
  void object(std::string& out, ShownLeaves leaves, std::size_t path_bytes, Chosen chosen) const;
  void part(std::string& out, ShownLeaves leaves, Key key, Chosen chosen) const;
  void features(std::string& out, ShownLeaves leaves, Chosen chosen) const;
  void feature(std::string& out, ShownLeaves leaves, std::string_view path, Chosen chosen) const;
  void document(std::string& out, ShownLeaves leaves, bool& comma) const;

  Print print_;
  const Fields* fields_;
};

// A leaf's metadata: {"version", "timestamp", "origin"}.
void append_metadata(std::string& out, const ShownLeaf& leaf);

}  // namespace selvedge::engine::twin
