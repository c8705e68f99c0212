// Names: strings as small numbers, while somebody holds them.
//
// Labels, their values, taints and sites come again and again; nodes and constraints keep numbers and compare those.
// Each `hold` is met by one `drop`; a number that nobody holds is given again. Bounded by Limits::names.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/placement/limits.h"

namespace selvedge::engine::placement {

class Names {
 public:
  // Code::invalid_input for one that is too long, Code::exhausted when there are too many.
  base::Result<NameId> hold(std::string_view text);
  void drop(NameId name);
  // Of one that somebody holds; none if nobody does.
  NameId find(std::string_view text) const {
    const auto at = numbers_.find(text);
    return at == numbers_.end() ? none : at->second;
  }
  std::string_view text(NameId name) const { return entries_[name].text; }

 private:
  struct Entry {
    std::string text;
    std::uint32_t holders = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<Entry> entries_;
  std::vector<NameId> free_;
  std::unordered_map<std::string, NameId, Hash, std::equal_to<>> numbers_;
};

}  // namespace selvedge::engine::placement
