// Finish: the outputs of a model that sees pictures as an Answer, by its description. One thread at a
// time; give each its own.

#pragma once

#include <optional>

#include "engine/vision/detections.h"
#include "infer/answer.h"
#include "infer/picture_plan.h"

namespace selvedge::infer {

class Finisher {
 public:
  // `description` and `plan` must stay.
  static base::Result<Finisher> make(const Description& description, const PicturePlan& plan);

  // `outputs` in the model's order; `seen` as Preparer::run() gave it; `region` as asked for.
  base::Result<void> run(std::span<const Tensor> outputs, std::optional<float> threshold, const Region& seen,
                         const Region& region, Answer& into);

 private:
  Finisher(const Description& description, const PicturePlan& plan) : description_(&description), plan_(&plan) {}
  base::Result<std::span<const float>> values(std::span<const Tensor> outputs, std::size_t which);
  base::Result<void> detect(std::span<const Tensor> outputs, float threshold, const Region& seen, const Region& region,
                            Answer& into);
  base::Result<void> segment(std::span<const Tensor> outputs, std::optional<float> threshold, const Region& seen,
                             const Region& region, Answer& into);

  const Description* description_;
  const PicturePlan* plan_;
  std::optional<engine::DetectionReader> reader_;  // of Task::detection
  std::array<std::vector<float>, 4> scratch_;
};

}  // namespace selvedge::infer
