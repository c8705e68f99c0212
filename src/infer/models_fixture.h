// For tests and benchmarks: where the model runtime and real models are. They are put there by
// scripts/fetch; a test that needs one and has none is skipped and says how to get it.
//
//   const auto runtime = test_runtime();
//   if (!runtime) GTEST_SKIP() << runtime.error().message;

#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "infer/runtime.h"

namespace selvedge::infer {

inline base::Result<std::shared_ptr<Runtime>> test_runtime() { return Runtime::open(); }

inline base::Result<base::Bytes> test_file(const std::filesystem::path& path, const std::string& how) {
  std::ifstream in(path, std::ios::binary);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!in || error) return base::fail(base::Code::not_found, path.string() + " is not there: " + how);
  // In one go: byte by byte takes seconds for a model under a sanitizer.
  base::Bytes bytes(size);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// A file of scripts/fetch models: "ssd_mobilenetv2_oidv4_fp16.tflite".
inline base::Result<base::Bytes> test_model(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path root = cache != nullptr && *cache != '\0'
                                         ? std::filesystem::path(cache)
                                         : std::filesystem::path(home == nullptr ? "." : home) / ".cache";
  return test_file(root / "selvedge" / "models" / name, "scripts/fetch models gets it");
}

// Of the data beside the checkout: "images/pets.jpg", "golden/ssd/detections.tsv",
// "models/mobilenet_v1_0.25_128_quant.tflite".
inline base::Result<base::Bytes> test_data(const std::string& name) {
  // Tests run somewhere below the checkout.
  std::error_code none;
  for (std::filesystem::path at = std::filesystem::current_path(none); at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::exists(at / ".." / "shared" / "data" / "vision", none))
      return test_file(at / ".." / "shared" / "data" / "vision" / name, "not part of the data");
  return base::fail(base::Code::not_found, "../shared/data/vision is not there");
}

}  // namespace selvedge::infer
