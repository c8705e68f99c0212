// TFLite_Detection_PostProcess: boxes from codes and anchors, and the best of those that overlap.
//
// Inputs: codes [1, N, 4 or more] (y, x, h, w), scores [1, N, classes, perhaps with a background before
// them], anchors [N, 4]. Outputs: boxes [1, M, 4] (top, left, bottom, right), classes [1, M], scores
// [1, M], how many there are [1]; what is not there is zero. Scores are taken as they are.
//
// Source of the semantics: tensorflow/lite/kernels/detection_postprocess.cc.

#include <array>
#include <cmath>
#include <limits>

#include "codec/tflite/elements.h"
#include "codec/tflite/flexbuffer.h"
#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

constexpr std::int64_t most_detections = 100'000;

struct Rule {
  std::int64_t detections = 0, classes_each = 1, per_class = 100, classes = 0;
  bool regular = false;
  float score = 0, overlap = 0;
  std::array<float, 4> scale{};                    // of y, x, h, w
};

Result<Rule> read_rule(const Context& context) {
  const auto options = TRY(read_flex_map(context.op.custom_options));
  const auto number = [&](const char* name, double otherwise) {
    const auto found = options.find(name);
    return found == options.end() || !(std::abs(found->second) < 1e30) ? otherwise : found->second;
  };
  const auto count = [&](const char* name, double otherwise) -> Result<std::int64_t> {
    const double value = number(name, otherwise);
    if (value < 1 || value > static_cast<double>(most_detections)) return fail(Code::invalid_input, std::string(name) + " is not possible");
    return static_cast<std::int64_t>(value);
  };
  Rule rule;
  rule.detections = TRY(count("max_detections", 0));
  rule.classes_each = TRY(count("max_classes_per_detection", 1));
  rule.per_class = TRY(count("detections_per_class", 100));
  rule.classes = TRY(count("num_classes", 0));
  rule.regular = number("use_regular_nms", 0) != 0;
  rule.score = static_cast<float>(number("nms_score_threshold", 0));
  rule.overlap = static_cast<float>(number("nms_iou_threshold", 0));
  if (rule.detections * rule.classes_each > most_detections) return fail(Code::invalid_input, "max_detections is not possible");
  if (rule.overlap < 0 || rule.overlap > 1) return fail(Code::invalid_input, "nms_iou_threshold is not between 0 and 1");
  constexpr std::array<const char*, 4> scales{"y_scale", "x_scale", "h_scale", "w_scale"};
  for (std::size_t i = 0; i < 4; ++i) {
    rule.scale[i] = static_cast<float>(number(scales[i], 0));
    if (rule.scale[i] == 0) return fail(Code::invalid_input, std::string(scales[i]) + " is missing");
  }
  return rule;
}

class Detection {
 public:
  Detection(Builder& builder, const Rule& rule) : builder_(builder), rule_(rule) {}

  // [N, 4]: columns [from, to) of a matrix.
  std::string columns(const std::string& matrix, std::int64_t from, std::int64_t to) {
    const std::string starts = list({from}), ends = list({to}), axis = list({1});
    return builder_.add("Slice", {matrix, starts, ends, axis});
  }

  // [N, 4], corners.
  std::string boxes(const std::string& codes, const std::string& anchors) {
    const std::array<float, 2> near{rule_.scale[0], rule_.scale[1]}, far{rule_.scale[2], rule_.scale[3]};
    const std::string sizes = columns(anchors, 2, 4);
    const std::string shift = builder_.add("Mul", {builder_.add("Div", {columns(codes, 0, 2), pair(near)}), sizes});
    const std::string centres = builder_.add("Add", {shift, columns(anchors, 0, 2)});
    const std::string growth = builder_.add("Exp", {builder_.add("Div", {columns(codes, 2, 4), pair(far)})});
    const std::string halves = builder_.add("Mul", {builder_.add("Mul", {growth, builder_.real(0.5F)}), sizes});
    const std::string low = builder_.add("Sub", {centres, halves}), high = builder_.add("Add", {centres, halves});
    return builder_.add("Concat", {low, high}, {attribute("axis", std::int64_t{1})});
  }

  // Rows of (0, class, anchor): `scores` is [classes, N]. ONNX keeps what is above the threshold and
  // TensorFlow Lite what is at least that much.
  std::string suppressed(const std::string& boxes, const std::string& scores, std::int64_t most) {
    const std::string all = builder_.add("Unsqueeze", {boxes, list({0})});
    const std::string each = builder_.add("Unsqueeze", {scores, list({0})});
    const float above = std::nextafter(rule_.score, -std::numeric_limits<float>::infinity());
    const std::string count = list({most}), overlap = vector(rule_.overlap), score = vector(above);
    return builder_.add("NonMaxSuppression", {all, each, count, overlap, score});
  }

  std::string column(const std::string& rows, std::int64_t which) {
    return builder_.add("Gather", {rows, builder_.constant(ElementType::int64, {}, bytes_of_values(std::span<const std::int64_t>(&which, 1)), "column")},
                        {attribute("axis", std::int64_t{1})});
  }

  std::string count_of(const std::string& rows) {
    const std::string shape = builder_.add("Shape", {rows});
    const std::string starts = list({0}), ends = list({1});
    return builder_.add("Slice", {shape, starts, ends});
  }

  std::string to_real(const std::string& value) {
    return builder_.add("Cast", {value}, {attribute("to", static_cast<std::int64_t>(ElementType::float32))});
  }

  // The first rows of [k, ...], zeros behind them, as [1, M, ...].
  std::string filled(const std::string& rows, Shape rest) {
    const std::int64_t most = rule_.detections * rule_.classes_each;
    Shape shape = rest;
    shape.insert(shape.begin(), most);
    const std::size_t elements = static_cast<std::size_t>(most) * (rest.empty() ? 1 : static_cast<std::size_t>(rest[0]));
    const std::string zeros = builder_.constant(ElementType::float32, shape, base::Bytes(elements * sizeof(float)), "zeros");
    const std::string joined = builder_.add("Concat", {rows, zeros}, {attribute("axis", std::int64_t{0})});
    const std::string starts = list({0}), ends = list({most}), axis = list({0});
    const std::string cut = builder_.add("Slice", {joined, starts, ends, axis});
    return builder_.add("Unsqueeze", {cut, list({0})});
  }

  struct Found { std::string boxes, classes, scores, count; };   // rows, not yet filled

  // Over all classes together: an anchor counts with its best class and gives its best few.
  Found fast(const std::string& boxes, const std::string& scores) {
    const std::int64_t each = std::min(rule_.classes_each, rule_.classes);
    const auto best = builder_.add_many("TopK", {scores, list({each})}, {attribute("axis", std::int64_t{1})}, 2);
    const std::string first = builder_.add("Transpose", {columns(best[0], 0, 1)}, {attribute("perm", {1, 0})});
    const std::string rows = suppressed(boxes, first, rule_.detections);
    const std::string anchors = column(rows, 2);
    const auto of_anchors = [&](const std::string& matrix) { return builder_.add("Gather", {matrix, anchors}, {attribute("axis", std::int64_t{0})}); };
    const std::string kept_boxes = of_anchors(boxes);
    const std::string tiled = builder_.add("Tile", {kept_boxes, list({1, rule_.classes_each})});
    return {builder_.add("Reshape", {tiled, list({-1, 4})}), spread(to_real(of_anchors(best[1])), each),
            spread(of_anchors(best[0]), each), to_real(count_of(rows))};
  }

  // Each class by itself, then the best over all.
  Found regular(const std::string& boxes, const std::string& scores) {
    const std::string by_class = builder_.add("Transpose", {scores}, {attribute("perm", {1, 0})});
    const std::string rows = suppressed(boxes, by_class, rule_.per_class);
    const std::string starts = list({1}), ends = list({3}), axis = list({1});
    const std::string places = builder_.add("Slice", {rows, starts, ends, axis});
    const std::string kept = builder_.add("GatherND", {by_class, places});
    const std::string count = builder_.add("Min", {count_of(rows), list({rule_.detections})});
    const auto best = builder_.add_many("TopK", {kept, count}, {attribute("axis", std::int64_t{0})}, 2);
    const auto pick = [&](const std::string& from) { return builder_.add("Gather", {from, best[1]}, {attribute("axis", std::int64_t{0})}); };
    const std::string anchors = pick(column(rows, 2));
    return {builder_.add("Gather", {boxes, anchors}, {attribute("axis", std::int64_t{0})}), to_real(pick(column(rows, 1))),
            best[0], to_real(count)};
  }

 private:
  std::string list(std::initializer_list<std::int64_t> values) { return builder_.integer_list(values); }
  std::string vector(float value) { return builder_.constant(ElementType::float32, {1}, bytes_of_values(std::span<const float>(&value, 1)), "limit"); }
  std::string pair(const std::array<float, 2>& values) { return builder_.constant(ElementType::float32, {2}, bytes_of_values(std::span<const float>(values)), "scales"); }

  // [k, each] as one row of places for classes_each, the last of them empty if there are fewer classes.
  std::string spread(std::string matrix, std::int64_t each) {
    if (each < rule_.classes_each) matrix = builder_.add("Pad", {matrix, list({0, 0, 0, rule_.classes_each - each})});
    return builder_.add("Reshape", {matrix, list({-1})});
  }

  Builder& builder_;
  const Rule& rule_;
};

Result<Done> detect(const Context& context) {
  Builder& builder = context.builder;
  const Rule rule = TRY(read_rule(context));
  TRY(need_rank(context, context.input(0), 3));
  TRY(need_rank(context, context.input(1), 3));
  TRY(need_rank(context, context.input(2), 2));
  const Shape& codes = context.in(0).shape;
  const Shape& scores = context.in(1).shape;
  const std::int64_t count = codes[1], background = scores[2] - rule.classes;
  if (codes[0] != 1 || scores[0] != 1 || codes[2] < 4 || scores[1] != count || context.in(2).shape != Shape{count, 4} ||
      background < 0 || background > 1) {
    return fail(Code::invalid_input, "codes, scores and anchors do not fit each other");
  }
  Detection detection(builder, rule);
  std::string code_rows = TRY(builder.flat(context.input(0), Numbers::real));
  code_rows = builder.add("Reshape", {code_rows, builder.integer_list({count, codes[2]})});
  std::string score_rows = TRY(builder.flat(context.input(1), Numbers::real));
  score_rows = builder.add("Reshape", {score_rows, builder.integer_list({count, scores[2]})});
  const std::string anchors = TRY(builder.value(context.input(2), Layout::rows));
  if (background == 1) score_rows = detection.columns(score_rows, 1, scores[2]);
  const std::string boxes = detection.boxes(code_rows, anchors);
  const auto found = rule.regular ? detection.regular(boxes, score_rows) : detection.fast(boxes, score_rows);
  TRY(builder.finish(context.output(3), Layout::rows, found.count));
  TRY(builder.finish(context.output(0), Layout::rows, detection.filled(found.boxes, {4})));
  TRY(builder.finish(context.output(1), Layout::rows, detection.filled(found.classes, {})));
  return builder.finish(context.output(2), Layout::rows, detection.filled(found.scores, {}));
}

constexpr auto conversions = std::to_array<Conversion>({
    {custom_operator, "TFLite_Detection_PostProcess", 3, 4, detect},
});

}  // namespace

std::span<const Conversion> detection_conversions() { return conversions; }

}  // namespace selvedge::codec::tflite
