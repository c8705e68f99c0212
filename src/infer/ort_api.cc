#include "infer/ort_api.h"

#include "base/text.h"

namespace selvedge::infer {

namespace {

using Slot = void (*)();

// Those of OrtErrorCode that mean that the model, or what it was given, is at fault.
enum ErrorCode : int { invalid_argument = 2, no_model = 4, invalid_protobuf = 7, not_implemented = 9, invalid_graph = 10 };

bool blames_what_was_given(int code) {
  return code == invalid_argument || code == no_model || code == invalid_protobuf || code == not_implemented ||
         code == invalid_graph;
}

template <typename Function>
void take(Function& into, const Slot* slots, std::size_t number) {
  into = reinterpret_cast<Function>(slots[number]);
}

}  // namespace

OrtApi OrtApi::from(const void* table) {
  const auto* slots = static_cast<const Slot*>(table);
  OrtApi api{};
  take(api.status_code, slots, 1);
  take(api.status_message, slots, 2);
  take(api.create_env, slots, 3);
  take(api.disable_telemetry, slots, 6);
  take(api.create_session, slots, 8);
  take(api.run, slots, 9);
  take(api.create_options, slots, 10);
  take(api.optimised_path, slots, 11);
  take(api.execution_mode, slots, 13);
  take(api.disable_memory_pattern, slots, 17);
  take(api.disable_arena, slots, 19);
  take(api.optimisation_level, slots, 23);
  take(api.inner_threads, slots, 24);
  take(api.outer_threads, slots, 25);
  take(api.input_count, slots, 30);
  take(api.output_count, slots, 31);
  take(api.input_type, slots, 33);
  take(api.output_type, slots, 34);
  take(api.input_name, slots, 36);
  take(api.output_name, slots, 37);
  take(api.tensor_over, slots, 49);
  take(api.tensor_data, slots, 51);
  take(api.tensor_info, slots, 55);
  take(api.kind, slots, 56);
  take(api.element_type, slots, 60);
  take(api.rank, slots, 61);
  take(api.dimensions, slots, 62);
  take(api.tensor_type, slots, 65);
  take(api.create_memory_info, slots, 69);
  take(api.allocator_free, slots, 76);
  take(api.allocator, slots, 78);
  take(api.release_env, slots, 92);
  take(api.release_status, slots, 93);
  take(api.release_memory_info, slots, 94);
  take(api.release_session, slots, 95);
  take(api.release_value, slots, 96);
  take(api.release_type, slots, 98);
  take(api.release_tensor_type, slots, 99);
  take(api.release_options, slots, 100);
  take(api.config_entry, slots, 130);
  return api;
}

base::Result<void> OrtApi::check(Status status, const std::string& step, base::Code otherwise) const {
  if (status == nullptr) return {};
  const OrtHandle<OrtStatus> owned(status, release_status);
  // Whole graphs are sometimes quoted in it.
  constexpr std::size_t most = 600;
  const std::string message = base::printable(status_message(status), most);
  return base::fail(blames_what_was_given(status_code(status)) ? base::Code::invalid_input : otherwise, step + ": " + message);
}

}  // namespace selvedge::infer
