// SeriesModel: a model over the last values of a series: window in, score out.
//
// What the model's output means is said by its description: the score itself; a forecast of the next
// value, and the score is how far the newest value is from it; or the window as the model remembers
// it, and the score is how far the window is from that. Distances are in deviations of the window where
// the description says `normalise`, else in the values' own unit. Any number of threads.

#pragma once

#include <memory>
#include <span>

#include "infer/pipeline.h"

namespace selvedge::infer {

class SeriesModel {
 public:
  // Of a pipeline whose task is series. Code::invalid_input if the model does not take `length` numbers.
  static base::Result<SeriesModel> make(std::shared_ptr<const Pipeline> pipeline);

  // How many values score() takes: the description's length, and one more for a forecast.
  std::size_t window() const { return window_; }
  float threshold() const { return rule_.threshold; }

  // `values`: window() of them, oldest first. Code::invalid_input for another number of them, for what
  // is not finite, or for a model that answers with what is no number.
  base::Result<double> score(std::span<const double> values) const;

 private:
  SeriesModel(std::shared_ptr<const Pipeline> pipeline, Shape shape);

  std::shared_ptr<const Pipeline> pipeline_;
  SeriesRule rule_;
  Shape shape_;
  std::size_t window_ = 0;
};

}  // namespace selvedge::infer
