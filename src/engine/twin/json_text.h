// JsonText: a strict scanner of JSON (RFC 8259) that yields values in canonical text: no white space, no
// escape that is not needed. Equal values mostly have equal texts then, and same_json() knows the
// rest (1 and 1.0, members in another order).
//
// It is the twin's hot path: a member's value is taken without a tree. Text that is not UTF-8, lone
// surrogates, and more than `max_depth` levels are refused. Private to engine/twin.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::engine::twin {

class JsonText {
 public:
  static constexpr int max_depth = 64;

  explicit JsonText(std::string_view text) : begin_(text.data()), at_(text.data()), end_(at_ + text.size()) {}

  // The next character that is not white space; 0 at the end.
  char peek();
  // Takes this character, after white space.
  bool take(char c);
  bool at_end() { return peek() == 0 && at_ == end_; }

  // Appends a value in canonical form.
  bool value(std::string& out, int depth = 0);
  // Takes a string and appends what it says (not escaped).
  bool string(std::string& out);
  // The text of a value as it stands, which is checked.
  bool raw(std::string_view& text);

  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  // "not JSON at byte 17".
  std::string where() const;

 private:
  bool literal(std::string& out, std::string_view word);
  bool number(std::string& out);
  bool escape(std::string& out);
  bool object(std::string& out, int depth);
  bool array(std::string& out, int depth);

  const char* begin_;
  const char* at_;
  const char* end_;
};

// A whole document as canonical text. Code::invalid_input.
base::Result<std::string> canonical_json(std::string_view text);
// `text` is one value in canonical form.
bool is_canonical_json(std::string_view text);
void append_json_string(std::string& out, std::string_view says);

// What a canonical value is.
inline bool is_json_string(std::string_view v) { return !v.empty() && v[0] == '"'; }
inline bool is_json_number(std::string_view v) {
  return !v.empty() && (v[0] == '-' || (v[0] >= '0' && v[0] <= '9'));
}
// What a canonical string says; `scratch` is used if it has escapes.
std::string_view json_string(std::string_view value, std::string& scratch);

// Equality as RFC 6902, 4.6 has it.
bool same_json(std::string_view a, std::string_view b);

}  // namespace selvedge::engine::twin
