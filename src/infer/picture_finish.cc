#include "infer/picture_finish.h"

#include "engine/vision/mask.h"
#include "engine/vision/placement.h"
#include "engine/vision/rank.h"
#include "infer/shape_text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace {

// The grid of a mask: [1,height,width,channels], [1,channels,height,width] or without channels.
Result<engine::Grid> grid_of(const Shape& shape, InputRule::Layout layout) {
  Shape sizes = shape;
  if (!sizes.empty() && sizes.front() == 1 && sizes.size() > 2) sizes.erase(sizes.begin());
  constexpr std::int64_t most = 8'192;
  bool fits = sizes.size() == 2 || sizes.size() == 3;
  for (const std::int64_t size : sizes) fits = fits && size >= 1 && size <= most;
  if (!fits) return fail(Code::invalid_input, "a mask of shape " + shape_text(shape) + " is no grid of labels");
  if (sizes.size() == 2) return engine::Grid{int(sizes[1]), int(sizes[0]), 1, layout};
  if (layout == InputRule::Layout::rows) return engine::Grid{int(sizes[1]), int(sizes[0]), int(sizes[2]), layout};
  return engine::Grid{int(sizes[2]), int(sizes[1]), int(sizes[0]), layout};
}

bool same(const Region& a, const Region& b) {
  return a.top == b.top && a.left == b.left && a.bottom == b.bottom && a.right == b.right;
}

}  // namespace

Result<Finisher> Finisher::make(const Description& description, const PicturePlan& plan) {
  Finisher made(description, plan);
  if (description.task == Task::detection) {
    made.reader_ = TRY(engine::DetectionReader::make(description.detection, plan.rule.width, plan.rule.height,
                                                     description.labels));
    const auto& boxes = plan.outputs[0].shape;
    const std::size_t anchors = made.reader_->anchors();
    if (description.detection.decoder == DetectionRule::Decoder::ssd && boxes.size() >= 2 && boxes[1] >= 0 &&
        std::size_t(boxes[1]) != anchors)
      return fail(Code::invalid_input, "detection.anchors: the rule gives " + std::to_string(anchors) +
                                           " anchors, and the model has " + std::to_string(boxes[1]) + " boxes");
  }
  return made;
}

Result<std::span<const float>> Finisher::values(std::span<const Tensor> outputs, std::size_t which) {
  const auto& output = plan_->outputs[which];
  return floats_of(outputs[output.index], output.scale, scratch_[which]);
}

Result<void> Finisher::detect(std::span<const Tensor> outputs, float threshold, const Region& seen, const Region& region,
                              Answer& into) {
  engine::BoxOutputs numbers;
  numbers.boxes = TRY(values(outputs, 0));
  numbers.scores = TRY(values(outputs, 1));
  if (plan_->outputs.size() == 4) {
    numbers.classes = TRY(values(outputs, 2));
    numbers.count = TRY(values(outputs, 3));
  }
  return reader_->run(numbers, threshold, seen, region, into.detections);
}

Result<void> Finisher::segment(std::span<const Tensor> outputs, std::optional<float> threshold, const Region& seen,
                               const Region& region, Answer& into) {
  MaskRule rule = description_->mask;
  if (threshold) rule.threshold = *threshold;
  const Tensor& tensor = outputs[plan_->outputs[0].index];
  const engine::Grid grid = TRY(grid_of(tensor.shape, description_->input.layout));
  const std::span<const float> numbers = TRY(values(outputs, 0));
  const bool labels = tensor.type == ElementType::int32 || tensor.type == ElementType::int64;
  Mask mask = labels && grid.channels == 1 ? TRY(engine::read_labels(numbers, grid.width, grid.height))
                                           : TRY(engine::read_mask(rule, numbers, grid));
  into.mask = same(seen, region) ? std::move(mask) : engine::to_region(mask, seen, region);
  return {};
}

Result<void> Finisher::run(std::span<const Tensor> outputs, std::optional<float> threshold, const Region& seen,
                           const Region& region, Answer& into) {
  switch (description_->task) {
    case Task::detection:
      return detect(outputs, threshold.value_or(description_->detection.threshold), seen, region, into);
    case Task::segmentation: return segment(outputs, threshold, seen, region, into);
    case Task::classification: {
      RankRule rule = description_->rank;
      if (threshold) rule.threshold = *threshold;
      into.ranked = engine::rank(rule, TRY(values(outputs, 0)), description_->labels);
      return {};
    }
    case Task::series:
    case Task::tensors: break;
  }
  return fail(Code::invalid_input, "the model takes no pictures");
}

}  // namespace selvedge::infer
