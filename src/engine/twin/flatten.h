// Flatten: a JSON document as the leaves it consists of, without a tree in between.
//
// The same for a value that replaces and for a merge patch; there null asks for removal. Bounded by
// TwinLimits; refuses what the document's shape does not allow and names that come twice with
// contradicting values. Private to engine/twin.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/twin/entries.h"
#include "engine/twin/place.h"

namespace selvedge::engine::twin {

struct FlatLeaf {
  enum class Kind : std::uint8_t { value, object, removal };   // object: one without members

  model::TwinPart part{};
  Kind kind{};
  std::uint32_t path_at = 0, path_bytes = 0;
  std::uint32_t value_at = 0, value_bytes = 0;
};

class Flat {
 public:
  enum class Null : std::uint8_t { is_a_value, removes };

  // What `json` says about `place`. Leaves come sorted by part and path.
  static base::Result<Flat> of(std::string_view json, const Place& place, Null null,
                               const TwinLimits& limits);

  const std::vector<FlatLeaf>& leaves() const { return leaves_; }
  std::string_view path(const FlatLeaf& leaf) const {
    return std::string_view(text_).substr(leaf.path_at, leaf.path_bytes);
  }
  std::string_view value(const FlatLeaf& leaf) const {
    return std::string_view(text_).substr(leaf.value_at, leaf.value_bytes);
  }
  // The entry that it becomes; of an object the mark. Of a removal the first range of its place.
  Key key(const FlatLeaf& leaf) const { return {leaf.part, path(leaf)}; }
  std::size_t lower_bound(Key key) const;    // the first leaf that is not before it

 private:
  friend class Flattener;
  std::vector<FlatLeaf> leaves_;
  std::string text_;             // paths and values
};

}  // namespace selvedge::engine::twin
