#include "inference/loading.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "codec/tflite/import.h"
#include "infer/pipeline.h"

namespace bench {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
namespace codec = selvedge::codec;
namespace infer = selvedge::infer;

namespace {

std::uint64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long size = 0, resident = 0;
  const int got = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return got == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// A folder that goes with its owner.
class Folder {
 public:
  explicit Folder(const std::string& in) : path_(in + "/cache-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Folder() {
    std::error_code none;
    if (!path_.empty()) std::filesystem::remove_all(path_, none);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<void> load(const Model& model, const Picture& picture, infer::Runtime& runtime, const std::string& cache, Times& wall,
                  Times& cpu) {
  const double began = wall_clock(), used = process_cpu();
  const auto pipeline = TRY(infer::Pipeline::make(runtime, model.package, {.cache = cache}));
  TRY(pipeline->run(picture.file));
  cpu.add(process_cpu() - used);
  wall.add(wall_clock() - began);
  return {};
}

}  // namespace

Result<void> measure_reloads(const Material& material, infer::Runtime& runtime, Loading& into) {
  const Model* model = material.model("int8");
  if (model == nullptr) model = &material.models.front();
  Folder folder(material.plan.folder);
  Times wall, cpu;
  into.reloaded = model->name, into.reloads = material.plan.reloads;
  into.resident_start = resident_bytes();
  for (int i = 0; i < material.plan.reloads; ++i) {
    TRY(load(*model, material.pictures.front(), runtime, folder.path(), wall, cpu));
    const std::uint64_t now = resident_bytes();
    if (i == 0) into.resident_one = now;
    if (i < 20) into.resident_settled = now;
    into.resident_end = now;
  }
  return {};
}

Result<void> measure_loading(const Material& material, infer::Runtime& runtime, Loading& into) {
  for (const Model& model : material.models) {
    LoadRow& row = into.rows.emplace_back();
    row.model = model.name;
    Folder folder(material.plan.folder);
    if (folder.path().empty()) return fail(Code::unavailable, "make a folder in " + material.plan.folder);
    Times wall, cpu;                               // fills the cache
    TRY(load(model, material.pictures.front(), runtime, folder.path(), wall, cpu));
    for (int i = 0; i < std::max(3, material.plan.rounds / 2); ++i) {
      TRY(load(model, material.pictures.front(), runtime, "", row.first_wall, row.first_cpu));
      TRY(load(model, material.pictures.front(), runtime, folder.path(), row.again_wall, row.again_cpu));
    }
  }
  for (int i = 0; !material.tflite.empty() && i < material.plan.rounds; ++i) {
    const double wall = wall_clock(), cpu = process_cpu();
    const auto imported = TRY(codec::tflite::import(material.tflite));
    const auto bytes = codec::onnx::write(imported.graph);
    into.import_cpu.add(process_cpu() - cpu);
    into.import_wall.add(wall_clock() - wall);
    into.import_bytes = material.tflite.size(), into.onnx_bytes = bytes.size();
  }
  return {};
}

}  // namespace bench
