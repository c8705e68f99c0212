// URLs and request targets: taking them apart and decoding their escapes.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace selvedge::net::http {

// A request target in origin or absolute form: "/a%20b?x=1", "http://host/a". Code::invalid_input
// for an escape that is none or that hides a NUL, and for a path that climbs ("..").
struct Target {
  std::string path;  // decoded; "*" for the asterisk form
  std::vector<std::pair<std::string, std::string>> query;
};
base::Result<Target> parse_target(std::string_view text);

enum class Plus : bool { is_plus, is_space };
base::Result<std::string> percent_decode(std::string_view text, Plus plus);

// True if `text` is a token of RFC 9110, such as a method or a header's name.
bool is_token(std::string_view text);
// True if `text` may be a header's value: no control characters but tab.
bool is_header_value(std::string_view text);

}  // namespace selvedge::net::http
