// The keys of model.toml, each said once, for the reader and the writer of descriptions alike.
//
// A visitor has number(key, value, default, low, high), text(key, value, default), flag(key, value,
// default), word(key, value, default, words), three(key, value, default) and list(key, value, default,
// low, high, most).

#pragma once

#include <array>
#include <string_view>

#include "infer/model_package.h"

namespace selvedge::infer {

inline constexpr std::array task_words{"detection", "classification", "segmentation", "series", "tensors"};
inline constexpr std::array activation_words{"none", "sigmoid", "softmax"};

template <typename Visitor, typename Rule>
void visit_input(Visitor& v, Rule& r, const InputRule& d) {
  static constexpr std::array layouts{"rows", "planes"};
  static constexpr std::array colours{"rgb", "bgr", "grey"}, fits{"stretch", "letterbox", "crop"};
  v.text("name", r.name, d.name);
  v.number("width", r.width, d.width, 0, 8'192);
  v.number("height", r.height, d.height, 0, 8'192);
  v.word("layout", r.layout, d.layout, layouts);
  v.word("colour", r.colour, d.colour, colours);
  v.word("fit", r.fit, d.fit, fits);
  v.three("mean", r.mean, d.mean);
  v.three("deviation", r.deviation, d.deviation);
}

template <typename Visitor, typename Rule>
void visit_detection(Visitor& v, Rule& r, const DetectionRule& d) {
  static constexpr std::array decoders{"ssd", "boxes"}, orders{"yxhw", "xywh"};
  v.word("decoder", r.decoder, d.decoder, decoders);
  v.text("boxes", r.boxes, d.boxes);
  v.text("scores", r.scores, d.scores);
  v.text("classes", r.classes, d.classes);
  v.text("count", r.count, d.count);
  v.number("x_scale", r.x_scale, d.x_scale, 1e-6, 1e6);
  v.number("y_scale", r.y_scale, d.y_scale, 1e-6, 1e6);
  v.number("w_scale", r.w_scale, d.w_scale, 1e-6, 1e6);
  v.number("h_scale", r.h_scale, d.h_scale, 1e-6, 1e6);
  v.flag("exponential", r.exponential, d.exponential);
  v.word("order", r.order, d.order, orders);
  v.word("activation", r.activation, d.activation, activation_words);
  v.flag("background", r.background, d.background);
  v.number("threshold", r.threshold, d.threshold, 0, 1);
  v.number("overlap", r.overlap, d.overlap, 0, 1);
  v.number("most", r.most, d.most, 1, 10'000);
  v.number("candidates", r.candidates, d.candidates, 1, 100'000);
}

template <typename Visitor, typename Rule>
void visit_anchors(Visitor& v, Rule& r, const AnchorRule& d) {
  v.list("strides", r.strides, d.strides, 1, 8'192, 16);
  v.number("min_scale", r.min_scale, d.min_scale, 0, 10);
  v.number("max_scale", r.max_scale, d.max_scale, 0, 10);
  v.list("aspect_ratios", r.aspect_ratios, d.aspect_ratios, 0.001, 1'000, 32);
  v.flag("reduce_lowest", r.reduce_lowest, d.reduce_lowest);
  v.number("interpolated_ratio", r.interpolated_ratio, d.interpolated_ratio, 0, 1'000);
  v.number("offset_x", r.offset_x, d.offset_x, 0, 1);
  v.number("offset_y", r.offset_y, d.offset_y, 0, 1);
  v.flag("fixed_size", r.fixed_size, d.fixed_size);
}

template <typename Visitor, typename Rule>
void visit_rank(Visitor& v, Rule& r, const RankRule& d) {
  v.text("output", r.output, d.output);
  v.word("activation", r.activation, d.activation, activation_words);
  v.number("most", r.most, d.most, 1, 10'000);
  v.number("threshold", r.threshold, d.threshold, 0, 1);
}

template <typename Visitor, typename Rule>
void visit_mask(Visitor& v, Rule& r, const MaskRule& d) {
  v.text("output", r.output, d.output);
  v.number("threshold", r.threshold, d.threshold, 0, 1);
}

template <typename Visitor, typename Rule>
void visit_series(Visitor& v, Rule& r, const SeriesRule& d) {
  static constexpr std::array meanings{"score", "forecast", "reconstruction"};
  v.number("length", r.length, d.length, 1, 1'000'000);
  v.flag("normalise", r.normalise, d.normalise);
  v.word("meaning", r.meaning, d.meaning, meanings);
  v.number("threshold", r.threshold, d.threshold, 0, 1e9);
}

template <typename Visitor, typename Rule>
void visit_golden(Visitor& v, Rule& r, const Golden& d) {
  v.text("file", r.file, d.file);
  v.number("score_within", r.score_within, d.score_within, 0, 1);
  v.number("overlap", r.overlap, d.overlap, 0, 1);
}

}  // namespace selvedge::infer
