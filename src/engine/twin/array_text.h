// ArrayText: reading and changing inside of a canonical JSON value by pointer; an array in a twin is one
// leaf, so changes inside it rewrite its text. Private to engine/twin.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::engine::twin {

enum class ArrayChange : std::uint8_t { add, replace, remove };

// What is at the pointer. Code::not_found.
base::Result<std::string_view> inside(std::string_view value, std::string_view pointer);
// `value` after RFC 6902's add, replace or remove at a pointer that is not empty.
base::Result<std::string> changed_inside(std::string_view value, std::string_view pointer,
                                         ArrayChange change, std::string_view with);

}  // namespace selvedge::engine::twin
