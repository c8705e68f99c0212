#include "base/text.h"
#include "engine/twin/leaf_text.h"
#include "base/json_pointer.h"

namespace selvedge::engine::twin {
namespace {

constexpr std::size_t max_fields = 64;
constexpr std::size_t max_levels = 32;
constexpr std::size_t max_text = 4096;
constexpr int max_nesting = 8;

}  // namespace

base::Result<Fields> Fields::parse(std::string_view text) {
  Fields fields;
  if (text.size() > max_text)
    return base::fail(base::Code::invalid_input, "fields: the selector is longer than 4096 bytes");
  if (!text.empty()) TRY(fields.add(text, {}, 0));
  return fields;
}

base::Result<void> Fields::add(std::string_view text, std::vector<std::string> above, int nesting) {
  const auto refuse = [&](std::string_view why) {
    return base::fail(base::Code::invalid_input,
                      "fields '" + base::printable(text) + "': " + std::string(why));
  };
  if (nesting > max_nesting) return refuse("parentheses are nested too deeply");
  std::size_t at = 0;
  if (text.empty()) return refuse("a field is missing");
  while (at <= text.size()) {
    std::vector<std::string> field = above;
    bool done = false;
    while (!done) {
      const std::size_t end = std::min(text.find_first_of("/,()", at), text.size());
      const std::string_view name = text.substr(at, end - at);
      // A leading slash is a habit, not a name.
      if (name.empty() && end < text.size() && text[end] == '/' && field.size() == above.size()) {
        at = end + 1;
        continue;
      }
      if (name.empty()) return refuse("a name is missing");
      field.push_back(base::pointer_name(name));
      if (field.size() > max_levels) return refuse("too many levels");
      at = end + 1;
      if (end == text.size() || text[end] == ',') {
        fields_.push_back(field);
        done = true;
      } else if (text[end] == '(') {
        int open = 1;
        std::size_t close = at;
        for (; close < text.size() && open > 0; ++close)
          open += text[close] == '(' ? 1 : text[close] == ')' ? -1 : 0;
        if (open > 0) return refuse("a parenthesis is not closed");
        TRY(add(text.substr(at, close - 1 - at), field, nesting + 1));
        if (close < text.size() && text[close] != ',') return refuse("a comma is missing after ')'");
        at = close + 1;
        done = true;
      } else if (text[end] == ')') {
        return refuse("a parenthesis was not opened");
      }
    }
    if (fields_.size() > max_fields) return refuse("more than 64 fields");
    if (at == text.size() && text.back() == ',') return refuse("a field is missing");
  }
  return {};
}

Fields::Set Fields::first() const {
  return fields_.size() >= 64 ? ~Set{0} : (Set{1} << fields_.size()) - 1;
}

Fields::Set Fields::at(Set set, std::size_t level, std::string_view name, bool& whole) const {
  Set left = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!(set >> i & 1) || fields_[i].size() <= level) continue;
    if (fields_[i][level] != name && fields_[i][level] != "*") continue;
    left |= Set{1} << i;
    if (fields_[i].size() == level + 1) whole = true;
  }
  return left;
}

bool Fields::names(std::string_view field) const {
  for (const auto& names : fields_)
    if (names.size() == 1 && names[0] == field) return true;
  return false;
}

}  // namespace selvedge::engine::twin
