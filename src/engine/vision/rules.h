// Rules: what belongs around a model that sees pictures: how pixels become the numbers it takes, and
// how the numbers it gives become boxes, ranks or a mask. Values only, as model.toml says them
// (docs/spec/model_package.md); the functions that follow them are beside this file.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace selvedge::engine {

// How pixels become numbers: (pixel - mean) / deviation, each of red, green, blue.
struct InputRule {
  std::string name{};                              // of the model's input; "": the only one
  int width = 0, height = 0;                       // 0: as the model says
  enum class Layout : std::uint8_t { rows, planes } layout = Layout::rows;   // NHWC, NCHW
  enum class Colour : std::uint8_t { rgb, bgr, grey } colour = Colour::rgb;
  enum class Fit : std::uint8_t { stretch, letterbox, crop } fit = Fit::stretch;
  std::array<float, 3> mean{}, deviation{1, 1, 1};
};

enum class Activation : std::uint8_t { none, sigmoid, softmax };

// SSD anchors by the rule of MediaPipe's SsdAnchorsCalculator.
struct AnchorRule {
  std::vector<int> strides{};
  float min_scale = 0, max_scale = 0;
  std::vector<float> aspect_ratios{};
  bool reduce_lowest = false;                      // layer 0: {0.1 square, scale x 2, scale x 0.5}
  float interpolated_ratio = 1;                    // 0: no extra square
  float offset_x = 0.5F, offset_y = 0.5F;
  bool fixed_size = false;                         // anchors have side 1
};

struct DetectionRule {
  // ssd: boxes relative to anchors, and scores. boxes: the model ends in a post-processing operator and
  // says boxes, classes, scores, count itself.
  enum class Decoder : std::uint8_t { ssd, boxes } decoder = Decoder::ssd;
  std::string boxes{}, scores{}, classes{}, count{};      // outputs by name; "": by order
  AnchorRule anchors{};
  float x_scale = 10, y_scale = 10, w_scale = 5, h_scale = 5;
  bool exponential = true;                         // w and h are exp(code / scale)
  enum class Order : std::uint8_t { yxhw, xywh } order = Order::yxhw;
  Activation activation = Activation::sigmoid;
  bool background = false;                         // class 0 is none, and labels begin with it
  float threshold = 0.5F, overlap = 0.5F;          // least score; IoU above which the weaker goes
  std::size_t most = 100, candidates = 400;        // given out; looked at before suppression
};

struct RankRule {
  std::string output{};
  Activation activation = Activation::none;
  std::size_t most = 5;
  float threshold = 0;
};

struct MaskRule {
  std::string output{};
  float threshold = 0.5F;                          // for one channel; more: the greatest
};

}  // namespace selvedge::engine
