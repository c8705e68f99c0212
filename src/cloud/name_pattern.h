// NamePattern: series names by a pattern in which '*' stands for any text, '/' included.
//
// Takes time in proportion to pattern times name at worst, whatever the pattern. Empty: every name.

#pragma once

#include <string>
#include <string_view>

namespace selvedge::cloud {

class NamePattern {
 public:
  explicit NamePattern(std::string_view pattern) : pattern_(pattern.empty() ? "*" : pattern) {}

  bool operator()(std::string_view name) const;
  // What every name that matches begins with.
  std::string_view beginning() const {
    return std::string_view(pattern_).substr(0, pattern_.find('*'));
  }

 private:
  std::string pattern_;
};

}  // namespace selvedge::cloud
