#include "things/http_json.h"

#include <algorithm>

#include "base/json.h"
#include "codec/json/value.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;

constexpr std::size_t most_fields = 64, most_steps = 16;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::unexpected<base::Error> malformed(std::string_view what) {
  return base::fail(Code::invalid_input, "read JSON object: " + std::string(what));
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool done() const { return at_ == text_.size(); }
  bool take(char c) {
    skip_space();
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // A string with its quotes; empty if there is none.
  std::string_view string() {
    const std::size_t begin = at_;
    if (done() || text_[at_] != '"') return {};
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') ++at_;
      else if (text_[at_] == '"') return text_.substr(begin, ++at_ - begin);
    }
    at_ = text_.size();
    return {};
  }
  // Any value, by its brackets; empty if there is none.
  std::string_view value() {
    skip_space();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (string().empty()) return {};
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;
        --depth;
        ++at_;
      } else if (depth == 0 && (c == ',' || is_space(c))) {
        break;
      } else {
        ++at_;
        continue;
      }
      if (depth == 0) break;
    }
    return depth == 0 ? text_.substr(begin, at_ - begin) : std::string_view{};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<JsonMember>> json_members(std::string_view object, std::size_t most) {
  Scanner scanner(object);
  std::vector<JsonMember> members;
  if (!scanner.take('{')) return malformed("it does not begin with {");
  if (!scanner.take('}')) {
    do {
      if (members.size() == most) return malformed("it has too many members");
      scanner.skip_space();
      const std::string_view name = scanner.string();
      std::optional<std::string> decoded = json_string(name);
      if (!decoded) return malformed("a member has no name");
      if (!scanner.take(':')) return malformed("a name without a value");
      const std::string_view value = scanner.value();
      if (value.empty()) return malformed("a name without a value");
      members.push_back({*std::move(decoded), value});
    } while (scanner.take(','));
    if (!scanner.take('}')) return malformed("it does not end with }");
  }
  scanner.skip_space();
  if (!scanner.done()) return malformed("something follows it");
  return members;
}

std::string json_quoted(std::string_view text) {
  base::JsonWriter json;
  json.value(text);
  return json.take();
}

std::optional<std::string> json_string(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
  const std::string_view inside = value.substr(1, value.size() - 2);
  const bool plain = std::ranges::all_of(
      inside, [](char c) { return c != '\\' && c != '"' && static_cast<unsigned char>(c) >= 0x20; });
  if (plain) return std::string(inside);
  const auto parsed = codec::json::parse(value);
  // Only a string prints as itself and is not null at the same time as it begins with a quote.
  if (!parsed) return std::nullopt;
  return parsed->text();
}

std::optional<std::string> json_string_of(std::string_view object, std::string_view name) {
  const auto members = json_members(object);
  if (!members) return std::nullopt;
  for (const JsonMember& member : *members)
    if (member.name == name) return json_string(member.value);
  return std::nullopt;
}

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  std::vector<Field> prefixes{{}};     // of the parentheses that are open
  Field field;
  std::string step;
  bool empty = true;                   // since the last comma
  const auto end_step = [&] {
    if (!step.empty()) field.push_back(std::exchange(step, {}));
  };
  const auto end_field = [&]() -> Result<void> {
    end_step();
    Field whole = prefixes.back();
    whole.insert(whole.end(), field.begin(), field.end());
    field.clear();
    if (std::exchange(empty, true)) return {};
    if (selector.fields_.size() == most_fields)
      return base::fail(Code::invalid_input, "fields: more than 64");
    if (whole.size() > most_steps) return base::fail(Code::invalid_input, "fields: too deep");
    if (!whole.empty()) selector.fields_.push_back(std::move(whole));
    return {};
  };
  for (const char c : text) {
    if (c == ',') {
      TRY(end_field());
    } else if (c == '/') {
      end_step();
    } else if (c == '(') {
      end_step();
      Field whole = prefixes.back();
      whole.insert(whole.end(), field.begin(), field.end());
      field.clear();
      if (prefixes.size() > most_steps || whole.size() > most_steps)
        return base::fail(Code::invalid_input, "fields: too deep");
      prefixes.push_back(std::move(whole));
      empty = true;
    } else if (c == ')') {
      if (prefixes.size() == 1) return base::fail(Code::invalid_input, "fields: a ) without its (");
      TRY(end_field());
      prefixes.pop_back();
    } else {
      step += c;
      empty = false;
    }
  }
  if (prefixes.size() != 1) return base::fail(Code::invalid_input, "fields: a ( without its )");
  TRY(end_field());
  return selector;
}

bool FieldSelector::names(std::string_view name) const {
  return std::ranges::any_of(
      fields_, [&](const Field& field) { return field.size() == 1 && field.front() == name; });
}

namespace {

// `fields` have matched up to `depth`; returns "" if nothing of `object` is selected.
std::string select_members(std::string_view object,
                           const std::vector<const std::vector<std::string>*>& fields,
                           std::size_t depth) {
  const auto members = json_members(object);
  if (!members) return {};
  std::string out;
  for (const JsonMember& member : *members) {
    std::vector<const std::vector<std::string>*> deeper;
    bool whole = false;
    for (const auto* field : fields) {
      const std::string& step = (*field)[depth];
      if (step != member.name && step != "*") continue;
      if (depth + 1 == field->size()) whole = true;
      else deeper.push_back(field);
    }
    std::string value;
    if (whole) value = member.value;
    // What was removed above a selected field is of interest, too.
    else if (!deeper.empty() && member.value == "null") value = "null";
    else if (!deeper.empty() && member.value.starts_with('{'))
      value = select_members(member.value, deeper, depth + 1);
    if (value.empty()) continue;
    out += out.empty() ? "{" : ",";
    out += json_quoted(member.name) + ":" + value;
  }
  if (!out.empty()) out += '}';
  return out;
}

}  // namespace

std::string FieldSelector::select(std::string_view object) const {
  if (all()) return std::string(object);
  std::vector<const Field*> fields;
  for (const Field& field : fields_) fields.push_back(&field);
  std::string selected = select_members(object, fields, 0);
  return selected.empty() ? "{}" : selected;
}

}  // namespace selvedge::things
