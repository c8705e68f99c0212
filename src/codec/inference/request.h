// Request: an inference request of the Open Inference Protocol, version 2, over HTTP: JSON, or JSON
// followed by tensors as they are (the binary tensor data extension of Triton and KServe).
//
// decode_request() takes bytes from anyone: counts and depth are bounded, what a shape claims is held
// against the bytes there are before anything is allocated, and each error names the tensor. Binary
// tensors are not copied. Pure; any thread.
//
// Sources: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md;
// github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/inference/datatype.h"

namespace selvedge::codec::inference {

using Parameter = std::variant<bool, std::int64_t, double, std::string>;
using Parameters = std::map<std::string, Parameter, std::less<>>;

// A parameter as what it should be; none if it is absent or something else.
std::optional<double> number_of(const Parameters& parameters, std::string_view name);
std::optional<bool> truth_of(const Parameters& parameters, std::string_view name);
std::string text_of(const Parameters& parameters, std::string_view name);    // "" if none

struct InputTensor {
  InputTensor() = default;
  InputTensor(InputTensor&&) = default;            // views into `owned` stay good
  InputTensor& operator=(InputTensor&&) = default;

  std::string name;
  ElementType type = ElementType::float32;
  onnx::Shape shape;
  Parameters parameters;
  base::BytesView data;                            // numbers: little-endian, row by row
  std::vector<base::BytesView> texts;              // BYTES: one for each element
  base::Bytes owned;                               // what the views see, if it was JSON
};

struct AskedOutput {
  std::string name;
  bool binary = false;
  std::size_t classes = 0;                         // "classification": so many best, as texts
};

struct Request {
  std::optional<std::string> id;
  Parameters parameters;
  std::vector<InputTensor> inputs;
  std::vector<AskedOutput> outputs;                // none: all
  bool binary_outputs = false;                     // those that are not named
  // The body is the one input's content, without any JSON: inputs[0] has no name and is BYTES.
  bool raw = false;
};

struct RequestLimits {
  std::size_t inputs = 64, outputs = 64, parameters = 64;
  std::size_t dimensions = 16;
  std::size_t name_bytes = 1'024;
};

// `header_bytes`: what the header Inference-Header-Content-Length says, if it is there; 0: the body
// is raw. `body` must stay as it is while the request is used; it may be given more capacity here.
// Code::invalid_input otherwise.
base::Result<Request> decode_request(std::string& body, std::optional<std::size_t> header_bytes,
                                     const RequestLimits& limits = {});

}  // namespace selvedge::codec::inference
