// Library: the opened ONNX Runtime, kept for the life of the process: the library starts threads and
// keeps state of its own, so it is never closed. Any thread.

#pragma once

#include <string>
#include <vector>

#include "infer/ort_api.h"

namespace selvedge::infer {

struct Library {
  OrtApi api{};
  OrtEnv* environment = nullptr;
  OrtAllocator* allocator = nullptr;               // of names; the library's own
  std::string path, version;
};

// Where to look when nobody said where, in this order. Names without a slash are the system's to find.
std::vector<std::string> library_candidates();

// Opens the library at `path`. Code::unavailable: it is not there, is not an ONNX Runtime, or is older
// than the functions we need.
base::Result<Library> open_library(const std::string& path);

}  // namespace selvedge::infer
