// Json: a parsed JSON document as values, for control messages and answers of an API.
//
// Readings do not come this way (codec/payload decodes them in place). Bounds: size and depth.
// Parsing is simdjson's, in the .cc. Pure; any thread.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace selvedge::codec::json {

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::map<std::string, Value, std::less<>>;

  Value() = default;
  explicit Value(std::variant<std::nullptr_t, bool, double, std::int64_t, std::string, Array, Object> v)
      : value_(std::move(v)) {}

  // The member `key` of an object; null if this is no object or has none.
  const Value& operator[](std::string_view key) const;
  // By JSON pointer (RFC 6901): "/a/0/b"; null if it leads nowhere. "" is this value.
  const Value& at_pointer(std::string_view pointer) const;
  bool is_number() const {
    return std::holds_alternative<double>(value_) || std::holds_alternative<std::int64_t>(value_);
  }
  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_boolean() const { return std::holds_alternative<bool>(value_); }
  bool is_text() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  // What it holds, or `otherwise` if it holds something else.
  std::string text(std::string_view otherwise = {}) const;
  double number(double otherwise = 0) const;
  std::int64_t integer(std::int64_t otherwise = 0) const;
  bool boolean(bool otherwise = false) const;
  const Array& array() const;            // empty if it is none
  const Object& object() const;          // empty if it is none
  // For a table cell: text as it is, numbers shortest, null as "".
  std::string print() const;

 private:
  friend void write(const Value& value, base::JsonWriter& into);

  std::variant<std::nullptr_t, bool, double, std::int64_t, std::string, Array, Object> value_ = nullptr;
};

// Writes it back; members stand in the order of their names.
void write(const Value& value, base::JsonWriter& into);

// Code::invalid_input with what simdjson says if `text` is no JSON document.
base::Result<Value> parse(std::string_view text, std::size_t max_bytes = 64 << 20);

}  // namespace selvedge::codec::json
