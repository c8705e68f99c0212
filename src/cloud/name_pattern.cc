#include "cloud/name_pattern.h"

namespace selvedge::cloud {

// On a mismatch only the last star need take one character more: an earlier one that took less
// would lead to the same text before the last.
bool NamePattern::operator()(std::string_view name) const {
  const std::string_view pattern = pattern_;
  std::size_t at = 0, in_name = 0;
  std::size_t after_star = std::string_view::npos, star_took_to = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      star_took_to = in_name;
    } else if (at < pattern.size() && pattern[at] == name[in_name]) {
      ++at;
      ++in_name;
    } else if (after_star != std::string_view::npos) {
      at = after_star;
      in_name = ++star_took_to;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace selvedge::cloud
