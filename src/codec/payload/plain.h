// Plain: a payload that is one value: "23.5", "true", or any text if texts are asked for.

#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The text without spaces, tabs and line ends around it.
std::string_view trim(std::string_view text);

// A number or a boolean ("true", "True", "TRUE" and the same of false), if the text is one.
std::optional<model::ValueView> parse_plain(std::string_view trimmed);

base::Result<void> decode_plain(std::string_view text, const Options& options, Output& out);

}  // namespace selvedge::codec::payload
