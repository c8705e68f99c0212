// OrtApi: the few functions of ONNX Runtime that we call, and handles that release what it gives.
//
// The library hands out one table of functions, to which every release only appends; a slot keeps its
// number for ever. We ask for the table of an old release and know our slots by number, so any later
// library serves and no header of it is needed.
//
// Source: onnxruntime_c_api.h, struct OrtApi, in the order of its members.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

// Opaque to us, and named as the library names them.
struct OrtEnv;
struct OrtStatus;
struct OrtSession;
struct OrtSessionOptions;
struct OrtValue;
struct OrtMemoryInfo;
struct OrtTypeInfo;
struct OrtTensorTypeAndShapeInfo;
struct OrtAllocator;

namespace selvedge::infer {

struct OrtApi {
  // Of release 1.14: the oldest that has the operators of opset 18.
  static constexpr std::uint32_t version = 14;
  // OrtLoggingLevel, GraphOptimizationLevel, ExecutionMode, OrtAllocatorType, OrtMemType, ONNXType.
  static constexpr int log_fatal = 4;
  static constexpr int optimise_nothing = 0, optimise_everything = 99;
  static constexpr int sequential = 0;
  static constexpr int arena_allocator = 1, default_memory = 0;
  static constexpr int tensor = 1;

  using Status = OrtStatus*;
  int (*status_code)(const OrtStatus*);
  const char* (*status_message)(const OrtStatus*);
  void (*release_status)(OrtStatus*);

  Status (*create_env)(int level, const char* name, OrtEnv**);
  Status (*disable_telemetry)(const OrtEnv*);
  void (*release_env)(OrtEnv*);

  Status (*create_options)(OrtSessionOptions**);
  Status (*optimised_path)(OrtSessionOptions*, const char*);
  Status (*execution_mode)(OrtSessionOptions*, int);
  Status (*disable_memory_pattern)(OrtSessionOptions*);
  Status (*disable_arena)(OrtSessionOptions*);
  Status (*optimisation_level)(OrtSessionOptions*, int);
  Status (*inner_threads)(OrtSessionOptions*, int);
  Status (*outer_threads)(OrtSessionOptions*, int);
  Status (*config_entry)(OrtSessionOptions*, const char* key, const char* value);
  void (*release_options)(OrtSessionOptions*);

  Status (*create_session)(const OrtEnv*, const void*, std::size_t, const OrtSessionOptions*, OrtSession**);
  Status (*run)(OrtSession*, const void* options, const char* const* input_names, const OrtValue* const* inputs,
                std::size_t input_count, const char* const* output_names, std::size_t output_count, OrtValue**);
  Status (*input_count)(const OrtSession*, std::size_t*);
  Status (*output_count)(const OrtSession*, std::size_t*);
  Status (*input_type)(const OrtSession*, std::size_t, OrtTypeInfo**);
  Status (*output_type)(const OrtSession*, std::size_t, OrtTypeInfo**);
  Status (*input_name)(const OrtSession*, std::size_t, OrtAllocator*, char**);
  Status (*output_name)(const OrtSession*, std::size_t, OrtAllocator*, char**);
  void (*release_session)(OrtSession*);

  Status (*tensor_over)(const OrtMemoryInfo*, void*, std::size_t, const std::int64_t* shape, std::size_t rank,
                        int type, OrtValue**);
  Status (*tensor_data)(OrtValue*, void**);
  Status (*tensor_type)(const OrtValue*, OrtTensorTypeAndShapeInfo**);
  void (*release_value)(OrtValue*);

  Status (*tensor_info)(const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**);
  Status (*kind)(const OrtTypeInfo*, int*);
  Status (*element_type)(const OrtTensorTypeAndShapeInfo*, int*);
  Status (*rank)(const OrtTensorTypeAndShapeInfo*, std::size_t*);
  Status (*dimensions)(const OrtTensorTypeAndShapeInfo*, std::int64_t*, std::size_t);
  void (*release_type)(OrtTypeInfo*);
  void (*release_tensor_type)(OrtTensorTypeAndShapeInfo*);

  Status (*create_memory_info)(int allocator, int memory, OrtMemoryInfo**);
  void (*release_memory_info)(OrtMemoryInfo*);
  Status (*allocator)(OrtAllocator**);
  Status (*allocator_free)(OrtAllocator*, void*);

  // `table`: what the library's GetApi(version) gave.
  static OrtApi from(const void* table);

  // Nothing, or the library's message after `step`. `otherwise` is the code of a failure that is not
  // the fault of what was given.
  base::Result<void> check(Status status, const std::string& step, base::Code otherwise) const;
};

// A handle of the library, released by one of its functions.
template <typename T>
using OrtHandle = std::unique_ptr<T, void (*)(T*)>;

}  // namespace selvedge::infer
