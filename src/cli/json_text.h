// json_text: JSON for people to read.

#pragma once

#include <string>
#include <string_view>

#include "codec/json/value.h"

namespace selvedge::cli {

// On one line.
std::string compact_json(const codec::json::Value& value);
// A document as it is, but one member a line, two spaces a level. Numbers and texts stay as written.
std::string indented_json(std::string_view json);

}  // namespace selvedge::cli
