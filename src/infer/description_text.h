// What is done to text from anyone before it goes to the TOML library.
//
// Release 3.3 of the library leaves the defined language of C++ over some letters beyond ASCII, wherever
// it looks for white space. So it is given none: in double quotes they become escapes, which TOML
// reads as the same letters; in comments they go; elsewhere they are refused. Pure; any thread.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::infer {

// The same description in ASCII, line by line. Code::invalid_input, with the line.
base::Result<std::string> to_ascii(std::string_view text);

}  // namespace selvedge::infer
