// http_json: JSON text taken apart by members without making a document of it, so that values travel
// as they were written. What is inside a value is not checked here: whoever takes it parses it.
//
// Pure; any thread. Bounds: members of an object, and depth where it recurses.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace selvedge::things {

struct JsonMember {
  std::string name;                    // decoded
  std::string_view value;              // into the text
};

// The members of an object. Code::invalid_input if the text is none, or has more than `most`.
base::Result<std::vector<JsonMember>> json_members(std::string_view object, std::size_t most = 4096);

std::string json_quoted(std::string_view text);
// What a JSON string says; nothing if `value` is no string.
std::optional<std::string> json_string(std::string_view value);
// The same for the member `name` of an object.
std::optional<std::string> json_string_of(std::string_view object, std::string_view name);

// A field selector as Ditto's: "attributes/a,features/*/properties(p,q)". Selects from any part of a
// document, such as a merge patch.
class FieldSelector {
 public:
  // Code::invalid_input: parentheses that do not match, more than 64 fields, deeper than 16.
  static base::Result<FieldSelector> parse(std::string_view text);

  bool all() const { return fields_.empty(); }
  bool names(std::string_view field) const;      // a field of one step, as "_revision"
  // The members of `object` that are selected; "{}" if none is.
  std::string select(std::string_view object) const;

 private:
  using Field = std::vector<std::string>;
  std::vector<Field> fields_;
};

}  // namespace selvedge::things
