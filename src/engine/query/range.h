// What is asked of a series: a range of time, and whether its readings, windows of them or points for a
// chart are wanted. Plain values; any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::engine {

// What is said of a window. Formulas: docs/reference/http.md.
struct Aggregate {
  enum class Kind : std::uint8_t {
    mean, min, max, sum, count, first, last, time_weighted_mean, stddev, variance, increase, rate, quantile
  };
  // As a name of its own, so that a list of them needs no more words.
  static constexpr Kind mean = Kind::mean, min = Kind::min, max = Kind::max, sum = Kind::sum,
      count = Kind::count, first = Kind::first, last = Kind::last,
      time_weighted_mean = Kind::time_weighted_mean, stddev = Kind::stddev, variance = Kind::variance,
      increase = Kind::increase, rate = Kind::rate, quantile = Kind::quantile;

  Kind kind = Kind::mean;
  std::uint32_t share = 0;               // quantile: in millionths, 1 to 999'999

  constexpr Aggregate() = default;
  constexpr Aggregate(Kind k, std::uint32_t millionths = 0) : kind(k), share(millionths) {}
  friend bool operator==(const Aggregate&, const Aggregate&) = default;

  // Needs readings in the order of their times, and what came before the window.
  bool is_ordered() const {
    return kind == time_weighted_mean || kind == increase || kind == rate;
  }
};

// "mean", "time-weighted-mean" or "twa", "median", "p99", "p99.9". Code::invalid_input with a suggestion.
base::Result<Aggregate> parse_aggregate(std::string_view text);
std::string name(Aggregate aggregate);

// Fewer points that look the same: largest triangles (Steinarsson, 2013), first, least, greatest and
// last of each pixel column (Jugel et al., VLDB 2014), or only least and greatest.
enum class Downsample : std::uint8_t { lttb, m4, minmax };
base::Result<Downsample> parse_downsample(std::string_view text);

struct QueryRange {
  static constexpr std::uint64_t most_windows = 1'000'000, most_points = 1'000'000;
  static constexpr std::uint64_t most_overlap = 1000;   // steps in a window

  // What is asked for: readings or windows of them, or the blocks' frames as they are, sealed or not.
  enum class Want : std::uint8_t { readings, frames } want = Want::readings;
  base::Time from{}, to{};               // [from, to); INT64_MIN and INT64_MAX are open ends
  // Windows, counted from `from`, or from 1970 if that end is open; at most `rows` of them.
  std::optional<base::Duration> step;
  std::optional<base::Duration> window = {};  // their length; default: the step. A multiple of it
  std::vector<Aggregate> aggregates;     // with a step; default mean
  // For how long a reading holds if no other follows: default one window. If given, windows come out
  // also for what is only held.
  std::optional<base::Duration> hold = {};
  std::optional<Downsample> downsample = {};  // without a step
  std::uint64_t points = 1000;           // of a chart, at most
  std::uint64_t rows = 100'000;          // bound on the answer
  std::uint64_t text_bytes = 32 << 20;   // of text series without a step: bound on the texts together
  std::uint64_t frame_bytes = 64 << 20;  // of frames together
  std::uint64_t sketch_bytes = 64 << 20;     // of quantiles together, while they are made
  std::uint64_t held_readings = 4 << 20;     // that wait for their order, or for a chart

  base::Duration window_length() const { return window.value_or(step.value_or(base::Duration{})); }
  base::Duration hold_length() const { return hold.value_or(window_length()); }
  bool has_ordered() const;
  // The earliest time that has a part in the answer: before `from` if what was held then counts.
  base::Time needed_from() const;
};

// Code::invalid_input if the range is empty the wrong way round, the step is not positive, the window
// no multiple of it, `rows` is 0 or a closed range has more windows than `rows`.
base::Result<void> validate(const QueryRange& range);

}  // namespace selvedge::engine
