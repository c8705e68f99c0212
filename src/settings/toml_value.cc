#include "settings/toml_value.h"

#define TOML_EXCEPTIONS 0
// What its parser asserts is not always so (a header "[)" aborts), and it goes on to say the error.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include <cmath>
#include <sstream>

#include "base/text.h"

namespace selvedge::settings {
namespace {

using base::Code;
using base::fail;
using base::Result;
using codec::json::Value;

constexpr int most_depth = 32;

std::string shown(const auto& moment) {
  std::ostringstream text;
  text << moment;
  return text.str();
}

Result<Value> convert(const toml::node& node, const std::string& file, int depth) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid_input, file + ":" + std::to_string(node.source().begin.line) + ": " + std::string(why));
  };
  if (depth > most_depth) return refuse("nested too deeply");
  if (const auto* table = node.as_table()) {
    Value::Object object;
    for (const auto& [name, member] : *table)
      object.emplace(std::string(name.str()), TRY(convert(member, file, depth + 1)));
    return Value(std::move(object));
  }
  if (const auto* items = node.as_array()) {
    Value::Array array;
    for (const auto& item : *items) array.push_back(TRY(convert(item, file, depth + 1)));
    return Value(std::move(array));
  }
  if (const auto* text = node.as_string()) return Value(text->get());
  if (const auto* whole = node.as_integer()) return Value(whole->get());
  if (const auto* truth = node.as_boolean()) return Value(truth->get());
  if (const auto* number = node.as_floating_point()) {
    if (!std::isfinite(number->get())) return refuse("nan and inf are not taken");
    return Value(number->get());
  }
  if (const auto* moment = node.as_date_time()) return Value(shown(moment->get()));
  if (const auto* date = node.as_date()) return Value(shown(date->get()));
  if (const auto* time = node.as_time()) return Value(shown(time->get()));
  return refuse("a value of a kind that is not known");
}

}  // namespace

Result<Value> toml_value(std::string_view text, const std::string& file_name, std::size_t most) {
  if (text.size() > most) return fail(Code::exhausted, file_name + ": larger than " + base::size_text(most));
  const toml::parse_result parsed = toml::parse(text, file_name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Code::invalid_input, file_name + ":" + std::to_string(error.source().begin.line) + ": " +
                                         std::string(error.description()));
  }
  return convert(parsed.table(), file_name, 0);
}

}  // namespace selvedge::settings
