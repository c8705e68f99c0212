// Boxes: the numbers of a detection model as boxes with a class and a score.
//
// Pure functions of the outputs; what is not a number, or no box, is left out. A BoxDecoder holds
// anchors and scratch memory: one thread at a time.

#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "engine/vision/anchors.h"
#include "engine/vision/found.h"
#include "engine/vision/rules.h"
#include "engine/vision/select.h"

namespace selvedge::engine {

// A box in shares of what the model saw.
struct Candidate {
  Box box{};
  float score = 0;                                 // after the activation
  int label = 0;
};

// The outputs of one picture. Decoder::ssd: boxes and scores alone.
struct BoxOutputs {
  std::span<const float> boxes, scores, classes, count;
};

class BoxDecoder {
 public:
  // `width` and `height` of the model's picture.
  static base::Result<BoxDecoder> make(const DetectionRule& rule, int width, int height);

  // At most rule.candidates boxes of at least `threshold`, best first. Code::invalid_input if the
  // outputs do not fit the rule.
  base::Result<void> run(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into);

  std::size_t anchors() const { return anchors_.size(); }

 private:
  explicit BoxDecoder(const DetectionRule& rule) : rule_(rule) {}
  base::Result<void> run_ssd(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into);
  base::Result<void> run_listed(const BoxOutputs& outputs, float threshold, std::vector<Candidate>& into) const;

  DetectionRule rule_;
  std::vector<Anchor> anchors_;
  std::vector<float> shares_;                      // of scores, by softmax
  std::vector<Scored> scratch_, best_;
};

}  // namespace selvedge::engine
