// Aggregator::Series: what is kept of one series. Private to engine/aggregate.

#pragma once

#include <algorithm>
#include <array>

#include "engine/aggregate/aggregator.h"
#include "engine/aggregate/report.h"
#include "engine/aggregate/saved_sample.h"
#include "engine/aggregate/swinging_door.h"

namespace selvedge::engine {

struct Aggregator::Series {
  static constexpr std::size_t most_recent = 64;

  std::uint32_t id = 0;
  std::uint32_t rule = 0;
  model::Kind kind = model::Kind::float64;
  std::uint64_t fingerprint = 0;       // of the rule
  std::int64_t watermark = INT64_MIN;  // what is before it is late
  std::int64_t newest = INT64_MIN;     // time of the newest reading
  std::int64_t arrived = 0;            // the node's clock at the last reading
  std::optional<std::int64_t> late_since;   // nothing came in time since then
  std::vector<Sample> waiting;         // in order of time
  // The last readings taken, where no store would recognise one that comes again.
  std::vector<std::pair<std::int64_t, std::uint64_t>> recent;
  std::size_t recent_at = 0;           // the oldest of them, once there are most_recent
  std::optional<std::pair<std::int64_t, std::uint64_t>> unreported;   // the last reading, if it was not

  std::optional<Reporter> reporter;
  std::optional<SwingingDoor> door;
  std::optional<Windows> windows;

  std::int64_t queued_at = INT64_MAX;  // its place in the queue of what is due
  std::uint64_t weight = 0;            // as it was counted last

  // Empty of all but its identity.
  void begin(const AggregateRule& r) {
    reporter.reset();
    door.reset();
    windows.reset();
    if (r.report == Report::swinging_door && (kind == model::Kind::float64 || kind == model::Kind::int64))
      door.emplace();
    else if (r.report != Report::all) reporter.emplace();
    if (r.has_windows() && kind != model::Kind::text) windows.emplace(r);
    watermark = newest = INT64_MIN;
    late_since.reset();
    unreported.reset();
    waiting.clear();
  }
};

}  // namespace selvedge::engine
