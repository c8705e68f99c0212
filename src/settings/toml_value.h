// A TOML file as the value that the same document in JSON would be: for files that say what an API takes too.
//
// Dates and times become text (ISO 8601). Errors name the file and line. Pure; any thread.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json/value.h"

namespace selvedge::settings {

// Code::exhausted if it is larger than `most` bytes, Code::invalid_input if it is no TOML or nested too deeply.
base::Result<codec::json::Value> toml_value(std::string_view text, const std::string& file_name,
                                            std::size_t most = 1 << 20);

}  // namespace selvedge::settings
