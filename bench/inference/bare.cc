#include "inference/bare.h"

#include <dlfcn.h>

namespace bench {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;

namespace {

// Places in OrtApi (onnxruntime_c_api.h, to which releases only append).
enum Slot : std::size_t {
  error_message = 2, create_env = 3, create_session_from_array = 8, run_session = 9, create_options = 10,
  execution_mode = 13, optimisation_level = 23, intra_threads = 24, inter_threads = 25, tensor_over = 49,
  create_memory_info = 69, release_status = 93, config_entry = 130
};

using Pointer = void*;

}  // namespace

struct Bare::State {
  const Pointer* table = nullptr;
  Pointer environment = nullptr, options = nullptr, session = nullptr, memory = nullptr;
  std::vector<Tensor> inputs, outputs;
  std::vector<const char*> input_names, output_names;
  std::vector<Pointer> input_values, output_values;

  template <typename... Arguments>
  Pointer call(Slot slot, Arguments... arguments) const {
    return reinterpret_cast<Pointer (*)(Arguments...)>(table[slot])(arguments...);
  }
  // A status is nothing, or has a message.
  Result<void> check(const char* step, Pointer status) const {
    if (status == nullptr) return {};
    std::string why = reinterpret_cast<const char* (*)(Pointer)>(table[error_message])(status);
    reinterpret_cast<void (*)(Pointer)>(table[release_status])(status);
    return fail(Code::unavailable, std::string(step) + ": " + why);
  }
  Result<Pointer> over(Tensor& tensor) const {
    Pointer value = nullptr;
    const Pointer status = call(tensor_over, memory, Pointer{tensor.numbers.data()}, tensor.numbers.size() * sizeof(float),
                                static_cast<const std::int64_t*>(tensor.shape.data()), tensor.shape.size(), 1, &value);
    TRY(check("make a tensor", status));
    return value;
  }
};

Bare::Bare(std::unique_ptr<State> state) : state_(std::move(state)) {}
// What the library made stays until the program ends, as the library does.
Bare::~Bare() = default;

Result<std::unique_ptr<Bare>> Bare::load(const std::string& library, selvedge::base::BytesView model,
                                         std::vector<Tensor> inputs, std::vector<Tensor> outputs) {
  Pointer const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  Pointer const entry = handle == nullptr ? nullptr : dlsym(handle, "OrtGetApiBase");
  if (entry == nullptr) return fail(Code::unavailable, "open " + library + ": no ONNX Runtime");
  struct Base { const void* (*table)(std::uint32_t); };
  auto state = std::make_unique<State>();
  state->table = static_cast<const Pointer*>(reinterpret_cast<const Base* (*)()>(entry)()->table(14));
  if (state->table == nullptr) return fail(Code::unavailable, "open " + library + ": it is too old");
  state->inputs = std::move(inputs), state->outputs = std::move(outputs);

  State& s = *state;
  TRY(s.check("environment", s.call(create_env, 4, "bare", &s.environment)));
  TRY(s.check("options", s.call(create_options, &s.options)));
  TRY(s.check("options", s.call(execution_mode, s.options, 0)));
  TRY(s.check("options", s.call(intra_threads, s.options, 1)));
  TRY(s.check("options", s.call(inter_threads, s.options, 1)));
  TRY(s.check("options", s.call(optimisation_level, s.options, 99)));
  TRY(s.check("options", s.call(config_entry, s.options, "session.intra_op.allow_spinning", "0")));
  TRY(s.check("options", s.call(config_entry, s.options, "session.inter_op.allow_spinning", "0")));
  TRY(s.check("load", s.call(create_session_from_array, s.environment, static_cast<const void*>(model.data()), model.size(),
                             s.options, &s.session)));
  TRY(s.check("memory", s.call(create_memory_info, 1, 0, &s.memory)));
  for (Tensor& tensor : s.inputs) {
    s.input_values.push_back(TRY(s.over(tensor)));
    s.input_names.push_back(tensor.name.c_str());
  }
  for (Tensor& tensor : s.outputs) {
    s.output_values.push_back(TRY(s.over(tensor)));
    s.output_names.push_back(tensor.name.c_str());
  }
  return std::unique_ptr<Bare>(new Bare(std::move(state)));
}

Result<void> Bare::run() {
  const State& s = *state_;
  return s.check("run", s.call(run_session, s.session, static_cast<const void*>(nullptr), s.input_names.data(),
                               s.input_values.data(), s.input_names.size(), s.output_names.data(), s.output_names.size(),
                               state_->output_values.data()));
}

const std::vector<Bare::Tensor>& Bare::outputs() const { return state_->outputs; }

}  // namespace bench
