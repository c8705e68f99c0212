// Requests of the inference protocol. The first byte says where the JSON ends: 0xFF whole body, 0xFE
// raw, else at the first NUL.

#include <cstdlib>
#include <cstring>

#include "codec/inference/response.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  std::optional<std::size_t> header;
  if (data[0] == 0xFE) header = 0;
  else if (data[0] != 0xFF) {
    header = std::min(body.find('\0'), body.size());
    if (*header < body.size()) body.erase(*header, 1);
  }
  const auto request = codec::inference::decode_request(body, header);
  if (!request) return 0;
  // What was read is whole: views lie in the body or are owned, counts fit shapes.
  codec::inference::Response response;
  response.id = request->id;
  response.parameters = request->parameters;
  std::size_t sum = 0;
  for (const auto& input : request->inputs) {
    const auto count = codec::onnx::elements_of(input.shape);
    if (!count) std::abort();
    if (input.type == codec::inference::ElementType::text ? input.texts.size() != *count
                                                          : input.data.size() != *count * codec::onnx::bytes_of(input.type))
      std::abort();
    codec::inference::OutputTensor& output = response.outputs.emplace_back();
    output.name = input.name;
    output.type = input.type;
    output.shape = input.shape;
    output.binary = request->binary_outputs;
    output.data.assign(input.data.begin(), input.data.end());
    for (const auto& text : input.texts) {
      output.texts.emplace_back(base::as_text(text));
      sum += text.size();
    }
    sum += input.data.size();
  }
  if (sum > body.size() * 16 + 64) std::abort();
  for (std::size_t i = 0, n = response.outputs.size(); i < n; ++i) {
    auto best = codec::inference::classify(response.outputs[i], 3, {"a"});
    if (best) response.outputs.push_back(std::move(*best));
  }
  if (codec::inference::encode_response(response).body.empty()) std::abort();
  return 0;
}
