#include "cli/json_text.h"

#include "base/json.h"
#include "base/text.h"

namespace selvedge::cli {

namespace {

void write(base::JsonWriter& json, const codec::json::Value& value) {
  if (value.is_object()) {
    json.begin_object();
    for (const auto& [name, member] : value.object()) {
      json.key(name);
      write(json, member);
    }
    json.end_object();
  } else if (value.is_array()) {
    json.begin_array();
    for (const auto& item : value.array()) write(json, item);
    json.end_array();
  } else if (value.is_null()) {
    json.null();
  } else if (value.is_number()) {
    json.raw(value.print());
  } else if (value.boolean() || !value.boolean(true)) {
    json.value(value.boolean());
  } else {
    json.value(value.text());
  }
}

}  // namespace

std::string compact_json(const codec::json::Value& value) {
  base::JsonWriter json;
  write(json, value);
  return json.take();
}

std::string indented_json(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  const auto new_line = [&] { out += "\n" + std::string(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      const std::size_t begin = i;
      for (++i; i < json.size() && json[i] != '"'; ++i)
        if (json[i] == '\\') ++i;
      out += json.substr(begin, i + 1 - begin);
    } else if (c == '{' || c == '[') {
      out += c;
      const std::size_t next = json.find_first_not_of(" \t\r\n", i + 1);
      const bool empty = next != std::string_view::npos && (json[next] == '}' || json[next] == ']');
      if (empty) {
        out += json[next];
        i = next;
      } else {
        ++depth;
        new_line();
      }
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      out += c;
    }
  }
  return out;
}

}  // namespace selvedge::cli
