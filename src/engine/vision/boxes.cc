#include "engine/vision/boxes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/vision/softmax.h"

namespace selvedge::engine {

using base::Code;
using base::fail;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

float sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

// The value whose sigmoid is `score`: comparing before the activation saves it for all that fail.
float before_sigmoid(float score) {
  if (score <= 0) return -infinity;
  if (score >= 1) return infinity;
  return std::log(score / (1 - score));
}

bool is_box(const Box& box) {
  return std::ranges::all_of(box, [](float side) { return std::isfinite(side); }) && box[2] > box[0] && box[3] > box[1];
}

Box box_of(const DetectionRule& rule, const float* code, const Anchor& anchor) {
  const bool y_first = rule.order == DetectionRule::Order::yxhw;
  const float y = code[y_first ? 0 : 1] / rule.y_scale * anchor.height + anchor.y;
  const float x = code[y_first ? 1 : 0] / rule.x_scale * anchor.width + anchor.x;
  const float down = code[y_first ? 2 : 3] / rule.h_scale, across = code[y_first ? 3 : 2] / rule.w_scale;
  const float height = (rule.exponential ? std::exp(down) : down) * anchor.height;
  const float width = (rule.exponential ? std::exp(across) : across) * anchor.width;
  return {y - height / 2, x - width / 2, y + height / 2, x + width / 2};
}

}  // namespace

base::Result<BoxDecoder> BoxDecoder::make(const DetectionRule& rule, int width, int height) {
  BoxDecoder decoder(rule);
  if (rule.candidates == 0 || rule.candidates > 100'000)
    return fail(Code::invalid_input, "candidates are not within 1 and 100000");
  if (rule.decoder == DetectionRule::Decoder::ssd) {
    for (const float scale : {rule.x_scale, rule.y_scale, rule.w_scale, rule.h_scale})
      if (!std::isfinite(scale) || scale == 0) return fail(Code::invalid_input, "a scale of box codes is no usable number");
    decoder.anchors_ = TRY(make_anchors(rule.anchors, width, height));
  }
  return decoder;
}

base::Result<void> BoxDecoder::run(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into) {
  into.clear();
  if (rule_.decoder == DetectionRule::Decoder::ssd) return run_ssd(outputs, threshold, into);
  return run_listed(outputs, threshold, into);
}

base::Result<void> BoxDecoder::run_ssd(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into) {
  const std::size_t count = anchors_.size();
  const std::size_t coordinates = outputs.boxes.size() / count, classes = outputs.scores.size() / count;
  if (outputs.boxes.size() != count * coordinates || coordinates < 4)
    return fail(Code::invalid_input, "the model gives " + std::to_string(outputs.boxes.size()) +
                                         " box codes, which do not fit " + std::to_string(count) + " anchors");
  if (outputs.scores.size() != count * classes || classes <= (rule_.background ? 1U : 0U))
    return fail(Code::invalid_input, "the model gives " + std::to_string(outputs.scores.size()) +
                                         " scores, which do not fit " + std::to_string(count) + " anchors");
  SelectBest select{outputs.scores, classes, rule_.background ? 1U : 0U, threshold, rule_.candidates};
  const bool by_sigmoid = rule_.activation == Activation::sigmoid;
  if (by_sigmoid) select.least = before_sigmoid(threshold);
  if (rule_.activation == Activation::softmax) {
    softmax({outputs.scores, classes, select.first_class, threshold}, shares_);
    select.scores = shares_;
  }
  select_best(select, scratch_, best_);
  for (const Scored& scored : best_) {
    const Candidate candidate{box_of(rule_, outputs.boxes.data() + scored.anchor * coordinates, anchors_[scored.anchor]),
                              by_sigmoid ? sigmoid(scored.value) : scored.value, static_cast<int>(scored.label)};
    if (is_box(candidate.box)) into.push_back(candidate);
  }
  return {};
}

base::Result<void> BoxDecoder::run_listed(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into) const {
  const std::size_t there = outputs.scores.size();
  if (outputs.boxes.size() != there * 4 || outputs.classes.size() != there)
    return fail(Code::invalid_input, "the model gives " + std::to_string(outputs.boxes.size()) + " sides of boxes, " +
                                         std::to_string(outputs.classes.size()) + " classes and " +
                                         std::to_string(there) + " scores, which do not fit each other");
  std::size_t count = there;
  if (!outputs.count.empty() && outputs.count[0] >= 0 && outputs.count[0] < static_cast<float>(there))
    count = static_cast<std::size_t>(outputs.count[0]);
  for (std::size_t i = 0; i < count; ++i) {
    const float* side = outputs.boxes.data() + i * 4;
    const float label = outputs.classes[i];
    const Candidate candidate{{side[0], side[1], side[2], side[3]}, outputs.scores[i],
                              label >= 0 && label < 1e6F ? static_cast<int>(label) + (rule_.background ? 1 : 0) : -1};
    if (candidate.score >= threshold && candidate.label >= 0 && is_box(candidate.box)) into.push_back(candidate);
  }
  std::ranges::stable_sort(into, [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (into.size() > rule_.candidates) into.resize(rule_.candidates);
  return {};
}

}  // namespace selvedge::engine
