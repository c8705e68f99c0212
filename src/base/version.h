// The version of everything in this tree; CMakeLists.txt says the same, and a test compares them.

#pragma once

#include <string_view>

namespace selvedge::base {

inline constexpr std::string_view version = "0.1.0";

}  // namespace selvedge::base
