#include "cli/model_guess.h"

#include <algorithm>

#include "base/text.h"
#include "cli/graph_shapes.h"
#include "infer/quantisation.h"

namespace selvedge::cli {

using codec::onnx::ElementType;
using codec::onnx::Graph;
using codec::onnx::Shape;
using codec::onnx::ValueInfo;
using engine::AnchorRule;
using engine::DetectionRule;
using engine::InputRule;
using infer::Task;

namespace {

// MobileNet SSD as trained by the TensorFlow object detection API and MediaPipe's object_detection.
AnchorRule ssd_anchors() {
  AnchorRule rule;
  rule.strides = {16, 32, 64, 128, 256, 512};
  rule.min_scale = 0.2F, rule.max_scale = 0.95F;
  rule.aspect_ratios = {1, 2, 0.5F, 3, 0.3333F};
  rule.reduce_lowest = true;
  return rule;
}

// BlazeFace of MediaPipe, short and full range.
AnchorRule face_anchors(std::vector<int> strides, float interpolated) {
  AnchorRule rule;
  rule.strides = std::move(strides);
  rule.min_scale = 0.1484375F, rule.max_scale = 0.75F;
  rule.aspect_ratios = {1};
  rule.interpolated_ratio = interpolated;
  rule.fixed_size = true;
  return rule;
}

std::int64_t side(const Shape& shape, std::size_t from_end) {
  return from_end < shape.size() ? shape[shape.size() - 1 - from_end] : 1;
}

// All dimensions but the last `kept` are one or open.
bool single(const Shape& shape, std::size_t kept) {
  for (std::size_t i = 0; i + kept < shape.size(); ++i)
    if (shape[i] != 1 && shape[i] != -1) return false;
  return shape.size() >= kept;
}

bool is_byte(ElementType type) { return type == ElementType::uint8 || type == ElementType::int8; }

class Guesser {
 public:
  Guesser(const Graph& graph, std::string_view name, std::vector<std::string> labels) : graph_(graph) {
    guess_.description.name = artifact_name(name);
    guess_.description.file = "model.onnx";
    set_labels(std::move(labels));
  }

  Guess take() {
    if (picture() && (post_processed() || anchored() || classes() || mask())) return std::move(guess_);
    guess_.description.task = Task::tensors;
    guess_.description.input = {};
    note("task tensors: nothing about pictures was recognised; numbers in, numbers out");
    return std::move(guess_);
  }

 private:
  void note(std::string text) { guess_.notes.push_back(std::move(text)); }

  void set_labels(std::vector<std::string> labels) {
    if (labels.empty()) return;
    guess_.description.labels = std::move(labels);
    guess_.description.labels_file = "labels.txt";
  }

  // One input with three (or one) channels is a picture.
  bool picture() {
    if (graph_.inputs.size() != 1) return false;
    const ValueInfo& in = graph_.inputs[0];
    if (in.shape.size() != 4) return false;
    InputRule& rule = guess_.description.input;
    const auto is_colour = [](std::int64_t channels) { return channels == 3 || channels == 1; };
    if (is_colour(in.shape[3]) && in.shape[1] > 4) {
      rule.layout = InputRule::Layout::rows;
    } else if (is_colour(in.shape[1])) {
      rule.layout = InputRule::Layout::planes;
    } else {
      return false;
    }
    const bool planes = rule.layout == InputRule::Layout::planes;
    height_ = planes ? in.shape[2] : in.shape[1];
    width_ = planes ? in.shape[3] : in.shape[2];
    if (width_ < 8 || height_ < 8 || width_ > 16'384 || height_ > 16'384) return false;
    rule.name = in.name;
    rule.width = static_cast<int>(width_), rule.height = static_cast<int>(height_);
    if ((planes ? in.shape[1] : in.shape[3]) == 1) rule.colour = InputRule::Colour::grey;
    std::string how = "raw pixels, since it takes bytes";
    if (!is_byte(in.type)) {
      if (planes) {
        // The means and deviations of ImageNet, which nearly all models trained with PyTorch take.
        rule.mean = {123.675F, 116.28F, 103.53F};
        rule.deviation = {58.395F, 57.12F, 57.375F};
        how = "ImageNet mean and deviation, as PyTorch models take (see [input] in model.toml)";
      } else {
        rule.mean = {127.5F, 127.5F, 127.5F};
        rule.deviation = {127.5F, 127.5F, 127.5F};
        how = "from -1 to 1, as most TensorFlow Lite models take (see [input] in model.toml)";
      }
    } else {
      // The description speaks of what the bytes stand for; so that pixels go in as they are (or less 128).
      const infer::Scale scale = infer::scale_of(graph_, in.name);
      const bool is_signed = in.type == ElementType::int8;
      rule.mean.fill(static_cast<float>(scale.zero_point + (is_signed ? 128 : 0)));
      if (scale.scale > 0) rule.deviation.fill(1 / scale.scale);
      if (is_signed) how = "pixels less 128, since it takes signed bytes";
    }
    note("input '" + in.name + "' " + shape_text(in.shape) + " " + std::string(name_of(in.type)) + ": a picture, " +
         (planes ? "planes of red, green, blue; " : "rows of pixels; ") + how);
    return true;
  }

  // boxes, classes, scores, count: a model that ends in TFLite_Detection_PostProcess.
  bool post_processed() {
    const auto& out = graph_.outputs;
    if (out.size() != 4 || side(out[0].shape, 0) != 4 || out[0].shape.size() < 2) return false;
    const std::int64_t boxes = side(out[0].shape, 1);
    if (side(out[1].shape, 0) != boxes || side(out[2].shape, 0) != boxes || !single(out[3].shape, 0)) return false;
    DetectionRule& rule = guess_.description.detection;
    guess_.description.task = Task::detection;
    rule.decoder = DetectionRule::Decoder::boxes;
    rule.boxes = out[0].name, rule.classes = out[1].name, rule.scores = out[2].name, rule.count = out[3].name;
    rule.activation = engine::Activation::none;
    note("task detection: the model makes its own boxes ('" + rule.boxes + "', at most " +
         (boxes < 0 ? "?" : std::to_string(boxes)) + ")");
    labels_note(-1);
    return true;
  }

  // [1, anchors, values], also with a 1 between.
  static std::int64_t anchor_count(const Shape& shape) {
    return shape.size() < 2 ? 0 : shape.size() == 4 && shape[2] == 1 ? shape[1] : side(shape, 1);
  }
  static std::int64_t anchor_width(const Shape& shape) { return side(shape, 0); }

  bool anchored() {
    const auto& out = graph_.outputs;
    if (out.size() != 2) return false;
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
      const ValueInfo &boxes = out[at], &scores = out[1 - at];
      const std::int64_t count = anchor_count(boxes.shape), width = anchor_width(boxes.shape);
      if (count < 2 || width < 4 || anchor_count(scores.shape) != count) continue;
      const std::int64_t classes = anchor_width(scores.shape);
      // Scores of many classes are as wide as boxes with points: the narrower, or the first, are boxes.
      if (classes < 1 || (width > 4 && classes == 4)) continue;
      return anchored(boxes, scores, static_cast<std::size_t>(count), classes, width > 4);
    }
    return false;
  }

  bool anchored(const ValueInfo& boxes, const ValueInfo& scores, std::size_t count, std::int64_t classes, bool points) {
    DetectionRule& rule = guess_.description.detection;
    guess_.description.task = Task::detection;
    rule.decoder = DetectionRule::Decoder::ssd;
    rule.boxes = boxes.name, rule.scores = scores.name;
    const int width = static_cast<int>(width_), height = static_cast<int>(height_);
    std::string known;
    if (points) {
      for (const auto& [strides, ratio, what] :
           {std::tuple{std::vector<int>{8, 16, 16, 16}, 1.0F, "BlazeFace short range"}, {{4}, 0.0F, "BlazeFace full range"}}) {
        const AnchorRule anchors = face_anchors(strides, ratio);
        if (anchors_of(anchors, width, height) != count) continue;
        rule.anchors = anchors;
        known = what;
      }
      rule.x_scale = rule.w_scale = static_cast<float>(width_);
      rule.y_scale = rule.h_scale = static_cast<float>(height_);
      rule.exponential = false;
      rule.order = DetectionRule::Order::xywh;
      rule.overlap = 0.3F;
      if (guess_.description.labels.empty() && !known.empty() && classes == 1) set_labels({"face"});
    } else if (anchors_of(ssd_anchors(), width, height) == count) {
      rule.anchors = ssd_anchors();
      known = "MobileNet SSD";
      rule.background = background(classes);
    }
    if (known.empty()) {
      // Boxes without the rule that made the anchors are numbers.
      guess_.description.detection = {};
      note("two outputs look like boxes and scores of " + std::to_string(count) +
           " anchors, but the rule of these anchors is not known: say it in a description (--description)");
      return false;
    }
    note("task detection: " + std::to_string(count) + " anchors of " + known + "; boxes '" + boxes.name + "' " +
         shape_text(boxes.shape) + ", scores '" + scores.name + "' " + shape_text(scores.shape) +
         (rule.background ? "; class 0 is the background" : ""));
    labels_note(classes);
    return true;
  }

  // An SSD of this family has class 0 for nothing, unless the labels say otherwise.
  bool background(std::int64_t classes) {
    auto& labels = guess_.description.labels;
    if (!labels.empty() && static_cast<std::int64_t>(labels.size()) + 1 == classes) {
      labels.insert(labels.begin(), "background");
      note("the labels begin with class 1");
    }
    return classes > 1;
  }

  bool classes() {
    if (graph_.outputs.size() != 1) return false;
    const ValueInfo& out = graph_.outputs[0];
    const bool flat = single(out.shape, 1) || (out.shape.size() == 4 && out.shape[2] == 1 && out.shape[3] == 1);
    const std::int64_t count = std::max(side(out.shape, 0), out.shape.size() == 4 ? out.shape[1] : 0);
    if (!flat || count < 2) return false;
    const bool shares = ends_in_shares();
    guess_.description.task = Task::classification;
    guess_.description.rank.output = out.name;
    guess_.description.rank.activation = shares ? engine::Activation::none : engine::Activation::softmax;
    note("task classification: output '" + out.name + "' has " + std::to_string(count) + " classes, " +
         (shares ? "already shares of one" : "made shares of one by softmax"));
    labels_note(count);
    return true;
  }

  // Whether a softmax or sigmoid made the output, whatever lies behind it.
  bool ends_in_shares() const {
    std::string name = graph_.outputs[0].name;
    for (int steps = 0; steps < 8; ++steps) {
      const auto made = std::ranges::find_if(graph_.nodes, [&](const codec::onnx::Node& node) {
        return std::ranges::find(node.outputs, name) != node.outputs.end();
      });
      if (made == graph_.nodes.end() || made->inputs.empty()) break;
      if (made->op == "Softmax" || made->op == "Sigmoid") return true;
      if (made->op != "QuantizeLinear" && made->op != "DequantizeLinear" && made->op != "Reshape" && made->op != "Cast" &&
          made->op != "Squeeze" && made->op != "Flatten" && made->op != "Identity")
        break;
      name = made->inputs[0];
    }
    return false;
  }

  bool mask() {
    if (graph_.outputs.size() != 1) return false;
    const ValueInfo& out = graph_.outputs[0];
    const bool large = out.shape.size() >= 3 && std::ranges::count_if(out.shape, [](std::int64_t s) { return s >= 8; }) >= 2;
    if (!large || out.shape.size() > 4) return false;
    guess_.description.task = Task::segmentation;
    guess_.description.mask.output = out.name;
    // One number for each point says how much of the one thing is there.
    const bool one_channel = side(out.shape, 0) == 1 || (out.shape.size() == 4 && out.shape[1] == 1);
    if (one_channel && guess_.description.labels.empty()) set_labels({"background", "foreground"});
    InputRule& input = guess_.description.input;
    if (one_channel && input.layout == InputRule::Layout::rows && graph_.inputs[0].type == ElementType::float32) {
      input.mean = {0, 0, 0}, input.deviation = {255, 255, 255};
      note("no, the input is from 0 to 1, as MediaPipe's models for masks take it");
    }
    note("task segmentation: output '" + out.name + "' " + shape_text(out.shape) + " covers the picture");
    labels_note(-1);
    return true;
  }

  void labels_note(std::int64_t classes) {
    const auto count = static_cast<std::int64_t>(guess_.description.labels.size());
    if (count == 0) note("no labels: classes are numbers (--labels FILE, a line each)");
    else if (classes > 0 && count != classes)
      note("careful: " + std::to_string(count) + " labels for " + std::to_string(classes) + " classes");
    else note(std::to_string(count) + " labels");
  }

  const Graph& graph_;
  Guess guess_;
  std::int64_t width_ = 0, height_ = 0;
};

}  // namespace

Guess guess_description(const Graph& graph, std::string_view name, std::vector<std::string> labels) {
  return Guesser(graph, name, std::move(labels)).take();
}

std::size_t anchors_of(const AnchorRule& rule, int width, int height) {
  std::size_t count = 0;
  for (std::size_t layer = 0; layer < rule.strides.size(); ++layer) {
    const int stride = rule.strides[layer];
    if (stride < 1) return 0;
    const auto cells = static_cast<std::size_t>((width + stride - 1) / stride) *
                       static_cast<std::size_t>((height + stride - 1) / stride);
    const std::size_t each = layer == 0 && rule.reduce_lowest
                                 ? 3
                                 : rule.aspect_ratios.size() + (rule.interpolated_ratio > 0 ? 1 : 0);
    count += cells * each;
  }
  return count;
}

std::string artifact_name(std::string_view from) {
  std::string name;
  for (const char c : from.substr(0, 64)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += letter || c == '_' || c == '.' || c == '-' ? c : '-';
  }
  while (!name.empty() && (name.front() == '.' || name.front() == '-')) name.erase(0, 1);
  return name.empty() ? "model" : name;
}

}  // namespace selvedge::cli
