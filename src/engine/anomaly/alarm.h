// Alarm: from residuals to "there is an anomaly", with hysteresis, and of which kind it is.
//
// It is raised after `confirm` readings in a row at or above the threshold and over after `hold` readings in a
// row below the lower one, so that a series at the edge does not flutter. A spike is what comes at once and may
// pass; after some readings on the same side it is a shift: the level is another one. If readings had been on
// that side for a while before they were far enough off, it is a drift. Fixed memory.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/wire.h"
#include "engine/anomaly/rule.h"

namespace selvedge::engine {

enum class AnomalyKind : std::uint8_t { none, spike, shift, drift, stuck, silent };
std::string_view name(AnomalyKind kind);

class Alarm {
 public:
  static constexpr std::uint32_t shift_after = 8;   // readings on one side
  static constexpr std::uint32_t drift_after = 5;   // readings on one side before it was raised

  // One reading; `stuck`: whether the value has stayed for too long.
  void step(const AnomalyRule& rule, double residual, bool stuck);
  // Readings are missing: runs end, what is raised stays.
  void gap();
  // Nothing comes any more: what was raised is that now. Until something comes again, before which there is no step.
  void fall_silent();
  void speak_again();

  bool raised() const { return kind_ != AnomalyKind::none; }
  AnomalyKind kind() const { return kind_; }

  void save(base::Writer& out) const;
  bool restore(base::Reader& in);

 private:
  AnomalyKind kind_ = AnomalyKind::none;
  std::uint32_t above_ = 0, below_ = 0;   // readings in a row
  std::uint32_t lead_ = 0;                // readings in a row, rather far off on one side, before it was raised
  std::uint32_t run_ = 0;                 // the same since it was raised
  bool positive_ = false;                 // that side
};

}  // namespace selvedge::engine
