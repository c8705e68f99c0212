// Loading: what importing, loading and loading again takes, in time and in memory.

#pragma once

#include "inference/material.h"
#include "inference/timing.h"
#include "infer/runtime.h"

namespace bench {

struct LoadRow {
  std::string model;
  Times first_wall, first_cpu;                     // a pipeline without a cache: package read to first answer
  Times again_wall, again_cpu;                     // with the cache of the optimised form
};

struct Loading {
  std::vector<LoadRow> rows;
  Times import_cpu, import_wall;                   // TensorFlow Lite file to ONNX bytes
  std::size_t import_bytes = 0, onnx_bytes = 0;
  std::string reloaded;                            // the model that was loaded, asked and let go again and again
  int reloads = 0;
  std::uint64_t resident_start = 0;                // before any model
  std::uint64_t resident_one = 0;                  // after the first and its frame
  std::uint64_t resident_settled = 0;              // after 20
  std::uint64_t resident_end = 0;                  // after the last
};

// Before anything else was loaded, so that memory is that of one model.
selvedge::base::Result<void> measure_reloads(const Material& material, selvedge::infer::Runtime& runtime, Loading& into);
selvedge::base::Result<void> measure_loading(const Material& material, selvedge::infer::Runtime& runtime, Loading& into);

}  // namespace bench
