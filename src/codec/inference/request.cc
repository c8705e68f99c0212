#include "codec/inference/request.h"

#include <simdjson.h>

#include <set>

#include "base/text.h"
#include "base/wire.h"
#include "codec/inference/tensor_json.h"

namespace selvedge::codec::inference {

using base::Code;
using base::fail;
using base::Result;

namespace {

namespace od = simdjson::ondemand;

std::unexpected<base::Error> invalid(std::string text) { return fail(Code::invalid_input, std::move(text)); }

// The bytes behind the JSON, taken from the front.
struct Tail {
  base::BytesView left;
  bool there = false;                              // the request says that tensors may follow its JSON

  Result<base::BytesView> take(std::int64_t size) {
    if (!there) return invalid("binary_data_size without the header Inference-Header-Content-Length");
    if (size < 0 || static_cast<std::uint64_t>(size) > left.size())
      return invalid("binary_data_size " + std::to_string(size) + ", and " + std::to_string(left.size()) +
                     " bytes are left");
    const base::BytesView taken = left.first(static_cast<std::size_t>(size));
    left = left.subspan(taken.size());
    return taken;
  }
};

class Reader {
 public:
  Reader(const RequestLimits& limits, std::size_t json_bytes, Tail& tail)
      : limits_(limits), json_bytes_(json_bytes), tail_(tail) {}

  // Members come in any order; what is not known is skipped.
  Result<Request> read(od::object root) {
    Request request;
    TRY(each(root, "request", [&](std::string_view key, od::value& v) -> Result<void> {
      if (key == "id") request.id = TRY(text(v, "id"));
      else if (key == "parameters") request.parameters = TRY(parameters(v));
      else if (key == "inputs") TRY(inputs(v, request));
      else if (key == "outputs") TRY(outputs(v, request));
      return {};
    }));
    if (request.inputs.empty()) return invalid("inputs: there are none");
    request.binary_outputs = truth_of(request.parameters, "binary_data_output").value_or(false);
    return request;
  }

 private:
  template <typename Visit>
  Result<void> each(od::object& object, const char* what, Visit visit) {
    for (auto field : object) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return json_error(what, error);
      od::value v;
      if (const auto error = field.value().get(v)) return json_error(what, error);
      TRY(visit(key, v));
    }
    return {};
  }

  Result<std::string> text(od::value& v, const char* what) {
    std::string_view found;
    if (v.get_string().get(found) != simdjson::SUCCESS) return invalid(std::string(what) + ": expected a text");
    if (found.size() > limits_.name_bytes) return invalid(std::string(what) + ": longer than " + std::to_string(limits_.name_bytes) + " bytes");
    return std::string(found);
  }

  Result<Parameters> parameters(od::value& v) {
    Parameters all;
    od::object object;
    if (v.get_object().get(object) != simdjson::SUCCESS) return invalid("parameters: expected an object");
    TRY(each(object, "parameters", [&](std::string_view name, od::value& one) -> Result<void> {
      if (all.size() >= limits_.parameters || name.size() > limits_.name_bytes)
        return invalid("parameters: more than " + std::to_string(limits_.parameters) + ", or a name that is too long");
      const std::string key(name);
      std::int64_t whole = 0;
      double number = 0;
      bool truth = false;
      std::string_view words;
      if (one.get_int64().get(whole) == simdjson::SUCCESS) all[key] = whole;
      else if (one.get_double().get(number) == simdjson::SUCCESS) all[key] = number;
      else if (one.get_bool().get(truth) == simdjson::SUCCESS) all[key] = truth;
      else if (one.get_string().get(words) == simdjson::SUCCESS && words.size() <= (64 << 10)) all[key] = std::string(words);
      else return invalid("parameters: " + base::printable(key, 64) + ": expected a text, a number, true or false");
      return {};
    }));
    return all;
  }

  Result<void> inputs(od::value& v, Request& request) {
    od::array all;
    if (!request.inputs.empty() || v.get_array().get(all) != simdjson::SUCCESS)
      return invalid("inputs: expected one array");
    std::set<std::string> names;
    for (auto item : all) {
      if (request.inputs.size() >= limits_.inputs) return invalid("inputs: more than " + std::to_string(limits_.inputs));
      od::object object;
      if (const auto error = item.get_object().get(object)) return json_error("inputs", error);
      InputTensor& input = request.inputs.emplace_back();
      const auto read = describe(object, input);
      const std::string step = "input " + (input.name.empty() ? std::to_string(request.inputs.size() - 1)
                                                              : base::printable(input.name, 64));
      TRY(base::while_doing(step, read));
      TRY(base::while_doing(step, contents(object, input)));
      if (!names.insert(input.name).second) return invalid(step + ": there is another of that name");
    }
    return {};
  }

  // All but the data, whose reading needs type and shape.
  Result<void> describe(od::object& object, InputTensor& input) {
    std::string type;
    bool shaped = false;
    TRY(each(object, "input", [&](std::string_view key, od::value& v) -> Result<void> {
      if (key == "name") input.name = TRY(text(v, "name"));
      else if (key == "datatype") type = TRY(text(v, "datatype"));
      else if (key == "parameters") input.parameters = TRY(parameters(v));
      else if (key == "shape") {
        input.shape = TRY(shape(v));
        shaped = true;
      }
      return {};
    }));
    if (input.name.empty()) return invalid("name is missing");
    if (type.empty()) return invalid("datatype is missing");
    if (!shaped) return invalid("shape is missing");
    input.type = TRY(parse_datatype(type));
    return {};
  }

  Result<onnx::Shape> shape(od::value& v) {
    onnx::Shape dimensions;
    od::array all;
    if (v.get_array().get(all) != simdjson::SUCCESS) return invalid("shape: expected an array");
    for (auto item : all) {
      std::int64_t dimension = 0;
      if (item.get_int64().get(dimension) != simdjson::SUCCESS || dimension < 0)
        return invalid("shape: expected whole numbers from 0 on");
      if (dimensions.size() >= limits_.dimensions)
        return invalid("shape: more than " + std::to_string(limits_.dimensions) + " dimensions");
      dimensions.push_back(dimension);
    }
    return dimensions;
  }

  Result<void> contents(od::object& object, InputTensor& input) {
    const std::size_t count = TRY(base::while_doing("shape", onnx::elements_of(input.shape)));
    if (const auto size = input.parameters.find("binary_data_size"); size != input.parameters.end()) {
      const auto* bytes = std::get_if<std::int64_t>(&size->second);
      if (bytes == nullptr) return invalid("binary_data_size: expected a whole number");
      return binary(TRY(tail_.take(*bytes)), count, input);
    }
    // Each element takes a byte of JSON and one for what separates it.
    if (count > json_bytes_ / 2 + 1)
      return invalid("data: fewer elements than its shape has (" + std::to_string(count) + ")");
    if (const auto error = object.reset().error()) return json_error("input", error);
    od::array data;
    if (const auto error = object.find_field_unordered("data").get_array().get(data))
      return error == simdjson::NO_SUCH_FIELD ? invalid("data is missing") : json_error("data", error);
    TRY(read_elements(data, count, input));
    // What follows in this object is passed over.
    if (const auto error = object.reset().error()) return json_error("input", error);
    return each(object, "input", [](std::string_view, od::value&) -> Result<void> { return {}; });
  }

  static Result<void> binary(base::BytesView bytes, std::size_t count, InputTensor& input) {
    if (input.type != ElementType::text) {
      if (bytes.size() != count * onnx::bytes_of(input.type))
        return invalid("binary_data_size " + std::to_string(bytes.size()) + ", and its shape needs " +
                       std::to_string(count * onnx::bytes_of(input.type)));
      input.data = bytes;
      return {};
    }
    return texts(bytes, count, input);
  }

  // Each element behind its length in four bytes. One element alone may stand as it is.
  static Result<void> texts(base::BytesView bytes, std::size_t count, InputTensor& input) {
    base::BytesView left = bytes;
    while (left.size() >= 4 && input.texts.size() < count) {
      const std::size_t length = std::size_t{left[0]} | std::size_t{left[1]} << 8 | std::size_t{left[2]} << 16 |
                                 std::size_t{left[3]} << 24;
      if (length > left.size() - 4) break;
      input.texts.push_back(left.subspan(4, length));
      left = left.subspan(4 + length);
    }
    if (left.empty() && input.texts.size() == count) return {};
    if (count != 1) return invalid("data: expected " + std::to_string(count) + " texts, each behind its length");
    input.texts.assign(1, bytes);
    return {};
  }

  Result<void> outputs(od::value& v, Request& request) {
    od::array all;
    if (!request.outputs.empty() || v.get_array().get(all) != simdjson::SUCCESS)
      return invalid("outputs: expected one array");
    std::set<std::string> names;                   // each once, or a small request has a large answer
    for (auto item : all) {
      if (request.outputs.size() >= limits_.outputs)
        return invalid("outputs: more than " + std::to_string(limits_.outputs));
      od::object object;
      if (const auto error = item.get_object().get(object)) return json_error("outputs", error);
      AskedOutput output;
      Parameters given;
      TRY(each(object, "output", [&](std::string_view key, od::value& one) -> Result<void> {
        if (key == "name") output.name = TRY(text(one, "name"));
        else if (key == "parameters") given = TRY(parameters(one));
        return {};
      }));
      if (output.name.empty()) return invalid("outputs: name is missing");
      if (!names.insert(output.name).second)
        return invalid("output " + base::printable(output.name, 64) + ": there is another of that name");
      asked_binary_.push_back(truth_of(given, "binary_data"));
      output.binary = asked_binary_.back().value_or(false);
      const double classes = number_of(given, "classification").value_or(0);
      if (classes < 0 || classes > 100'000) return invalid("output " + base::printable(output.name, 64) + ": classification: expected 0 to 100000");
      output.classes = static_cast<std::size_t>(classes);
      request.outputs.push_back(std::move(output));
    }
    return {};
  }

 public:
  // binary_data_output counts for outputs that do not say it themselves.
  void settle(Request& request) const {
    for (std::size_t i = 0; i < request.outputs.size(); ++i)
      request.outputs[i].binary = asked_binary_[i].value_or(request.binary_outputs);
  }

 private:
  const RequestLimits& limits_;
  std::size_t json_bytes_;
  Tail& tail_;
  std::vector<std::optional<bool>> asked_binary_;
};

Request raw_request(std::string& body) {
  Request request;
  request.raw = true;
  InputTensor& input = request.inputs.emplace_back();
  input.type = ElementType::text;
  input.shape = {1};
  input.texts.push_back(base::as_bytes(body));
  return request;
}

}  // namespace

std::optional<double> number_of(const Parameters& parameters, std::string_view name) {
  const auto at = parameters.find(name);
  if (at == parameters.end()) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&at->second)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&at->second)) return *number;
  return std::nullopt;
}

std::optional<bool> truth_of(const Parameters& parameters, std::string_view name) {
  const auto at = parameters.find(name);
  if (at == parameters.end() || !std::holds_alternative<bool>(at->second)) return std::nullopt;
  return std::get<bool>(at->second);
}

std::string text_of(const Parameters& parameters, std::string_view name) {
  const auto at = parameters.find(name);
  if (at == parameters.end() || !std::holds_alternative<std::string>(at->second)) return {};
  return std::get<std::string>(at->second);
}

Result<Request> decode_request(std::string& body, std::optional<std::size_t> header_bytes,
                               const RequestLimits& limits) {
  if (header_bytes && *header_bytes > body.size())
    return invalid("Inference-Header-Content-Length " + std::to_string(*header_bytes) + ", and the body has " +
                   std::to_string(body.size()) + " bytes");
  if (header_bytes && *header_bytes == 0 && !body.empty()) return raw_request(body);
  const std::size_t json_bytes = header_bytes.value_or(body.size());
  if (body.capacity() < json_bytes + simdjson::SIMDJSON_PADDING) body.reserve(json_bytes + simdjson::SIMDJSON_PADDING);
  Tail tail{base::as_bytes(body).subspan(json_bytes), header_bytes.has_value()};
  od::parser parser;
  od::document document;
  const simdjson::padded_string_view view(body.data(), json_bytes, body.capacity());
  if (const auto error = parser.iterate(view).get(document)) return json_error("request", error);
  od::object root;
  if (const auto error = document.get_object().get(root)) return json_error("request", error);
  Reader reader(limits, json_bytes, tail);
  Request request = TRY(reader.read(root));
  const char* rest = nullptr;                      // there is a place only if there is more
  if (document.current_location().get(rest) == simdjson::SUCCESS) return invalid("request: something follows the JSON");
  if (!tail.left.empty())
    return invalid(std::to_string(tail.left.size()) + " bytes behind the JSON belong to no input");
  reader.settle(request);
  return request;
}

}  // namespace selvedge::codec::inference
