#include "codec/inference/tensor_json.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/json.h"

namespace selvedge::codec::inference {

using base::Code;
using base::fail;
using base::Result;

namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::json_type;
using simdjson::ondemand::value;

struct Half {
  std::uint16_t bits = 0;
};

std::unexpected<base::Error> wrong(std::string_view expected, std::size_t at) {
  return fail(Code::invalid_input, "data: element " + std::to_string(at) + ": expected " + std::string(expected));
}

// One element, if the value is one; the text says what was expected otherwise.
template <typename T>
const char* read_one(value& from, T& to) {
  if constexpr (std::is_same_v<T, bool>) {
    if (from.get_bool().get(to) == simdjson::SUCCESS) return nullptr;
    std::int64_t number = 0;
    if (from.get_int64().get(number) == simdjson::SUCCESS && (number == 0 || number == 1)) {
      to = number == 1;
      return nullptr;
    }
    return "true or false";
  } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_same_v<T, Half>) {
    double number = 0;
    if (from.get_double().get(number) != simdjson::SUCCESS) return "a number";
    if constexpr (std::is_same_v<T, double>) {
      to = number;
    } else {
      const auto single = static_cast<float>(number);
      if (!std::isfinite(single)) return "a number that its type can hold";
      if constexpr (std::is_same_v<T, float>) {
        to = single;
      } else {
        to.bits = to_half(single);
        if ((to.bits & 0x7C00U) == 0x7C00U) return "a number that its type can hold";
      }
    }
    return nullptr;
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return from.get_uint64().get(to) == simdjson::SUCCESS ? nullptr : "a whole number from 0 on";
  } else {
    std::int64_t number = 0;
    if (from.get_int64().get(number) != simdjson::SUCCESS) return "a whole number";
    if (number < std::int64_t{std::numeric_limits<T>::min()} || number > std::int64_t{std::numeric_limits<T>::max()})
      return "a number that its type can hold";
    to = static_cast<T>(number);
    return nullptr;
  }
}

template <typename T>
class Numbers {
 public:
  Numbers(base::Bytes& out, std::size_t count) : out_(out), count_(count) { out_.resize(count * sizeof(T)); }

  Result<void> read(array from, std::size_t depth) {
    for (auto item : from) {
      value one;
      if (const auto error = item.get(one)) return json_error("data", error);
      // Elements of a nested array stand in the same order as in a flat one.
      if (*raw(one) == '[') {
        array inner;
        if (depth == 0) return wrong("no more dimensions than its shape has", at_);
        if (const auto error = one.get_array().get(inner)) return json_error("data", error);
        TRY(read(inner, depth - 1));
        continue;
      }
      if (at_ == count_) return fail(Code::invalid_input, "data: more elements than its shape has");
      T element{};
      if (const char* expected = read_one(one, element)) return wrong(expected, at_);
      std::memcpy(out_.data() + at_ * sizeof(T), &element, sizeof(T));
      ++at_;
    }
    return {};
  }
  std::size_t count() const { return at_; }

 private:
  static const char* raw(value& one) { return one.raw_json_token().data(); }

  base::Bytes& out_;
  std::size_t count_, at_ = 0;
};

template <typename T>
Result<std::size_t> read_numbers(array from, std::size_t count, std::size_t depth, base::Bytes& out) {
  Numbers<T> numbers(out, count);
  TRY(numbers.read(from, depth));
  return numbers.count();
}

Result<void> read_texts(array from, std::size_t count, std::size_t depth, base::Bytes& out,
                        std::vector<std::size_t>& ends) {
  for (auto item : from) {
    value one;
    if (const auto error = item.get(one)) return json_error("data", error);
    if (*one.raw_json_token().data() == '[') {
      array inner;
      if (depth == 0) return wrong("no more dimensions than its shape has", ends.size());
      if (const auto error = one.get_array().get(inner)) return json_error("data", error);
      TRY(read_texts(inner, count, depth - 1, out, ends));
      continue;
    }
    if (ends.size() == count) return fail(Code::invalid_input, "data: more elements than its shape has");
    std::string_view text;
    if (one.get_string().get(text) != simdjson::SUCCESS) return wrong("a text", ends.size());
    base::append(out, base::as_bytes(text));
    ends.push_back(out.size());
  }
  return {};
}

Result<std::size_t> read_all(array from, std::size_t count, InputTensor& input) {
  const std::size_t depth = input.shape.empty() ? 0 : input.shape.size() - 1;
  base::Bytes& out = input.owned;
  switch (input.type) {
    case ElementType::boolean: return read_numbers<bool>(from, count, depth, out);
    case ElementType::uint8: return read_numbers<std::uint8_t>(from, count, depth, out);
    case ElementType::uint16: return read_numbers<std::uint16_t>(from, count, depth, out);
    case ElementType::uint32: return read_numbers<std::uint32_t>(from, count, depth, out);
    case ElementType::uint64: return read_numbers<std::uint64_t>(from, count, depth, out);
    case ElementType::int8: return read_numbers<std::int8_t>(from, count, depth, out);
    case ElementType::int16: return read_numbers<std::int16_t>(from, count, depth, out);
    case ElementType::int32: return read_numbers<std::int32_t>(from, count, depth, out);
    case ElementType::int64: return read_numbers<std::int64_t>(from, count, depth, out);
    case ElementType::float16: return read_numbers<Half>(from, count, depth, out);
    case ElementType::float32: return read_numbers<float>(from, count, depth, out);
    case ElementType::float64: return read_numbers<double>(from, count, depth, out);
    case ElementType::text: break;
  }
  std::vector<std::size_t> ends;
  TRY(read_texts(from, count, depth, out, ends));
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    input.texts.push_back(base::BytesView(out).subspan(begin, end - begin));
    begin = end;
  }
  return ends.size();
}

// ---- back to JSON ----

template <typename T>
void append_number(T number, std::string& out) {
  char text[32];
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(number)) {
      out += "null";
      return;
    }
  }
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

template <typename T, typename Write>
void write_each(base::BytesView data, std::string& out, Write write) {
  out.reserve(out.size() + data.size() / sizeof(T) * 4);
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, data.data() + at, sizeof(T));
    if (at > 0) out += ',';
    write(element);
  }
}

template <typename T>
void write_numbers(base::BytesView data, std::string& out) {
  write_each<T>(data, out, [&](T element) { append_number(element, out); });
}

}  // namespace

std::unexpected<base::Error> json_error(std::string_view what, simdjson::error_code code) {
  return fail(Code::invalid_input, std::string(what) + ": " + simdjson::error_message(code));
}

Result<void> read_elements(array from, std::size_t count, InputTensor& input) {
  const std::size_t read = TRY(read_all(from, count, input));
  if (read != count)
    return fail(Code::invalid_input, "data: " + std::to_string(read) + " elements, and its shape has " +
                                         std::to_string(count));
  if (input.type != ElementType::text) input.data = input.owned;
  return {};
}

void write_elements(ElementType type, base::BytesView data, const std::vector<std::string>& texts,
                    std::string& out) {
  out += '[';
  switch (type) {
    case ElementType::boolean:
      write_each<std::uint8_t>(data, out, [&](std::uint8_t b) { out += b != 0 ? "true" : "false"; });
      break;
    case ElementType::uint8: write_numbers<std::uint8_t>(data, out); break;
    case ElementType::uint16: write_numbers<std::uint16_t>(data, out); break;
    case ElementType::uint32: write_numbers<std::uint32_t>(data, out); break;
    case ElementType::uint64: write_numbers<std::uint64_t>(data, out); break;
    case ElementType::int8: write_numbers<std::int8_t>(data, out); break;
    case ElementType::int16: write_numbers<std::int16_t>(data, out); break;
    case ElementType::int32: write_numbers<std::int32_t>(data, out); break;
    case ElementType::int64: write_numbers<std::int64_t>(data, out); break;
    case ElementType::float16:
      write_each<std::uint16_t>(data, out, [&](std::uint16_t half) { append_number(from_half(half), out); });
      break;
    case ElementType::float32: write_numbers<float>(data, out); break;
    case ElementType::float64: write_numbers<double>(data, out); break;
    case ElementType::text:
      for (std::size_t i = 0; i < texts.size(); ++i) {
        base::JsonWriter json;
        json.value(texts[i]);
        if (i > 0) out += ',';
        out += json.text();
      }
      break;
  }
  out += ']';
}

}  // namespace selvedge::codec::inference
