#include "engine/anomaly/detector.h"

#include "engine/anomaly/ewma.h"
#include "engine/anomaly/robust.h"
#include "engine/anomaly/seasonal.h"

namespace selvedge::engine {

std::unique_ptr<Detector> make_detector(const AnomalyRule& rule) {
  switch (rule.detector) {
    case DetectorKind::robust: return std::make_unique<RobustDetector>(rule.window);
    case DetectorKind::ewma: return std::make_unique<EwmaDetector>(rule.window);
    case DetectorKind::seasonal: return std::make_unique<SeasonalDetector>(rule.period.count(), rule.phases);
    case DetectorKind::model: break;
  }
  return nullptr;
}

std::size_t detector_bytes(const AnomalyRule& rule) {
  switch (rule.detector) {
    case DetectorKind::robust: return sizeof(RobustDetector) + SortedWindow::bytes_for(rule.window);
    case DetectorKind::ewma: return sizeof(EwmaDetector);
    case DetectorKind::seasonal: return SeasonalDetector::bytes_for(rule.phases, rule.period.count() == 0);
    case DetectorKind::model: break;
  }
  return std::size_t{rule.window} * 8 + 64;
}

}  // namespace selvedge::engine
