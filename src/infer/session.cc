#include "infer/session.h"

#include <malloc.h>

#include <algorithm>

#include "infer/shape_text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
using codec::onnx::bytes_of;
using codec::onnx::elements_of;
using codec::onnx::name_of;

namespace {

Result<ValueInfo> tensor_info(const OrtApi& api, const OrtTensorTypeAndShapeInfo* info, const std::string& name) {
  const std::string step = "ask for the shape of " + name;
  int element = 0;
  std::size_t rank = 0;
  TRY(api.check(api.element_type(info, &element), step, Code::internal));
  TRY(api.check(api.rank(info, &rank), step, Code::internal));
  if (element <= 0 || element > int(ElementType::uint64) || element == int(ElementType::text))
    return fail(Code::invalid_input, "'" + name + "' holds texts or numbers of a kind that is not supported");
  ValueInfo value{name, ElementType(element), Shape(rank)};
  TRY(api.check(api.dimensions(info, value.shape.data(), rank), step, Code::internal));
  for (std::int64_t& size : value.shape) size = std::max<std::int64_t>(size, -1);
  return value;
}

class LoadedSession final : public Session {
 public:
  LoadedSession(const Library& library, OrtSession* session, OrtMemoryInfo* memory,
                std::shared_ptr<const base::Bytes> keep)
      : library_(library),
        api_(library.api),
        keep_(std::move(keep)),
        session_(session, api_.release_session),
        memory_(memory, api_.release_memory_info) {}

  // Loading and unloading leave tens of megabytes of free memory in the allocator's hands.
  ~LoadedSession() override {
    session_.reset();
    keep_.reset();
    malloc_trim(0);
  }

  Result<void> read_signature();

  const std::vector<ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<ValueInfo>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) const override;

 private:
  using Type = OrtApi::Status (*)(const OrtSession*, std::size_t, OrtTypeInfo**);
  using Name = OrtApi::Status (*)(const OrtSession*, std::size_t, OrtAllocator*, char**);
  using Values = std::vector<OrtHandle<OrtValue>>;

  Result<ValueInfo> describe(std::size_t index, Type type, Name name) const;
  Result<void> check_input(const TensorView& given, const ValueInfo& wanted) const;
  Result<OrtHandle<OrtValue>> over(void* data, std::size_t size, std::span<const std::int64_t> shape,
                                   ElementType type) const;
  Result<std::vector<Tensor>> run_into(const Values& inputs) const;
  Result<std::vector<Tensor>> run_and_copy(const Values& inputs) const;
  Result<void> call(const Values& inputs, OrtValue** outputs) const;
  Result<Tensor> copy_of(OrtValue* value, const std::string& name) const;

  const Library& library_;
  const OrtApi& api_;
  std::shared_ptr<const base::Bytes> keep_;
  OrtHandle<OrtSession> session_;
  OrtHandle<OrtMemoryInfo> memory_;
  std::vector<ValueInfo> inputs_, outputs_;
  std::vector<const char*> input_names_, output_names_;
  // Whether the outputs have the sizes that the model states, so that it can write where we say.
  mutable std::atomic<bool> fixed_ = true;
};

Result<ValueInfo> LoadedSession::describe(std::size_t index, Type type, Name name) const {
  char* text = nullptr;
  TRY(api_.check(name(session_.get(), index, library_.allocator, &text), "ask for a name", Code::internal));
  const std::string copy = text;
  TRY(api_.check(api_.allocator_free(library_.allocator, text), "free a name", Code::internal));
  OrtTypeInfo* raw = nullptr;
  TRY(api_.check(type(session_.get(), index, &raw), "ask for the type of " + copy, Code::internal));
  const OrtHandle<OrtTypeInfo> info(raw, api_.release_type);
  int kind = 0;
  TRY(api_.check(api_.kind(info.get(), &kind), "ask for the type of " + copy, Code::internal));
  if (kind != OrtApi::tensor)
    return fail(Code::invalid_input, "'" + copy + "' is no tensor; sequences and maps are not supported");
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;      // belongs to `info`
  TRY(api_.check(api_.tensor_info(info.get(), &tensor), "ask for the type of " + copy, Code::internal));
  return tensor_info(api_, tensor, copy);
}

Result<void> LoadedSession::read_signature() {
  std::size_t inputs = 0, outputs = 0;
  TRY(api_.check(api_.input_count(session_.get(), &inputs), "count inputs", Code::internal));
  TRY(api_.check(api_.output_count(session_.get(), &outputs), "count outputs", Code::internal));
  for (std::size_t i = 0; i < inputs; ++i)
    inputs_.push_back(TRY(base::while_doing("input", describe(i, api_.input_type, api_.input_name))));
  for (std::size_t i = 0; i < outputs; ++i)
    outputs_.push_back(TRY(base::while_doing("output", describe(i, api_.output_type, api_.output_name))));
  for (const ValueInfo& value : inputs_) input_names_.push_back(value.name.c_str());
  for (const ValueInfo& value : outputs_) {
    output_names_.push_back(value.name.c_str());
    if (!elements_of(value.shape)) fixed_ = false;
  }
  return {};
}

Result<void> LoadedSession::check_input(const TensorView& given, const ValueInfo& wanted) const {
  const std::string input = "input '" + wanted.name + "'";
  if (given.type != wanted.type)
    return fail(Code::invalid_input, input + " takes " + std::string(name_of(wanted.type)) + ", given " +
                                         std::string(name_of(given.type)));
  bool same = given.shape.size() == wanted.shape.size();
  for (std::size_t i = 0; same && i < given.shape.size(); ++i)
    same = given.shape[i] >= 0 && (wanted.shape[i] < 0 || wanted.shape[i] == given.shape[i]);
  if (!same)
    return fail(Code::invalid_input,
                input + " takes " + shape_text(wanted.shape) + ", given " + shape_text(given.shape));
  const std::size_t elements = TRY(base::while_doing(input, elements_of(Shape(given.shape.begin(), given.shape.end()))));
  if (elements * bytes_of(given.type) != given.data.size())
    return fail(Code::invalid_input, input + " of " + shape_text(given.shape) + " has " +
                                         std::to_string(elements * bytes_of(given.type)) + " bytes, given " +
                                         std::to_string(given.data.size()));
  return {};
}

Result<OrtHandle<OrtValue>> LoadedSession::over(void* data, std::size_t size, std::span<const std::int64_t> shape,
                                                ElementType type) const {
  // An empty array has no address, and the library insists on one.
  static std::uint8_t nothing = 0;
  OrtValue* value = nullptr;
  TRY(api_.check(api_.tensor_over(memory_.get(), size == 0 ? &nothing : data, size, shape.data(), shape.size(),
                                  int(type), &value),
                 "make a tensor", Code::internal));
  return OrtHandle<OrtValue>(value, api_.release_value);
}

Result<void> LoadedSession::call(const Values& inputs, OrtValue** outputs) const {
  std::vector<const OrtValue*> given;
  given.reserve(inputs.size());
  for (const auto& value : inputs) given.push_back(value.get());
  return api_.check(api_.run(session_.get(), nullptr, input_names_.data(), given.data(), given.size(),
                             output_names_.data(), output_names_.size(), outputs),
                    "run the model", Code::internal);
}

Result<std::vector<Tensor>> LoadedSession::run_into(const Values& inputs) const {
  std::vector<Tensor> tensors;
  Values values;
  tensors.reserve(outputs_.size());
  std::vector<OrtValue*> raw;
  for (const ValueInfo& output : outputs_) {
    Tensor& tensor = tensors.emplace_back(Tensor{output.type, output.shape, {}});
    tensor.data.resize(TRY(elements_of(output.shape)) * bytes_of(output.type));
    values.push_back(TRY(over(tensor.data.data(), tensor.data.size(), tensor.shape, tensor.type)));
    raw.push_back(values.back().get());
  }
  TRY(call(inputs, raw.data()));
  return tensors;
}

Result<Tensor> LoadedSession::copy_of(OrtValue* value, const std::string& name) const {
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  TRY(api_.check(api_.tensor_type(value, &raw), "ask for the shape of " + name, Code::internal));
  const OrtHandle<OrtTensorTypeAndShapeInfo> info(raw, api_.release_tensor_type);
  const ValueInfo is = TRY(tensor_info(api_, info.get(), name));
  const std::size_t size = TRY(elements_of(is.shape)) * bytes_of(is.type);
  void* data = nullptr;
  TRY(api_.check(api_.tensor_data(value, &data), "read " + name, Code::internal));
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return Tensor{is.type, is.shape, size == 0 ? base::Bytes{} : base::Bytes(bytes, bytes + size)};
}

Result<std::vector<Tensor>> LoadedSession::run_and_copy(const Values& inputs) const {
  std::vector<OrtValue*> raw(outputs_.size(), nullptr);
  const auto outcome = call(inputs, raw.data());
  Values values;
  for (OrtValue* value : raw) values.emplace_back(value, api_.release_value);
  TRY(outcome);
  std::vector<Tensor> tensors;
  tensors.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    tensors.push_back(TRY(copy_of(values[i].get(), outputs_[i].name)));
  return tensors;
}

Result<std::vector<Tensor>> LoadedSession::run(std::span<const TensorView> inputs) const {
  if (inputs.size() != inputs_.size())
    return fail(Code::invalid_input, "the model takes " + std::to_string(inputs_.size()) + " inputs, given " +
                                         std::to_string(inputs.size()));
  Values values;
  values.reserve(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TRY(check_input(inputs[i], inputs_[i]));
    // The library only reads inputs; its function takes them without const.
    values.push_back(TRY(over(const_cast<std::uint8_t*>(inputs[i].data.data()), inputs[i].data.size(),
                              inputs[i].shape, inputs[i].type)));
  }
  if (!fixed_.load(std::memory_order_relaxed)) return run_and_copy(values);
  auto first = run_into(values);
  if (first) return first;
  // Some models state a shape that they do not keep. The library then refuses our buffers.
  auto second = run_and_copy(values);
  if (second) fixed_ = false;
  return second;
}

}  // namespace

Result<OrtHandle<OrtSessionOptions>> session_options(const Library& library, const SessionOptions& options) {
  const OrtApi& api = library.api;
  OrtSessionOptions* raw = nullptr;
  const std::string step = "set up a session";
  TRY(api.check(api.create_options(&raw), step, Code::internal));
  OrtHandle<OrtSessionOptions> made(raw, api.release_options);
  TRY(api.check(api.execution_mode(raw, OrtApi::sequential), step, Code::internal));
  TRY(api.check(api.inner_threads(raw, options.threads), step, Code::internal));
  TRY(api.check(api.outer_threads(raw, 1), step, Code::internal));
  TRY(api.check(api.optimisation_level(raw, options.optimise ? OrtApi::optimise_everything : OrtApi::optimise_nothing),
                step, Code::internal));
  for (const char* key : {"session.intra_op.allow_spinning", "session.inter_op.allow_spinning"})
    TRY(api.check(api.config_entry(raw, key, "0"), step, Code::internal));
  return made;
}

Result<std::unique_ptr<Session>> make_session(const Library& library, base::BytesView model,
                                              OrtSessionOptions* options,
                                              std::shared_ptr<const base::Bytes> keep) {
  const OrtApi& api = library.api;
  OrtSession* session = nullptr;
  // What is wrong with a model is found here in many ways, and all of them are the model's fault.
  TRY(api.check(api.create_session(library.environment, model.data(), model.size(), options, &session),
                "load the model", Code::invalid_input));
  OrtMemoryInfo* memory = nullptr;
  const auto made_memory = api.check(api.create_memory_info(OrtApi::arena_allocator, OrtApi::default_memory, &memory),
                                     "set up a session", Code::internal);
  auto made = std::make_unique<LoadedSession>(library, session, memory, std::move(keep));
  TRY(made_memory);
  TRY(base::while_doing("load the model", made->read_signature()));
  malloc_trim(0);
  return made;
}

}  // namespace selvedge::infer
