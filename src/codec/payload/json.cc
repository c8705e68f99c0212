#include "codec/payload/json.h"

#include <memory>
#include <optional>

#include <simdjson.h>

#include "codec/payload/json_fields.h"
#include "codec/payload/plain.h"
#include "codec/payload/senml.h"

namespace selvedge::codec::payload {
namespace {

namespace ondemand = simdjson::ondemand;
using base::Code;
using base::fail;
using base::Result;

constexpr std::size_t kept_scratch_bytes = 4 << 20;
constexpr std::uint32_t most_depth = 64;  // of our recursion, whatever the options say

struct Scratch {
  std::unique_ptr<ondemand::parser> parser = std::make_unique<ondemand::parser>();
  std::string padded;
  JsonFields fields;
  SenmlPack senml;
  bool in_use = false;
};

// Reused from call to call, because a parser and its buffers cost more than a small message.
Scratch& scratch() {
  thread_local Scratch kept;
  return kept;
}

// simdjson reads beyond the end, so it gets a copy with room behind it.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()) {
    CHECK(!scratch().in_use);  // a sink that decodes would overwrite what it is given
    scratch().in_use = true;
    std::string& buffer = scratch().padded;
    if (buffer.size() < size_ + simdjson::SIMDJSON_PADDING)
      buffer.resize(size_ + simdjson::SIMDJSON_PADDING);
    if (size_ > 0) std::memcpy(buffer.data(), text.data(), size_);
  }
  ~Padded() {
    Scratch& kept = scratch();
    kept.in_use = false;
    if (kept.padded.size() <= kept_scratch_bytes) return;
    kept.padded = {};
    kept.parser = std::make_unique<ondemand::parser>();
  }
  Padded(const Padded&) = delete;
  Padded& operator=(const Padded&) = delete;

  std::string_view text() const { return {scratch().padded.data(), size_}; }
  // `part` of text() as simdjson wants it.
  simdjson::padded_string_view view(std::string_view part) const {
    const auto begin = static_cast<std::size_t>(part.data() - scratch().padded.data());
    return simdjson::padded_string_view(part.data(), part.size(), scratch().padded.size() - begin);
  }

 private:
  std::size_t size_;
};

// One document on its way through simdjson.
class Document {
 public:
  Result<void> open(const Padded& padded, std::string_view part) {
    begin_ = part.data();
    if (const auto error = scratch().parser->iterate(padded.view(part)).get(document_))
      return fail(Code::invalid_input, simdjson::error_message(error));
    return {};
  }

  ondemand::document& root() { return document_; }

  std::unexpected<base::Error> error(simdjson::error_code code) {
    return fail(Code::invalid_input, where() + simdjson::error_message(code));
  }

  Result<void> at_end() {
    const char* at = nullptr;
    if (document_.current_location().get(at) == simdjson::OUT_OF_BOUNDS) return {};
    return fail(Code::invalid_input, where() + "something follows the end of the JSON");
  }

 private:
  std::string where() {
    const char* at = nullptr;
    if (document_.current_location().get(at) != simdjson::SUCCESS) return "at the end: ";
    return "byte " + std::to_string(at - begin_) + ": ";
  }

  ondemand::document document_;
  const char* begin_ = nullptr;
};

// Binds what a simdjson result holds, without the copy that get() makes, or returns its error.
#define BIND(document, type, variable, result)                   \
  if ((result).error()) [[unlikely]]                             \
    return (document).error((result).error());                   \
  type&& variable = std::move(result).value_unsafe()

// Takes the value of a simdjson result, or returns its error and where in `document` it is.
#define GET(document, variable, expression)                             \
  do {                                                                  \
    if (const auto get_error = std::move(expression).get(variable)) [[unlikely]] \
      return (document).error(get_error);                               \
  } while (false)

// The text between the quote before `p` and the next one, if no escape stands in between.
bool plain_string(const char* p, std::string_view& text) {
  const char* end = p;
  while (*end != '"' && *end != '\\') ++end;
  text = {p, static_cast<std::size_t>(end - p)};
  return *end == '"';
}

Result<std::string_view> key_of(ondemand::field& field, Document& document) {
  std::string_view key;
  if (plain_string(field.key().raw(), key)) return key;
  GET(document, key, field.unescaped_key());
  return key;
}

Result<std::string_view> text_of(ondemand::value& value, Document& document) {
  std::string_view text;
  if (plain_string(value.raw_json_token().data() + 1, text)) return text;
  GET(document, text, value.get_string());
  return text;
}

// The number that a token is; spaces may follow it up to the next token.
bool scan_token(std::string_view token, Decimal& number) {
  const char* const end = token.data() + token.size();
  const char* stop = scan(token.data(), end, Grammar::json, number);
  while (stop != nullptr && stop < end && is_space(*stop)) ++stop;
  return stop == end;
}

std::unexpected<base::Error> not_a_number(std::string_view token) {
  return fail(Code::invalid_input, quote(trim(token)) + " is not a number");
}

Result<void> check_null(ondemand::value& value, Document& document) {
  const std::string_view token = trim(value.raw_json_token());
  if (token == "null") return {};
  return document.error(simdjson::N_ATOM_ERROR);
}

// Walks one object into JsonFields.
class FieldsWalk {
 public:
  FieldsWalk(Document& document, JsonFields& fields)
      : bounds_(fields.bounds()), document_(document), fields_(fields) {}

  Result<void> object(ondemand::object& object, std::uint32_t depth) {
    for (auto item : object) {
      BIND(document_, ondemand::field, field, item);
      const std::string_view key = TRY(key_of(field, document_));
      const std::size_t mark = TRY(fields_.enter(key));
      TRY(value(field.value(), depth));
      fields_.leave(mark);
    }
    return {};
  }

 private:
  Result<void> array(ondemand::array& array, std::uint32_t depth) {
    std::size_t index = 0;
    for (auto item : array) {
      BIND(document_, ondemand::value, element, item);
      if (index >= bounds_.elements)
        return fail(Code::invalid_input, where() + "more than " + std::to_string(bounds_.elements) +
                                             " elements in an array");
      const std::size_t mark = TRY(fields_.enter(index++));
      TRY(value(element, depth));
      fields_.leave(mark);
    }
    return {};
  }

  Result<void> value(ondemand::value& value, std::uint32_t depth) {
    ondemand::json_type type;
    GET(document_, type, value.type());
    switch (type) {
      case ondemand::json_type::number: {
        const std::string_view token = value.raw_json_token();
        Decimal number;
        if (scan_token(token, number)) [[likely]] return fields_.number(number);
        return fail(Code::invalid_input, where() + not_a_number(token).error().message);
      }
      case ondemand::json_type::string: return fields_.text(TRY(text_of(value, document_)));
      case ondemand::json_type::boolean: {
        bool truth = false;
        GET(document_, truth, value.get_bool());
        return fields_.boolean(truth);
      }
      case ondemand::json_type::null: return check_null(value, document_);
      case ondemand::json_type::object: {
        TRY(deeper(depth));
        ondemand::object inner;
        GET(document_, inner, value.get_object());
        return object(inner, depth + 1);
      }
      case ondemand::json_type::array: break;
    }
    TRY(deeper(depth));
    ondemand::array inner;
    GET(document_, inner, value.get_array());
    return array(inner, depth + 1);
  }

  Result<void> deeper(std::uint32_t depth) const {
    if (depth < bounds_.depth && depth < most_depth) return {};
    return fail(Code::invalid_input, where() + "nested deeper than " +
                                         std::to_string(std::min(bounds_.depth, most_depth)));
  }

  std::string where() const { return "field " + quote(fields_.path()) + ": "; }

  const Bounds& bounds_;
  Document& document_;
  JsonFields& fields_;
};

Result<void> decode_object(ondemand::object& object, Document& document, Output& out) {
  JsonFields& fields = scratch().fields;
  fields.begin();
  TRY(FieldsWalk(document, fields).object(object, 1));
  return fields.finish(out);
}

// `step` of the `index`-th element, counted from 0 as in a path.
Result<void> in_element(std::string_view what, std::size_t index, Result<void> result) {
  if (result) [[likely]] return result;
  return std::unexpected(
      std::move(result).error().while_doing(std::string(what) + " " + std::to_string(index)));
}

Result<void> decode_array(Document& document, const Options& options, Output& out) {
  scratch().fields.prepare(options);
  ondemand::array array;
  GET(document, array, document.root().get_array());
  std::size_t index = 0;
  for (auto item : array) {
    BIND(document, ondemand::value, element, item);
    ondemand::object object;
    if (const auto error = element.get_object().get(object))
      return in_element("element", index,
                        error == simdjson::INCORRECT_TYPE
                            ? Result<void>(fail(Code::invalid_input, "not an object"))
                            : Result<void>(document.error(error)));
    TRY(in_element("element", index, decode_object(object, document, out)));
    ++index;
  }
  return document.at_end();
}

Result<void> decode_root_object(Document& document, const Options& options, Output& out) {
  scratch().fields.prepare(options);
  ondemand::object object;
  GET(document, object, document.root().get_object());
  TRY(decode_object(object, document, out));
  return document.at_end();
}

Result<void> decode_scalar(std::string_view trimmed, const Options& options, Document& document,
                           Output& out) {
  if (trimmed == "null") return {};
  if (trimmed == "true" || trimmed == "false")
    return out.put({}, std::nullopt, model::ValueView::of(trimmed == "true"));
  if (!trimmed.starts_with('"')) {
    Decimal number;
    if (!scan_token(trimmed, number)) return not_a_number(trimmed);
    if (const auto value = to_value(number)) return out.put({}, std::nullopt, *value);
    return fail(Code::invalid_input, quote(trimmed) + ": too large a number");
  }
  const Padded padded(trimmed);
  TRY(document.open(padded, padded.text()));
  std::string_view text;
  GET(document, text, document.root().get_string());
  if (!options.text_values)
    return fail(Code::invalid_input, quote(trimmed) + ": text, and texts are not asked for");
  return out.put({}, std::nullopt, model::ValueView::of(text));
}

Result<void> senml_field(SenmlLabel label, ondemand::value& value, Document& document,
                         SenmlPack& pack) {
  ondemand::json_type type;
  GET(document, type, value.type());
  switch (type) {
    case ondemand::json_type::number: {
      const std::string_view token = value.raw_json_token();
      Decimal number;
      if (scan_token(token, number)) [[likely]] return pack.number(label, number);
      return not_a_number(token);
    }
    case ondemand::json_type::string: return pack.text(label, TRY(text_of(value, document)));
    case ondemand::json_type::boolean: {
      bool truth = false;
      GET(document, truth, value.get_bool());
      return pack.boolean(label, truth);
    }
    default:
      if (label == SenmlLabel::other) return {};
      return fail(Code::invalid_input, "a field that is null, an object or an array");
  }
}

Result<void> senml_record(ondemand::value& element, Document& document, SenmlPack& pack,
                          Output& out) {
  ondemand::object object;
  GET(document, object, element.get_object());
  pack.begin_record();
  for (auto item : object) {
    BIND(document, ondemand::field, field, item);
    const SenmlLabel label = TRY(senml_label(TRY(key_of(field, document))));
    TRY(senml_field(label, field.value(), document, pack));
  }
  return pack.end_record(out);
}

Result<void> decode_records(Document& document, const Options& options, base::Time arrival,
                            Output& out) {
  SenmlPack& pack = scratch().senml;
  pack.begin_pack(options, arrival);
  ondemand::array array;
  GET(document, array, document.root().get_array());
  std::size_t index = 0;
  for (auto item : array) {
    BIND(document, ondemand::value, element, item);
    TRY(in_element("record", index++, senml_record(element, document, pack, out)));
  }
  return document.at_end();
}

// Whether the first object of an array has the keys of a SenML record. None if the array is damaged
// or holds no object: simdjson must not go on with a document that it has given up.
std::optional<bool> looks_like_senml(Document& document) {
  ondemand::array array;
  if (document.root().get_array().get(array)) return std::nullopt;
  for (auto item : array) {
    ondemand::object object;
    if (item.get_object().get(object)) return std::nullopt;
    bool name = false, value = false;
    for (auto entry : object) {
      ondemand::field field;
      if (std::move(entry).get(field)) return std::nullopt;
      std::string_view key;
      if (!plain_string(field.key().raw(), key)) continue;
      if (key == "bn") return true;
      name = name || key == "n";
      value = value || key == "v" || key == "vs" || key == "vb" || key == "vd" || key == "s";
    }
    return name && value;
  }
  return false;
}

// Whether an object ends before a line break and another begins after it. In one JSON text a comma
// would have to stand between.
bool looks_like_lines(std::string_view text) {
  for (std::size_t i = text.find('}'); i != text.npos; i = text.find('}', i)) {
    const std::size_t next = std::min(text.find_first_not_of(" \t\r\n", i + 1), text.size());
    const std::string_view between = text.substr(i + 1, next - i - 1);
    if (next < text.size() && text[next] == '{' && between.find('\n') != between.npos) return true;
    i = next;
  }
  return false;
}

}  // namespace

Result<void> decode_json(std::string_view text, const Options& options, Output& out) {
  const std::string_view trimmed = trim(text);
  if (trimmed.empty()) return fail(Code::invalid_input, "empty");
  Document document;
  if (trimmed.front() != '{' && trimmed.front() != '[')
    return decode_scalar(trimmed, options, document, out);
  const Padded padded(trimmed);
  TRY(document.open(padded, padded.text()));
  if (trimmed.front() == '[') return decode_array(document, options, out);
  return decode_root_object(document, options, out);
}

Result<void> decode_any_json(std::string_view text, const Options& options, base::Time arrival,
                             Output& out) {
  const std::string_view trimmed = trim(text);
  if (trimmed.starts_with('{') && looks_like_lines(trimmed)) return decode_ndjson(text, options, out);
  if (!trimmed.starts_with('[')) return decode_json(text, options, out);
  const Padded padded(trimmed);
  Document document;
  TRY(document.open(padded, padded.text()));
  const std::optional<bool> senml = looks_like_senml(document);
  if (senml) document.root().rewind();
  else TRY(document.open(padded, padded.text()));
  if (senml.value_or(false)) return decode_records(document, options, arrival, out);
  return decode_array(document, options, out);
}

Result<void> decode_ndjson(std::string_view text, const Options& options, Output& out) {
  const Padded padded(text);
  const auto decode_line = [&](std::string_view line) -> Result<void> {
    Document document;
    TRY(document.open(padded, line));
    return decode_root_object(document, options, out);
  };
  std::string_view rest = padded.text();
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    TRY(in_element("line", number, decode_line(line)));
  }
  return {};
}

Result<void> decode_senml_json(std::string_view text, const Options& options, base::Time arrival,
                               Output& out) {
  const std::string_view trimmed = trim(text);
  if (!trimmed.starts_with('[')) return fail(Code::invalid_input, "not an array of records");
  const Padded padded(trimmed);
  Document document;
  TRY(document.open(padded, padded.text()));
  return decode_records(document, options, arrival, out);
}

}  // namespace selvedge::codec::payload
