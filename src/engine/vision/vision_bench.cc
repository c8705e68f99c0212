// What belongs around a model, in microseconds of processor time: the best of several rounds. Build it in
// release: ninja -C build/release engine_vision_bench, and run it in the checkout.

#include <cstdio>

#include "base/best_of.h"
#include "codec/image/pictures_for_test.h"
#include "engine/vision/detections.h"
#include "engine/vision/prepare.h"

namespace selvedge::engine {
namespace {

void time_prepare(const char* name, int width, int height, InputRule::Layout layout, const Element& element) {
  const codec::Image image = codec::gradient(width, height);
  const InputRule rule{.width = 300, .height = 300, .layout = layout, .mean = {127.5, 127.5, 127.5},
                       .deviation = {127.5, 127.5, 127.5}};
  Preparer preparer = Preparer::make(rule, element).value();
  base::Bytes tensor(preparer.bytes());
  const auto run = [&] { base::ignore(preparer.run(image, {}, tensor), "the picture is whole"); };
  const double best = base::best_of(60, run);
  preparer.use_plain_loops();
  std::printf("prepare %4d x %4d to 300 x 300, %-22s %7.0f us; plain loops %7.0f us\n", width, height, name, best,
              base::best_of(20, run));
}

// 1917 anchors and 24 classes, `passing` of all scores above the threshold.
void time_detections(const char* name, double passing, bool apart, Activation activation) {
  DetectionRule rule;
  rule.anchors = {.strides = {16, 32, 64, 128, 256, 512}, .min_scale = 0.2F, .max_scale = 0.95F,
                  .aspect_ratios = {1, 2, 0.5F, 3, 0.3333F}, .reduce_lowest = true};
  rule.background = true;
  rule.activation = activation;
  rule.threshold = activation == Activation::softmax ? 0.01F : 0.5F;
  DetectionReader reader = DetectionReader::make(rule, 300, 300, {}).value();
  std::vector<float> boxes(reader.anchors() * 4), scores(reader.anchors() * 24);
  std::uint32_t state = 1;
  for (float& score : scores) {
    state = state * 1664525U + 1013904223U;
    score = (double(state) / 4294967296.0 < passing ? 0.1F : -9.0F) + float(state >> 8 & 0xFFFF) / 65536;
  }
  if (apart)                                       // so small that none hides another
    for (std::size_t i = 0; i < boxes.size(); i += 4) boxes[i + 2] = boxes[i + 3] = -20;
  std::vector<Detection> found;
  const double best = base::best_of(200, [&] {
    base::ignore(reader.run({boxes, scores, {}, {}}, rule.threshold, {}, {}, found), "sizes are right");
  });
  std::printf("detections, %-44s %7.0f us, %zu found\n", name, best, found.size());
}

int run() {
  using Layout = InputRule::Layout;
  time_prepare("planes of floats", 1280, 720, Layout::planes, {});
  time_prepare("rows of floats", 1280, 720, Layout::rows, {});
  time_prepare("rows of bytes", 1280, 720, Layout::rows, {Element::Kind::uint8, 1 / 127.5F, 128});
  time_prepare("planes of floats", 640, 360, Layout::planes, {});
  time_prepare("planes of floats", 1920, 1080, Layout::planes, {});
  time_prepare("planes of floats", 512, 430, Layout::planes, {});
  time_detections("one in a thousand passes", 0.001, false, Activation::sigmoid);
  time_detections("every score passes, boxes overlap", 1, false, Activation::sigmoid);
  time_detections("every score passes, boxes apart", 1, true, Activation::sigmoid);
  time_detections("every score passes, boxes apart, softmax", 1, true, Activation::softmax);
  return 0;
}

}  // namespace
}  // namespace selvedge::engine

int main() { return selvedge::engine::run(); }
