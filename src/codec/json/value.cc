#include "codec/json/value.h"

#include <simdjson.h>

#include "base/text.h"
#include "base/json_pointer.h"

namespace selvedge::codec::json {
namespace {

constexpr int max_depth = 64;

Value convert(simdjson::dom::element element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY: {
      Value::Array array;
      const simdjson::dom::array items(element.get_array().value_unsafe());
      for (const simdjson::dom::element item : items) array.push_back(convert(item));
      return Value(std::move(array));
    }
    case simdjson::dom::element_type::OBJECT: {
      Value::Object object;
      const simdjson::dom::object members(element.get_object().value_unsafe());
      for (const auto& [key, item] : members)
        object.insert_or_assign(std::string(key), convert(item));
      return Value(std::move(object));
    }
    case simdjson::dom::element_type::INT64: return Value(element.get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64:
      return Value(static_cast<double>(element.get_uint64().value_unsafe()));
    case simdjson::dom::element_type::DOUBLE: return Value(element.get_double().value_unsafe());
    case simdjson::dom::element_type::STRING:
      return Value(std::string(element.get_string().value_unsafe()));
    case simdjson::dom::element_type::BOOL: return Value(element.get_bool().value_unsafe());
    case simdjson::dom::element_type::NULL_VALUE: break;
  }
  return {};
}

}  // namespace

const Value& Value::operator[](std::string_view key) const {
  static const Value none;
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return none;
  const auto at = members->find(key);
  return at == members->end() ? none : at->second;
}

const Value& Value::at_pointer(std::string_view pointer) const {
  static const Value none;
  const Value* at = this;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return none;
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string step = base::pointer_name(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (const auto* items = std::get_if<Array>(&at->value_)) {
      const auto index = base::parse_int(step);
      if (!index || *index < 0 || static_cast<std::size_t>(*index) >= items->size()) return none;
      at = &(*items)[static_cast<std::size_t>(*index)];
    } else {
      at = &(*at)[step];
    }
  }
  return *at;
}

std::string Value::text(std::string_view otherwise) const {
  const auto* held = std::get_if<std::string>(&value_);
  return held != nullptr ? *held : std::string(otherwise);
}

double Value::number(double otherwise) const {
  if (const auto* held = std::get_if<double>(&value_)) return *held;
  if (const auto* held = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*held);
  return otherwise;
}

std::int64_t Value::integer(std::int64_t otherwise) const {
  const auto* held = std::get_if<std::int64_t>(&value_);
  return held != nullptr ? *held : otherwise;
}

bool Value::boolean(bool otherwise) const {
  const auto* held = std::get_if<bool>(&value_);
  return held != nullptr ? *held : otherwise;
}

const Value::Array& Value::array() const {
  static const Array none;
  const auto* held = std::get_if<Array>(&value_);
  return held != nullptr ? *held : none;
}

const Value::Object& Value::object() const {
  static const Object none;
  const auto* held = std::get_if<Object>(&value_);
  return held != nullptr ? *held : none;
}

std::string Value::print() const {
  if (const auto* held = std::get_if<std::string>(&value_)) return *held;
  if (const auto* held = std::get_if<bool>(&value_)) return *held ? "true" : "false";
  if (const auto* held = std::get_if<std::int64_t>(&value_)) return std::to_string(*held);
  if (const auto* held = std::get_if<double>(&value_)) return base::to_text(*held);
  return {};
}

base::Result<Value> parse(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return base::fail(base::Code::exhausted, "JSON: larger than " + base::size_text(max_bytes));
  simdjson::dom::parser parser(max_bytes);
  if (const auto error = parser.allocate(std::max<std::size_t>(text.size(), 64), max_depth); error)
    return base::fail(base::Code::exhausted, "JSON: out of memory");
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root); error)
    return base::fail(base::Code::invalid_input,
                      std::string("JSON: ") + simdjson::error_message(error));
  return convert(root);
}

void write(const Value& value, base::JsonWriter& into) {
  struct Writer {
    base::JsonWriter& json;
    void operator()(std::nullptr_t) const { json.null(); }
    void operator()(bool truth) const { json.value(truth); }
    void operator()(double number) const { json.value(number); }
    void operator()(std::int64_t number) const { json.value(number); }
    void operator()(const std::string& text) const { json.value(text); }
    void operator()(const Value::Array& items) const {
      json.begin_array();
      for (const Value& item : items) write(item, json);
      json.end_array();
    }
    void operator()(const Value::Object& members) const {
      json.begin_object();
      for (const auto& [name, member] : members) {
        json.key(name);
        write(member, json);
      }
      json.end_object();
    }
  };
  std::visit(Writer{into}, value.value_);
}

}  // namespace selvedge::codec::json
