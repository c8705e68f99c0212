// The C interface of include/selvedge/inference.h: checks arguments, calls infer, and lets neither
// exceptions nor types of ours out.

#include "selvedge/inference.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "infer/model_package.h"
#include "infer/pipeline.h"
#include "infer/runtime.h"

using selvedge::base::Bytes;
using selvedge::base::BytesView;
using selvedge::base::Code;
using selvedge::base::Error;
using selvedge::base::fail;
using selvedge::base::Result;
namespace codec = selvedge::codec;
namespace infer = selvedge::infer;

struct selvedge_model {
  std::string runtime_version;
  infer::ModelPackage package;                     // without the model's bytes
  std::shared_ptr<infer::Pipeline> pipeline;       // null: numbers only
  std::unique_ptr<infer::Session> bare;            // of a model without pictures

  const infer::Session& session() const { return pipeline ? pipeline->session() : *bare; }
};

struct selvedge_answer {
  infer::Answer answer;
};

struct selvedge_tensors {
  std::vector<infer::Tensor> tensors;
  std::vector<std::string> names;
};

namespace {

constexpr std::size_t file_limit = std::size_t{512} << 20;

thread_local std::string last_error;
thread_local selvedge_inference_status last_status = SELVEDGE_INFERENCE_OK;

selvedge_inference_status say(selvedge_inference_status status, const char* why) noexcept {
  last_status = status;
  try {
    last_error = why;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return status;
}

selvedge_inference_status say(const Error& error) noexcept {
  selvedge_inference_status status = SELVEDGE_INFERENCE_INTERNAL;
  switch (error.code) {
    case Code::invalid_input:
    case Code::denied: status = SELVEDGE_INFERENCE_INVALID_INPUT; break;
    case Code::not_found: status = SELVEDGE_INFERENCE_NOT_FOUND; break;
    case Code::conflict: status = SELVEDGE_INFERENCE_CONFLICT; break;
    case Code::unavailable: status = SELVEDGE_INFERENCE_UNAVAILABLE; break;
    case Code::exhausted: status = SELVEDGE_INFERENCE_TOO_LARGE; break;
    case Code::corrupt: status = SELVEDGE_INFERENCE_CORRUPT; break;
    case Code::internal: break;
  }
  return say(status, error.message.c_str());
}

// Runs what returns a Result; memory that cannot be had is an error too.
template <typename Work>
selvedge_inference_status guarded(Work&& work) noexcept {
  try {
    last_error.clear();
    last_status = SELVEDGE_INFERENCE_OK;
    const Result<void> done = work();
    return done ? SELVEDGE_INFERENCE_OK : say(done.error());
  } catch (const std::bad_alloc&) {
    return say(SELVEDGE_INFERENCE_NO_MEMORY, "out of memory");
  } catch (...) {
    return say(SELVEDGE_INFERENCE_INTERNAL, "unexpected failure");
  }
}

Result<void> must(bool condition, const char* otherwise) {
  if (!condition) return fail(Code::invalid_input, otherwise);
  return {};
}

Result<Bytes> read_file(const char* path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "rb"), std::fclose);
  if (!file) return fail(Code::not_found, std::string(path) + ": cannot be read");
  Bytes bytes, piece(std::size_t{1} << 16);
  for (std::size_t got; (got = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;) {
    if (bytes.size() + got > file_limit) return fail(Code::exhausted, std::string(path) + ": too large for a model");
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
  }
  if (std::ferror(file.get()) != 0) return fail(Code::not_found, std::string(path) + ": reading it failed");
  return bytes;
}

Result<std::unique_ptr<selvedge_model>> load(BytesView bytes, const char* runtime_path) {
  auto model = std::make_unique<selvedge_model>();
  model->package = TRY(infer::read_package(bytes));
  const auto runtime = TRY(infer::Runtime::open(runtime_path == nullptr ? "" : runtime_path));
  model->runtime_version = runtime->version();
  const infer::Task task = model->package.description.task;
  if (task == infer::Task::tensors || task == infer::Task::series) {
    model->bare = TRY(runtime->load(model->package.model));
  } else {
    model->pipeline = TRY(infer::Pipeline::make(*runtime, model->package));
  }
  model->package.model = {};
  return model;
}

Result<infer::RunOptions> options_of(const selvedge_look_options* said) {
  infer::RunOptions options;
  if (said == nullptr) return options;
  if (said->threshold >= 0) options.threshold = said->threshold;
  if (said->top != 0 || said->left != 0 || said->bottom != 0 || said->right != 0) {
    TRY(must(said->top >= 0 && said->left >= 0 && said->bottom <= 1 && said->right <= 1 && said->top < said->bottom &&
                 said->left < said->right,
             "options: a part of the picture lies within 0 and 1"));
    options.region = {.top = said->top, .left = said->left, .bottom = said->bottom, .right = said->right};
  }
  return options;
}

Result<const infer::Pipeline*> pipeline_of(const selvedge_model* model) {
  TRY(must(model != nullptr, "model: NULL"));
  TRY(must(model->pipeline != nullptr, "the model takes numbers, not pictures"));
  return model->pipeline.get();
}

template <typename Look>
selvedge_answer* answered(const selvedge_model* model, const selvedge_look_options* said, Look&& look) {
  selvedge_answer* answer = nullptr;
  guarded([&]() -> Result<void> {
    const infer::Pipeline* const pipeline = TRY(pipeline_of(model));
    const infer::RunOptions options = TRY(options_of(said));
    auto made = std::make_unique<selvedge_answer>();
    made->answer = TRY(look(*pipeline, options));
    answer = made.release();
    return {};
  });
  return answer;
}

Result<void> describe(const std::vector<infer::ValueInfo>& values, std::size_t index, selvedge_tensor* into) {
  TRY(must(into != nullptr, "description: NULL"));
  if (index >= values.size()) return fail(Code::not_found, "the model has no value of this index");
  const infer::ValueInfo& value = values[index];
  *into = {value.name.c_str(), static_cast<selvedge_element>(value.type), value.shape.data(), value.shape.size(), nullptr, 0};
  return {};
}

Result<infer::TensorView> view_of(const selvedge_tensor& given) {
  TRY(must(given.shape != nullptr || given.dimensions == 0, "input: shape is NULL"));
  TRY(must(given.dimensions <= 16, "input: more than 16 dimensions"));
  // In C an enumeration may hold any number.
  std::uint32_t number = 0;
  static_assert(sizeof number == sizeof given.type);
  std::memcpy(&number, &given.type, sizeof number);
  TRY(must(number <= 13, "input: unknown type of element"));
  const auto type = static_cast<infer::ElementType>(number);
  const std::size_t each = codec::onnx::bytes_of(type);
  TRY(must(each > 0, "input: unknown type of element"));
  const infer::Shape shape(given.shape, given.shape + given.dimensions);
  const std::size_t bytes = TRY(codec::onnx::elements_of(shape)) * each;
  TRY(must(bytes == given.bytes && (given.data != nullptr || bytes == 0), "input: its bytes are not those of its shape"));
  return infer::TensorView{type, {given.shape, given.dimensions}, {static_cast<const std::uint8_t*>(given.data), given.bytes}};
}

}  // namespace

extern "C" {

uint32_t selvedge_inference_api_version(void) { return SELVEDGE_INFERENCE_API_VERSION; }
const char* selvedge_inference_error(void) { return last_error.c_str(); }
selvedge_inference_status selvedge_inference_last_status(void) { return last_status; }

selvedge_model* selvedge_model_load(const void* package, size_t size, const char* runtime) {
  selvedge_model* model = nullptr;
  guarded([&]() -> Result<void> {
    TRY(must(package != nullptr, "package: NULL"));
    model = TRY(load({static_cast<const std::uint8_t*>(package), size}, runtime)).release();
    return {};
  });
  return model;
}

selvedge_model* selvedge_model_load_file(const char* path, const char* runtime) {
  selvedge_model* model = nullptr;
  guarded([&]() -> Result<void> {
    TRY(must(path != nullptr, "path: NULL"));
    const Bytes bytes = TRY(read_file(path));
    model = TRY(selvedge::base::while_doing(path, load(bytes, runtime))).release();
    return {};
  });
  return model;
}

void selvedge_model_free(selvedge_model* model) { delete model; }

const char* selvedge_model_name(const selvedge_model* model) {
  return model == nullptr ? "" : model->package.description.name.c_str();
}

selvedge_task selvedge_model_task(const selvedge_model* model) {
  return model == nullptr ? SELVEDGE_TENSORS : static_cast<selvedge_task>(model->package.description.task);
}

const char* selvedge_model_runtime_version(const selvedge_model* model) {
  return model == nullptr ? "" : model->runtime_version.c_str();
}

size_t selvedge_model_label_count(const selvedge_model* model) {
  return model == nullptr ? 0 : model->package.description.labels.size();
}

const char* selvedge_model_label(const selvedge_model* model, size_t label) {
  return label >= selvedge_model_label_count(model) ? nullptr : model->package.description.labels[label].c_str();
}

selvedge_inference_status selvedge_model_check(const selvedge_model* model) {
  return guarded([&]() -> Result<void> {
    const infer::Pipeline* const pipeline = TRY(pipeline_of(model));
    return infer::check_golden(*pipeline, model->package);
  });
}

selvedge_answer* selvedge_model_look(const selvedge_model* model, const void* file, size_t size, const selvedge_look_options* options) {
  return answered(model, options, [&](const infer::Pipeline& pipeline, const infer::RunOptions& how) -> Result<infer::Answer> {
    TRY(must(file != nullptr, "file: NULL"));
    return pipeline.run(BytesView(static_cast<const std::uint8_t*>(file), size), how);
  });
}

selvedge_answer* selvedge_model_look_rgb(const selvedge_model* model, const uint8_t* pixels, uint32_t width, uint32_t height,
                                         size_t stride, const selvedge_look_options* options) {
  return answered(model, options, [&](const infer::Pipeline& pipeline, const infer::RunOptions& how) -> Result<infer::Answer> {
    constexpr codec::ImageLimits limits;
    TRY(must(pixels != nullptr, "pixels: NULL"));
    TRY(must(width > 0 && height > 0, "a picture has at least one pixel"));
    const std::size_t row = std::size_t{width} * 3;
    if (width > static_cast<std::uint32_t>(limits.side) || height > static_cast<std::uint32_t>(limits.side) ||
        std::size_t{width} * height > limits.pixels)
      return fail(Code::exhausted, "the picture is too large");
    TRY(must(stride == 0 || stride >= row, "stride: less than a row"));
    codec::Image image;
    image.width = static_cast<int>(width), image.height = static_cast<int>(height);
    image.pixels.reserve(row * height);
    for (std::size_t y = 0; y < height; ++y) {
      const std::uint8_t* const from = pixels + y * (stride == 0 ? row : stride);
      image.pixels.insert(image.pixels.end(), from, from + row);
    }
    return pipeline.run(image, how);
  });
}

void selvedge_answer_free(selvedge_answer* answer) { delete answer; }

void selvedge_answer_size(const selvedge_answer* answer, uint32_t* width, uint32_t* height) {
  if (width != nullptr) *width = answer == nullptr ? 0 : static_cast<uint32_t>(answer->answer.width);
  if (height != nullptr) *height = answer == nullptr ? 0 : static_cast<uint32_t>(answer->answer.height);
}

size_t selvedge_answer_detection_count(const selvedge_answer* answer) {
  return answer == nullptr ? 0 : answer->answer.detections.size();
}

selvedge_inference_status selvedge_answer_detection(const selvedge_answer* answer, size_t index, selvedge_detection* detection) {
  return guarded([&]() -> Result<void> {
    TRY(must(answer != nullptr && detection != nullptr, "NULL"));
    if (index >= answer->answer.detections.size()) return fail(Code::not_found, "there is no detection of this index");
    const infer::Detection& found = answer->answer.detections[index];
    *detection = {found.label, found.name.c_str(), found.score, found.box[0], found.box[1], found.box[2], found.box[3]};
    return {};
  });
}

size_t selvedge_answer_class_count(const selvedge_answer* answer) {
  return answer == nullptr ? 0 : answer->answer.ranked.size();
}

selvedge_inference_status selvedge_answer_class(const selvedge_answer* answer, size_t index, selvedge_class* ranked) {
  return guarded([&]() -> Result<void> {
    TRY(must(answer != nullptr && ranked != nullptr, "NULL"));
    if (index >= answer->answer.ranked.size()) return fail(Code::not_found, "there is no class of this index");
    const infer::Ranked& found = answer->answer.ranked[index];
    *ranked = {found.label, found.name.c_str(), found.score};
    return {};
  });
}

const uint8_t* selvedge_answer_mask(const selvedge_answer* answer, uint32_t* width, uint32_t* height) {
  const bool there = answer != nullptr && answer->answer.mask;
  if (width != nullptr) *width = there ? static_cast<uint32_t>(answer->answer.mask->width) : 0;
  if (height != nullptr) *height = there ? static_cast<uint32_t>(answer->answer.mask->height) : 0;
  return there ? answer->answer.mask->labels.data() : nullptr;
}

void selvedge_answer_timings(const selvedge_answer* answer, selvedge_timings* timings) {
  if (timings == nullptr) return;
  const infer::Timings from = answer == nullptr ? infer::Timings{} : answer->answer.timings;
  *timings = {from.decode, from.prepare, from.infer, from.finish};
}

size_t selvedge_model_input_count(const selvedge_model* model) { return model == nullptr ? 0 : model->session().inputs().size(); }
size_t selvedge_model_output_count(const selvedge_model* model) { return model == nullptr ? 0 : model->session().outputs().size(); }

selvedge_inference_status selvedge_model_input(const selvedge_model* model, size_t index, selvedge_tensor* description) {
  return guarded([&]() -> Result<void> {
    TRY(must(model != nullptr, "model: NULL"));
    return describe(model->session().inputs(), index, description);
  });
}

selvedge_inference_status selvedge_model_output(const selvedge_model* model, size_t index, selvedge_tensor* description) {
  return guarded([&]() -> Result<void> {
    TRY(must(model != nullptr, "model: NULL"));
    return describe(model->session().outputs(), index, description);
  });
}

selvedge_tensors* selvedge_model_compute(const selvedge_model* model, const selvedge_tensor* inputs, size_t count) {
  selvedge_tensors* tensors = nullptr;
  guarded([&]() -> Result<void> {
    TRY(must(model != nullptr && (inputs != nullptr || count == 0), "NULL"));
    TRY(must(count == model->session().inputs().size(), "the model has another number of inputs"));
    std::vector<infer::TensorView> views;
    for (std::size_t i = 0; i < count; ++i) views.push_back(TRY(view_of(inputs[i])));
    auto made = std::make_unique<selvedge_tensors>();
    made->tensors = TRY(model->session().run(views));
    for (const infer::ValueInfo& value : model->session().outputs()) made->names.push_back(value.name);
    made->names.resize(made->tensors.size());
    tensors = made.release();
    return {};
  });
  return tensors;
}

void selvedge_tensors_free(selvedge_tensors* tensors) { delete tensors; }
size_t selvedge_tensors_count(const selvedge_tensors* tensors) { return tensors == nullptr ? 0 : tensors->tensors.size(); }

selvedge_inference_status selvedge_tensors_get(const selvedge_tensors* tensors, size_t index, selvedge_tensor* tensor) {
  return guarded([&]() -> Result<void> {
    TRY(must(tensors != nullptr && tensor != nullptr, "NULL"));
    if (index >= tensors->tensors.size()) return fail(Code::not_found, "there is no tensor of this index");
    const infer::Tensor& from = tensors->tensors[index];
    *tensor = {tensors->names[index].c_str(), static_cast<selvedge_element>(from.type), from.shape.data(), from.shape.size(),
               from.data.data(), from.data.size()};
    return {};
  });
}

}  // extern "C"
