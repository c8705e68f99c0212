// Detections: from the outputs of a model to named boxes on the picture: boxes decoded, doubles
// suppressed, mapped back to the picture, labelled.
//
// One thread at a time; give each its own.

#pragma once

#include <string>
#include <vector>

#include "engine/vision/boxes.h"

namespace selvedge::engine {

class DetectionReader {
 public:
  // `width` and `height` of the model's picture. Labels may be fewer than classes, or none.
  static base::Result<DetectionReader> make(const DetectionRule& rule, int width, int height,
                                            std::vector<std::string> labels);

  // `seen` is what Preparer::run() gave, `within` the region asked for. Best first.
  base::Result<void> run(const BoxOutputs& outputs, float threshold, const Region& seen, const Region& within,
                         std::vector<Detection>& into);

  std::size_t anchors() const { return decoder_.anchors(); }

 private:
  DetectionReader(const DetectionRule& rule, BoxDecoder decoder, std::vector<std::string> labels)
      : rule_(rule), decoder_(std::move(decoder)), labels_(std::move(labels)) {}

  DetectionRule rule_;
  BoxDecoder decoder_;
  std::vector<std::string> labels_;
  std::vector<Candidate> candidates_;
};

// "" where there is none.
std::string label_name(const std::vector<std::string>& labels, int label);

}  // namespace selvedge::engine
