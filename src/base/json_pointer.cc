#include "base/json_pointer.h"

namespace selvedge::base {

std::string pointer_token(std::string_view name) {
  std::string token;
  append_pointer_token(token, name);
  return token;
}

void append_pointer_token(std::string& pointer, std::string_view name) {
  for (const char c : name) {
    if (c == '~') pointer += "~0";
    else if (c == '/') pointer += "~1";
    else pointer += c;
  }
}

std::string pointer_name(std::string_view token) {
  std::string name;
  name.reserve(token.size());
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char next = token[i] == '~' && i + 1 < token.size() ? token[i + 1] : '\0';
    if (next == '0' || next == '1') {
      name += next == '1' ? '/' : '~';
      ++i;
    } else {
      name += token[i];
    }
  }
  return name;
}

}  // namespace selvedge::base
