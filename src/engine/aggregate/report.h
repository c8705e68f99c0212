// Reporter: which readings of a series are reported: those that differ from the last one reported, the
// latest of each period, or both. Readings come in time order.
//
// A change is a difference beyond max(dead_band, relative * |last reported|); texts and booleans change
// when they differ, NaN when it comes or goes. A change earlier than min_interval after the last report
// waits, and is reported when that is over if it still is one. When the last report is max_interval ago
// the next reading is reported whatever it says. Each reading is reported at most once.
//
// step(input, now) -> outputs. Fixed memory, and one text.

#pragma once

#include <optional>
#include <vector>

#include "base/wire.h"
#include "engine/aggregate/rule.h"
#include "engine/aggregate/sample.h"

namespace selvedge::engine {

class Reporter {
 public:
  void take(const AggregateRule& rule, model::Kind kind, const Sample& sample, std::vector<Sample>& out);
  // Time has passed: no reading before `time` comes any more. `silent`: since the last reading.
  void pass(const AggregateRule& rule, std::int64_t time, base::Duration silent, std::vector<Sample>& out);
  // How long after the last reading pass() has something to do, if no period ends before.
  std::optional<base::Duration> waits(const AggregateRule& rule) const;
  std::optional<std::int64_t> period_end(const AggregateRule& rule) const;
  // Reports what waits.
  void finish(std::vector<Sample>& out);

  std::size_t text_bytes() const { return last_.text.size() + deferred_text() + latest_.text.size(); }
  void save(base::Writer& out) const;
  void restore(base::Reader& in);

 private:
  std::size_t deferred_text() const { return deferred_ ? deferred_->text.size() : 0; }
  bool changed(const AggregateRule& rule, model::Kind kind, const Sample& sample) const;
  void report(const Sample& sample, std::vector<Sample>& out);
  void end_period(std::vector<Sample>& out);

  bool has_last_ = false;
  Sample last_;                        // as it was reported
  std::optional<Sample> deferred_;     // a change that waits for min_interval
  bool has_latest_ = false;            // of the period, and not reported yet
  Sample latest_;
};

}  // namespace selvedge::engine
