// ModelPackage: a model as it travels: one file (a tar packed with zstd) with the model, a description
// of what goes in and comes out (model.toml), labels, and golden examples that tell whether it works.
//
// read_package() takes bytes from anyone: the size of what is unpacked, count and names of members are
// bounded, and a member's name is only ever compared, never a path. A model in TensorFlow Lite form is
// imported. docs/spec/model_package.md.

#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/package/archive.h"
#include "engine/vision/rules.h"

namespace selvedge::infer {

enum class Task : std::uint8_t { detection, classification, segmentation, series, tensors };
std::string_view name_of(Task task);               // "detection"

using engine::Activation;
using engine::AnchorRule;
using engine::DetectionRule;
using engine::InputRule;
using engine::MaskRule;
using engine::RankRule;

// A model over the last `length` values of a series.
struct SeriesRule {
  std::size_t length = 0;
  bool normalise = true;                           // by mean and deviation of the window
  enum class Meaning : std::uint8_t { score, forecast, reconstruction } meaning = Meaning::score;
  float threshold = 0;                             // score above which it is an anomaly
};

struct Golden {
  std::string file;                                // member of the package
  struct Expected { std::string label; float score = 0; std::array<float, 4> box{}; };
  std::vector<Expected> expected;                  // each must be found
  float score_within = 0.1F, overlap = 0.8F;
};

struct Description {
  std::string name;                                // as an artifact's name
  Task task = Task::tensors;
  std::string file;                                // member: the model, .onnx or .tflite
  std::string labels_file;
  std::vector<std::string> labels;
  InputRule input;
  DetectionRule detection;
  RankRule rank;
  MaskRule mask;
  SeriesRule series;
  std::vector<Golden> golden;
};

struct ModelPackage {
  Description description;
  base::Bytes model;                               // ONNX
  std::map<std::string, base::Bytes> members;      // the others: golden files, licences
};

struct PackageLimits {
  std::size_t unpacked = std::size_t{512} << 20;
  std::size_t members = 1'000;
};

// model.toml alone; Code::invalid_input names line and key.
base::Result<Description> read_description(std::string_view toml);
std::string write_description(const Description& description);

base::Result<ModelPackage> read_package(base::BytesView file, const PackageLimits& limits = {});
// A package as bytes.
base::Result<base::Bytes> write_package(const ModelPackage& package, codec::Packing packing = codec::Packing::quick);

}  // namespace selvedge::infer
