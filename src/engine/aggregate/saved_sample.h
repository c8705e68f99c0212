// A sample as the state of the aggregates is saved. Private to engine/aggregate.

#pragma once

#include "base/wire.h"
#include "engine/aggregate/sample.h"

namespace selvedge::engine {

inline constexpr std::int64_t earliest_time = -4'000'000'000'000'000'000;
inline constexpr std::int64_t latest_time = 8'000'000'000'000'000'000;

// Within a range in which adding a window does not wrap.
inline std::int64_t sane_time(std::int64_t time) {
  return time < earliest_time ? earliest_time : time > latest_time ? latest_time : time;
}

inline void save_sample(const Sample& sample, base::Writer& out) {
  out.svarint(sample.time);
  out.u64(sample.bits);
  out.text(sample.text);
}

inline Sample restore_sample(base::Reader& in) {
  Sample sample;
  sample.time = sane_time(in.svarint());
  sample.bits = in.u64();
  sample.text = in.text();
  return sample;
}

}  // namespace selvedge::engine
