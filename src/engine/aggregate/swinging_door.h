// SwingingDoor: keeps the corners of a line that runs within a bound of every reading.
//
// Bristol, "Swinging door trending: adaptive trend recording?", ISA National Conference 1990, with the
// doors hinged at the last corner itself: from there every reading since must be within the bound of
// the line to the next corner, so what a reader gets by linear interpolation between two corners is
// within the bound of every reading left out. The bound that is used is smaller by what rounding can
// cost; where nothing is left of it every reading is a corner. A NaN or an infinity is a corner, and so
// are the readings around it. Readings come in time order; fixed memory.

#pragma once

#include <optional>
#include <vector>

#include "base/wire.h"
#include "engine/aggregate/rule.h"
#include "engine/aggregate/sample.h"

namespace selvedge::engine {

class SwingingDoor {
 public:
  void take(const AggregateRule& rule, model::Kind kind, const Sample& sample, std::vector<Sample>& out);
  // `silent`: since the last reading.
  void pass(const AggregateRule& rule, base::Duration silent, std::vector<Sample>& out);
  // How long after the last reading it becomes a corner.
  std::optional<base::Duration> waits(const AggregateRule& rule) const;
  // The last reading becomes a corner.
  void finish(std::vector<Sample>& out);

  void save(base::Writer& out) const;
  void restore(base::Reader& in);

 private:
  void corner(const Sample& sample, std::vector<Sample>& out);
  void open_doors();
  // Narrows the slopes to those that pass within `bound` of the reading.
  bool narrow(double value, double distance, double bound);

  std::optional<Sample> pivot_;        // the last corner
  std::optional<Sample> end_;          // the last reading after it: the line may end here
  double low_ = 0, high_ = 0;          // slopes that pass all readings since the pivot
};

}  // namespace selvedge::engine
