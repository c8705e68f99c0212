#include "engine/vision/detections.h"

#include "engine/vision/placement.h"
#include "engine/vision/suppress.h"

namespace selvedge::engine {

base::Result<DetectionReader> DetectionReader::make(const DetectionRule& rule, int width, int height,
                                                    std::vector<std::string> labels) {
  BoxDecoder decoder = TRY(BoxDecoder::make(rule, width, height));
  return DetectionReader(rule, std::move(decoder), std::move(labels));
}

base::Result<void> DetectionReader::run(const BoxOutputs& outputs, float threshold, const Region& seen,
                                        const Region& within, std::vector<Detection>& into) {
  into.clear();
  TRY(decoder_.run(outputs, threshold, candidates_));
  suppress(candidates_, rule_.overlap, rule_.most);
  for (const Candidate& candidate : candidates_) {
    const Box box = to_picture(candidate.box, seen, within);
    if (box[2] <= box[0] || box[3] <= box[1]) continue;   // wholly in what a letterbox leaves free
    into.push_back({candidate.label, label_name(labels_, candidate.label), candidate.score, box});
  }
  return {};
}

std::string label_name(const std::vector<std::string>& labels, int label) {
  const auto at = static_cast<std::size_t>(label);
  return label >= 0 && at < labels.size() ? labels[at] : std::string();
}

}  // namespace selvedge::engine
