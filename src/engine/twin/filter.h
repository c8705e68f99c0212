// TwinFilter's terms. Private to engine/twin.

#pragma once

#include <string>
#include <vector>

#include "engine/twin/twin.h"

namespace selvedge::engine {

struct TwinFilter::Node {
  enum class Kind : std::uint8_t {
    all, any, negation,                                 // terms follow
    eq, ne, gt, ge, lt, le, in, like, ilike, exists, empty
  };
  enum class Of : std::uint8_t { leaf, any_feature, id, revision, modified };

  Kind kind{};
  std::uint32_t terms = 0;             // how many follow, of all, any, negation
  std::uint32_t size = 1;              // of the term, with those it holds

  Of of = Of::leaf;
  model::TwinPart part{};
  std::string path;                    // any_feature: behind the feature's name
  std::vector<std::string> values;     // canonical JSON; the pattern of like as plain text
};

namespace twin {

// RQL's patterns: '*' is any text, '?' any one character. Linear in pattern times text.
bool like(std::string_view pattern, std::string_view text, bool ignore_case);

}  // namespace twin
}  // namespace selvedge::engine
