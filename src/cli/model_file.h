// ModelFile: a model as somebody has it on disk, whatever its form: a package of ours, a TensorFlow
// Lite file, an ONNX file. Comes out as a package; what a bare model does not say is guessed and said.
//
// Files are bounded in size, and everything in them is checked by the codec that reads it.

#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "infer/model_package.h"
#include "infer/runtime.h"

namespace selvedge::cli {

enum class ModelForm : std::uint8_t { package, tflite, onnx };
std::string_view name(ModelForm form);

struct ModelFile {
  infer::ModelPackage package;
  ModelForm form = ModelForm::package;
  std::string path;
  std::uint64_t bytes = 0;                         // of the file
  std::vector<std::string> notes;                  // what was guessed; empty for a package
};

struct ModelFileOptions {
  std::string description;                         // path of a model.toml; "": guess
  std::string labels;                              // path of a text file; "": those inside or beside the model
};

base::Result<ModelFile> open_model(Session& session, const std::string& path, const ModelFileOptions& options = {});

// The model that is taken when none is named: the SSD that scripts/fetch brings. Code::not_found with
// how to get it.
base::Result<std::string> default_model();

// Labels, a line each. Lines that all begin with a number are put at that index.
base::Result<std::vector<std::string>> parse_labels(std::string_view text);

// The runtime of --runtime or the one that is found.
base::Result<std::shared_ptr<infer::Runtime>> open_runtime(const Arguments& arguments);
// What commands that run models take beside their own flags.
std::vector<Flag> runtime_flags(std::vector<Flag> more = {});

// A file of any kind, at most `limit` bytes.
base::Result<base::Bytes> read_bytes(Session& session, const std::string& path, std::uint64_t limit);
// A picture or a golden example, at most 64 MiB.
base::Result<base::Bytes> read_picture(Session& session, const std::string& path);
base::Result<void> write_bytes(Session& session, const std::string& path, base::BytesView bytes);

}  // namespace selvedge::cli
