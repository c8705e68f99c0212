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

namespace selvedge::infer {

enum class Task : std::uint8_t { detection, classification, segmentation, series, tensors };

// How pixels become numbers: (pixel - mean) / deviation, each of red, green, blue.
struct InputRule {
  std::string name;                                // of the model's input; "": the only one
  int width = 0, height = 0;                       // 0: as the model says
  enum class Layout : std::uint8_t { rows, planes } layout = Layout::rows;   // NHWC, NCHW
  enum class Colour : std::uint8_t { rgb, bgr, grey } colour = Colour::rgb;
  enum class Fit : std::uint8_t { stretch, letterbox, crop } fit = Fit::stretch;
  std::array<float, 3> mean{}, deviation{1, 1, 1};
};

enum class Activation : std::uint8_t { none, sigmoid, softmax };

// SSD anchors by the rule of MediaPipe's SsdAnchorsCalculator.
struct AnchorRule {
  std::vector<int> strides;
  float min_scale = 0, max_scale = 0;
  std::vector<float> aspect_ratios;
  bool reduce_lowest = false;                      // layer 0: {0.1 square, scale x 2, scale x 0.5}
  float interpolated_ratio = 1;                    // 0: no extra square
  float offset_x = 0.5F, offset_y = 0.5F;
  bool fixed_size = false;                         // anchors have side 1
};

struct DetectionRule {
  // ssd: boxes relative to anchors, and scores. boxes: the model ends in a post-processing operator and
  // says boxes, classes, scores, count itself.
  enum class Decoder : std::uint8_t { ssd, boxes } decoder = Decoder::ssd;
  std::string boxes, scores, classes, count;       // outputs by name; "": by order
  AnchorRule anchors;
  float x_scale = 10, y_scale = 10, w_scale = 5, h_scale = 5;
  bool exponential = true;                         // w and h are exp(code / scale)
  enum class Order : std::uint8_t { yxhw, xywh } order = Order::yxhw;
  Activation activation = Activation::sigmoid;
  bool background = false;                         // class 0 is none, and labels begin with it
  float threshold = 0.5F, overlap = 0.5F;          // least score; IoU above which the weaker goes
  std::size_t most = 100, candidates = 400;        // given out; looked at before suppression
};

struct RankRule {
  std::string output;
  Activation activation = Activation::none;
  std::size_t most = 5;
  float threshold = 0;
};

struct MaskRule {
  std::string output;
  float threshold = 0.5F;                          // for one channel; more: the greatest
};

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
// A package as bytes, packed as small as zstd can.
base::Result<base::Bytes> write_package(const ModelPackage& package);

}  // namespace selvedge::infer
