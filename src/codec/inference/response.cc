#include "codec/inference/response.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/json.h"
#include "base/text.h"
#include "codec/inference/tensor_json.h"

namespace selvedge::codec::inference {
namespace {

void write_parameters(base::JsonWriter& json, const Parameters& parameters) {
  json.key("parameters").begin_object();
  for (const auto& [name, parameter] : parameters)
    std::visit([&](const auto& value) { json.field(name, value); }, parameter);
  json.end_object();
}

void append_texts(const std::vector<std::string>& texts, std::string& out) {
  for (const std::string& text : texts) {
    const auto size = static_cast<std::uint32_t>(text.size());
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((size >> shift) & 0xFF);
    out += text;
  }
}

std::size_t binary_size(const OutputTensor& output) {
  if (output.type != ElementType::text) return output.data.size();
  std::size_t size = 0;
  for (const std::string& text : output.texts) size += 4 + text.size();
  return size;
}

void write_output(base::JsonWriter& json, const OutputTensor& output) {
  json.begin_object().field("name", output.name).field("datatype", datatype_of(output.type)).key("shape").begin_array();
  for (const std::int64_t dimension : output.shape) json.value(dimension);
  json.end_array();
  if (output.binary) {
    json.key("parameters").begin_object().field("binary_data_size", static_cast<std::uint64_t>(binary_size(output))).end_object();
  } else {
    std::string elements;
    write_elements(output.type, output.data, output.texts, elements);
    json.key("data").raw(elements);
  }
  json.end_object();
}

template <typename T>
void widen(base::BytesView data, std::vector<double>& out) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, data.data() + at, sizeof(T));
    out.push_back(static_cast<double>(element));
  }
}

std::vector<double> numbers_of(const OutputTensor& output) {
  std::vector<double> out;
  switch (output.type) {
    case ElementType::boolean:
    case ElementType::uint8: widen<std::uint8_t>(output.data, out); break;
    case ElementType::uint16: widen<std::uint16_t>(output.data, out); break;
    case ElementType::uint32: widen<std::uint32_t>(output.data, out); break;
    case ElementType::uint64: widen<std::uint64_t>(output.data, out); break;
    case ElementType::int8: widen<std::int8_t>(output.data, out); break;
    case ElementType::int16: widen<std::int16_t>(output.data, out); break;
    case ElementType::int32: widen<std::int32_t>(output.data, out); break;
    case ElementType::int64: widen<std::int64_t>(output.data, out); break;
    case ElementType::float32: widen<float>(output.data, out); break;
    case ElementType::float64: widen<double>(output.data, out); break;
    case ElementType::float16:
      for (std::size_t at = 0; at + 2 <= output.data.size(); at += 2) {
        std::uint16_t half;
        std::memcpy(&half, output.data.data() + at, 2);
        out.push_back(static_cast<double>(from_half(half)));
      }
      break;
    case ElementType::text: break;
  }
  return out;
}

}  // namespace

EncodedResponse encode_response(const Response& response) {
  base::JsonWriter json;
  json.begin_object().field("model_name", response.model).field("model_version", std::to_string(response.version));
  if (response.id) json.field("id", *response.id);
  if (!response.parameters.empty()) write_parameters(json, response.parameters);
  json.key("outputs").begin_array();
  for (const OutputTensor& output : response.outputs) write_output(json, output);
  json.end_array().end_object();
  EncodedResponse encoded{json.take(), std::nullopt};
  std::size_t behind = 0;
  bool any = false;
  for (const OutputTensor& output : response.outputs)
    if (output.binary) behind += binary_size(output), any = true;
  if (!any) return encoded;
  encoded.header_bytes = encoded.body.size();
  encoded.body.reserve(encoded.body.size() + behind);
  for (const OutputTensor& output : response.outputs) {
    if (!output.binary) continue;
    if (output.type == ElementType::text) append_texts(output.texts, encoded.body);
    else encoded.body += base::as_text(output.data);
  }
  return encoded;
}

std::string encode_error(std::string_view what) {
  base::JsonWriter json;
  return json.begin_object().field("error", what).end_object().take();
}

base::Result<OutputTensor> classify(const OutputTensor& output, std::size_t most,
                                    const std::vector<std::string>& labels) {
  if (output.type == ElementType::text)
    return base::fail(base::Code::invalid_input, "output " + base::printable(output.name, 64) +
                                                     ": classification needs numbers");
  const std::vector<double> numbers = numbers_of(output);
  const std::size_t row = output.shape.empty() ? 1 : static_cast<std::size_t>(output.shape.back());
  OutputTensor made;
  made.name = output.name;
  made.type = ElementType::text;
  made.binary = output.binary;
  made.shape = output.shape;
  const std::size_t kept = std::min(most, row);
  if (made.shape.empty()) made.shape = {1};
  made.shape.back() = static_cast<std::int64_t>(kept);
  for (std::size_t begin = 0; row > 0 && begin + row <= numbers.size(); begin += row) {
    std::vector<std::size_t> order(row);
    std::iota(order.begin(), order.end(), std::size_t{0});
    // A NaN is below everything, or there would be no order.
    const auto rank = [&](std::size_t i) { return numbers[begin + i] == numbers[begin + i] ? numbers[begin + i] : -INFINITY; };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](std::size_t a, std::size_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
    for (std::size_t i = 0; i < kept; ++i) {
      std::string text = base::to_text(numbers[begin + order[i]]) + ":" + std::to_string(order[i]);
      if (order[i] < labels.size()) text += ":" + labels[order[i]];
      made.texts.push_back(std::move(text));
    }
  }
  return made;
}

}  // namespace selvedge::codec::inference
