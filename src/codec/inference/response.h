// Response: the answer to an inference request (request.h), as bytes. Pure; any thread.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/inference/request.h"

namespace selvedge::codec::inference {

struct OutputTensor {
  std::string name;
  ElementType type = ElementType::float32;
  onnx::Shape shape;
  base::Bytes data;                                // numbers: little-endian, row by row
  std::vector<std::string> texts;                  // BYTES
  bool binary = false;                             // behind the JSON
};

struct Response {
  std::string model;
  std::uint64_t version = 0;
  std::optional<std::string> id;
  Parameters parameters;
  std::vector<OutputTensor> outputs;
};

struct EncodedResponse {
  std::string body;
  std::optional<std::size_t> header_bytes;         // of the JSON, if tensors follow it
};

EncodedResponse encode_response(const Response& response);

// {"error": what}
std::string encode_error(std::string_view what);

// The `most` greatest elements of each row (the last dimension) as "score:index" or
// "score:index:label": the classification extension. Code::invalid_input for texts.
base::Result<OutputTensor> classify(const OutputTensor& output, std::size_t most,
                                    const std::vector<std::string>& labels);

}  // namespace selvedge::codec::inference
