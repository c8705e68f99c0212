#include "serving/inference_call.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "serving/models.h"

namespace selvedge::serving {

using base::Code;
using base::fail;
using base::Result;
using codec::inference::InputTensor;
using codec::inference::OutputTensor;
using codec::inference::Request;
using infer::ElementType;
using infer::Task;
using infer::TensorView;
using infer::ValueInfo;

namespace {

std::string quoted(std::string_view name) { return "'" + base::printable(name, 64) + "'"; }

template <typename T>
base::Bytes bytes_of(const std::vector<T>& elements) {
  base::Bytes bytes(elements.size() * sizeof(T));
  if (!elements.empty()) std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

// ---- pictures ----

// The picture in a text: as it is, or in base64, which is how JSON can hold it.
Result<base::Bytes> picture_of(base::BytesView text) {
  if (codec::format_of(text)) return base::Bytes(text.begin(), text.end());
  auto decoded = base::from_base64(base::as_text(text));
  if (decoded && codec::format_of(*decoded)) return std::move(*decoded);
  return fail(Code::invalid_input, "the input is no JPEG, PNG or BMP picture, nor one in base64");
}

Result<infer::RunOptions> options_of(const codec::inference::Parameters& parameters) {
  infer::RunOptions options;
  if (!parameters.contains("threshold")) return options;
  const auto threshold = codec::inference::number_of(parameters, "threshold");
  if (!threshold || *threshold < 0 || *threshold > 1)
    return fail(Code::invalid_input, "parameters: threshold: expected a number from 0 to 1");
  options.threshold = static_cast<float>(*threshold);
  return options;
}

std::vector<OutputTensor> tensors_of(const infer::Answer& answer, Task task) {
  std::vector<OutputTensor> outputs;
  const auto add = [&](std::string name, ElementType type, infer::Shape shape, base::Bytes data,
                       std::vector<std::string> texts = {}) {
    outputs.push_back({std::move(name), type, std::move(shape), std::move(data), std::move(texts)});
  };
  if (task == Task::segmentation) {
    if (answer.mask)
      add("mask", ElementType::uint8, {answer.mask->height, answer.mask->width},
          base::Bytes(answer.mask->labels.begin(), answer.mask->labels.end()));
    return outputs;
  }
  std::vector<float> boxes, scores;
  std::vector<std::int64_t> labels;
  std::vector<std::string> names;
  const auto take = [&](const auto& one) {
    scores.push_back(one.score);
    labels.push_back(one.label);
    names.push_back(one.name);
  };
  for (const infer::Detection& detection : answer.detections) {
    boxes.insert(boxes.end(), detection.box.begin(), detection.box.end());
    take(detection);
  }
  if (task == Task::classification)
    for (const infer::Ranked& ranked : answer.ranked) take(ranked);
  const auto count = static_cast<std::int64_t>(scores.size());
  if (task == Task::detection) add("boxes", ElementType::float32, {count, 4}, bytes_of(boxes));
  add("scores", ElementType::float32, {count}, bytes_of(scores));
  add("labels", ElementType::int64, {count}, bytes_of(labels));
  add("names", ElementType::text, {count}, {}, std::move(names));
  return outputs;
}

struct Outcome {
  std::vector<OutputTensor> outputs;
  infer::Timings timings;
};

Result<Outcome> look(const infer::Pipeline& pipeline, const Request& request, codec::inference::Response& response) {
  const Task task = pipeline.description().task;
  if (!takes_pictures(task))
    return fail(Code::invalid_input, "this model takes numbers and no BYTES");
  if (request.inputs.size() != 1 || request.inputs[0].texts.size() != 1)
    return fail(Code::invalid_input, "expected one input with one element: one picture in each request");
  const base::Bytes picture = TRY(picture_of(request.inputs[0].texts[0]));
  const infer::Answer answer = TRY(look_at(pipeline, picture, TRY(options_of(request.parameters))));
  response.parameters.emplace("width", std::int64_t{answer.width});
  response.parameters.emplace("height", std::int64_t{answer.height});
  return Outcome{tensors_of(answer, task), answer.timings};
}

// ---- numbers ----

// Elements where the model may read them: a request's JSON has any length, so what follows it may lie
// at any address.
class Aligned {
 public:
  base::BytesView of(base::BytesView data, ElementType type) {
    const std::size_t size = std::max<std::size_t>(codec::onnx::bytes_of(type), 1);
    if (reinterpret_cast<std::uintptr_t>(data.data()) % size == 0) return data;
    return kept_.emplace_back(data.begin(), data.end());
  }

 private:
  std::vector<base::Bytes> kept_;
};

// The shape of a raw body: the model's, whose one open dimension the size decides.
Result<infer::Shape> raw_shape(const ValueInfo& input, std::size_t bytes) {
  infer::Shape shape = input.shape;
  std::size_t known = codec::onnx::bytes_of(input.type);
  std::int64_t* open = nullptr;
  for (std::int64_t& dimension : shape) {
    if (dimension >= 0) known *= static_cast<std::size_t>(dimension);
    else if (open != nullptr) return fail(Code::invalid_input, "a raw body cannot tell the shape of this model's input");
    else open = &dimension;
  }
  if (open != nullptr && known > 0) *open = static_cast<std::int64_t>(bytes / known);
  return shape;
}

Result<std::vector<TensorView>> views_of(const Request& request, const std::vector<ValueInfo>& wanted,
                                         std::vector<infer::Shape>& shapes, Aligned& aligned) {
  std::vector<TensorView> views;
  shapes.reserve(wanted.size());                   // views see them
  if (request.raw) {
    if (wanted.size() != 1) return fail(Code::invalid_input, "a raw body is for models with one input");
    const base::BytesView body = request.inputs[0].texts[0];
    shapes.push_back(TRY(raw_shape(wanted[0], body.size())));
    views.push_back({wanted[0].type, shapes.back(), aligned.of(body, wanted[0].type)});
    return views;
  }
  for (const ValueInfo& input : wanted) {
    const auto at = std::ranges::find(request.inputs, input.name, &InputTensor::name);
    if (at == request.inputs.end()) return fail(Code::invalid_input, "input " + quoted(input.name) + " is missing");
    shapes.push_back(at->shape);
    views.push_back({at->type, shapes.back(), aligned.of(at->data, at->type)});
  }
  for (const InputTensor& given : request.inputs)
    if (std::ranges::find(wanted, given.name, &ValueInfo::name) == wanted.end())
      return fail(Code::invalid_input, "the model has no input " + quoted(given.name));
  return views;
}

Result<Outcome> compute(const infer::Pipeline& pipeline, const Request& request) {
  const infer::Session& session = pipeline.session();
  Aligned aligned;
  std::vector<infer::Shape> shapes;
  const auto views = TRY(views_of(request, session.inputs(), shapes, aligned));
  const std::int64_t began = monotonic_ns();
  auto tensors = TRY(session.run(views));
  Outcome outcome;
  outcome.timings.infer = monotonic_ns() - began;
  for (std::size_t i = 0; i < tensors.size() && i < session.outputs().size(); ++i)
    outcome.outputs.push_back({session.outputs()[i].name, tensors[i].type, std::move(tensors[i].shape),
                               std::move(tensors[i].data), {}});
  return outcome;
}

// ---- the answer ----

// Those that were asked for, in that order.
Result<std::vector<OutputTensor>> chosen(std::vector<OutputTensor> all, const Request& request,
                                         const std::vector<std::string>& labels) {
  if (request.outputs.empty()) {
    for (OutputTensor& output : all) output.binary = request.binary_outputs;
    return all;
  }
  std::vector<OutputTensor> some;
  for (const auto& asked : request.outputs) {
    const auto at = std::ranges::find(all, asked.name, &OutputTensor::name);
    if (at == all.end()) return fail(Code::invalid_input, "there is no output " + quoted(asked.name));
    at->binary = asked.binary;
    if (asked.classes > 0) some.push_back(TRY(codec::inference::classify(*at, asked.classes, labels)));
    else some.push_back(std::move(*at));          // none is asked for twice
  }
  return some;
}

bool wants_picture(const Request& request, const infer::Pipeline& pipeline) {
  if (!request.raw) return std::ranges::any_of(request.inputs, [](const InputTensor& i) { return i.type == ElementType::text; });
  return takes_pictures(pipeline.description().task) && codec::format_of(request.inputs[0].texts[0]).has_value();
}

}  // namespace

bool takes_pictures(Task task) {
  return task == Task::detection || task == Task::classification || task == Task::segmentation;
}

Result<infer::Answer> look_at(const infer::Pipeline& pipeline, base::BytesView file, const infer::RunOptions& options) {
  auto answer = pipeline.run(file, options);
  if (!answer && (answer.error().code == Code::corrupt || answer.error().code == Code::exhausted))
    answer.error().code = Code::invalid_input;
  return answer;
}

std::vector<ValueInfo> picture_outputs(Task task) {
  if (task == Task::segmentation) return {{"mask", ElementType::uint8, {-1, -1}}};
  std::vector<ValueInfo> outputs;
  if (!takes_pictures(task)) return outputs;
  if (task == Task::detection) outputs.push_back({"boxes", ElementType::float32, {-1, 4}});
  outputs.push_back({"scores", ElementType::float32, {-1}});
  outputs.push_back({"labels", ElementType::int64, {-1}});
  outputs.push_back({"names", ElementType::text, {-1}});
  return outputs;
}

Result<infer::Timings> answer_call(const infer::Pipeline& pipeline, const std::string& name, std::uint64_t version,
                                   InferenceCall& call) {
  const std::int64_t began = monotonic_ns();
  const Request request = TRY(codec::inference::decode_request(call.body, call.header_bytes));
  const std::int64_t decoded = monotonic_ns();
  codec::inference::Response response{name, version, request.id, request.parameters, {}};
  response.parameters.erase("binary_data_output");
  Outcome outcome = TRY(wants_picture(request, pipeline) ? look(pipeline, request, response) : compute(pipeline, request));
  const std::int64_t ran = monotonic_ns();
  response.outputs = TRY(chosen(std::move(outcome.outputs), request, pipeline.description().labels));
  call.answer = codec::inference::encode_response(response);
  // Reading the request counts as decoding, and writing the answer as finishing.
  outcome.timings.decode += decoded - began;
  outcome.timings.finish += monotonic_ns() - ran;
  return outcome.timings;
}

}  // namespace selvedge::serving
