// PicturePlan: how the description of a model that sees pictures fits the model itself: which of its
// inputs takes the picture, in which shape and numbers, and which outputs mean what. Values only.

#pragma once

#include "engine/vision/prepare.h"
#include "infer/model_package.h"
#include "infer/quantisation.h"
#include "infer/runtime.h"

namespace selvedge::infer {

struct PicturePlan {
  engine::InputRule rule;                          // with width and height
  engine::Element element;
  ElementType type = ElementType::float32;
  Shape shape;                                     // of the tensor, for one picture

  struct Output {
    std::size_t index = 0;
    Scale scale;
    Shape shape;                                   // as the model states it
  };
  // detection: boxes and scores, then of Decoder::boxes classes and count. Else the one output.
  std::vector<Output> outputs;
};

// Code::invalid_input: what in the description does not fit, and what would.
base::Result<PicturePlan> plan_picture(const Description& description, const Session& session, base::BytesView model);

}  // namespace selvedge::infer
