// Agreement: how far two models say the same of the same data. Values and arithmetic; any thread.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "infer/answer.h"
#include "infer/model_package.h"
#include "infer/tensor.h"

namespace selvedge::infer {

// Detections of the reference at or above a score. One is matched by a detection of the other model
// with the same label, an overlap of at least 0.5 and a score at most `slack` below that threshold: a
// score of 0.501 that became 0.499 is the same answer. An extra is the same, the other way round.
struct MatchedAt {
  static constexpr float slack = 0.1F;

  float threshold = 0;
  std::size_t reference = 0, matched = 0, extra = 0;
  float share() const { return reference == 0 ? 1 : static_cast<float>(matched) / static_cast<float>(reference); }
};

struct Spread {
  float median = 0, worst = 0;
};

struct OutputDifference {
  std::string name;
  double mean = 0, greatest = 0;                   // of the absolute differences
  double magnitude = 0;                            // mean of the reference's absolute numbers
  double share() const { return magnitude > 0 ? mean / magnitude : mean; }
};

// What an answer shows of a class: detections, or pictures with it as the best.
struct ClassAgreement {
  std::string label;
  std::size_t reference = 0, matched = 0;
};

struct Agreement {
  Task task = Task::tensors;
  std::size_t samples = 0;
  MatchedAt strong{0.5F, 0, 0, 0}, weak{0.3F, 0, 0, 0};
  Spread overlap;                                  // of matched detections >= 0.5; worst: the least
  Spread score_difference;                         // of them, or of best classes; worst: the greatest
  float same_first = 0;                            // share of pictures
  float same_fields = 0;                           // share of a mask's
  std::vector<ClassAgreement> classes;             // those that the reference shows, most first
  std::vector<OutputDifference> outputs;
  // One number for comparing candidates, 0 for equal: what differs in answers, weighed by score; for
  // tensors the mean difference as a share.
  float distance = 0;
};

// What a model said of one sample.
struct Said {
  std::vector<Tensor> outputs;
  Answer answer;                                   // of models that see pictures; from low scores up
};

class AgreementCounter {
 public:
  // Detections below this score are not looked at.
  static constexpr float least_score = 0.2F;

  explicit AgreementCounter(Task task) { made_.task = task; }

  void add(const Said& reference, const Said& other, std::span<const ValueInfo> outputs);
  Agreement result();

 private:
  void add_detections(const std::vector<Detection>& reference, const std::vector<Detection>& other);
  void add_ranked(const std::vector<Ranked>& reference, const std::vector<Ranked>& other);
  void add_mask(const Mask& reference, const Mask& other);
  void add_outputs(const Said& reference, const Said& other, std::span<const ValueInfo> outputs);
  void count_class(const std::string& label, bool matched);

  Agreement made_;
  std::vector<float> overlaps_, differences_;
  std::size_t first_ = 0, fields_ = 0, same_fields_ = 0;
  double distance_ = 0, weight_ = 0;
  std::vector<std::size_t> elements_;              // of each output
};

}  // namespace selvedge::infer
