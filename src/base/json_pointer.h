// The tokens of a JSON pointer (RFC 6901): names in which '~' is written "~0" and '/' "~1".

#pragma once

#include <string>
#include <string_view>

namespace selvedge::base {

std::string pointer_token(std::string_view name);
void append_pointer_token(std::string& pointer, std::string_view name);
// A '~' that is followed by neither 0 nor 1 stands for itself.
std::string pointer_name(std::string_view token);

}  // namespace selvedge::base
