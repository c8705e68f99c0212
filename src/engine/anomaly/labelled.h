// Series with anomalies put in at known places, and how well a detector finds them. For tests and benches.

#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/anomaly/watch.h"

namespace selvedge::engine {

struct Labelled {
  struct Event {
    std::size_t first = 0, last = 0;   // readings
  };
  std::string name;
  std::vector<std::int64_t> times;     // ns
  std::vector<double> values;
  std::vector<Event> events;
};

// A column of a CSV beside the checkout, or nothing.
inline Labelled read_series(const std::string& file, std::size_t column, std::size_t most) {
  Labelled series{file, {}, {}, {}};
  std::error_code none;
  for (auto at = std::filesystem::current_path(none); at.has_relative_path(); at = at.parent_path()) {
    const auto path = at / ".." / "shared" / "data" / "timeseries" / file;
    if (!std::filesystem::exists(path, none)) continue;
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    while (series.values.size() < most && std::getline(in, line)) {
      std::istringstream cells(line);
      std::string time, value;
      std::getline(cells, time, ',');
      for (std::size_t i = 0; i < column; ++i) std::getline(cells, value, ',');
      if (time.empty() || value.empty()) continue;
      series.times.push_back(std::stoll(time) * 1'000'000);
      series.values.push_back(std::stod(value));
    }
    break;
  }
  return series;
}

// A day of 96 quarter hours with noise, for as many days.
inline Labelled daily_series(std::size_t days, double noise, std::uint64_t seed) {
  Labelled series{"synthetic day", {}, {}, {}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, noise);
  for (std::size_t i = 0; i < days * 96; ++i) {
    const double phase = static_cast<double>(i % 96) / 96 * 6.283185307179586;
    series.times.push_back(1'700'006'400'000'000'000 + static_cast<std::int64_t>(i) * 900'000'000'000);
    series.values.push_back(20 + 8 * std::sin(phase) + 2 * std::sin(2 * phase) + normal(random));
  }
  return series;
}

inline double spread_of(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean) / static_cast<double>(values.size());
  return std::sqrt(squares);
}

// A level with noise and nothing else.
inline Labelled level_series(std::size_t readings, std::uint64_t seed) {
  Labelled series{"synthetic level", {}, {}, {}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  for (std::size_t i = 0; i < readings; ++i) {
    series.times.push_back(1'700'006'400'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000'000);
    series.values.push_back(50 + normal(random));
  }
  return series;
}

enum class Injected : std::uint8_t { spikes, dips, drifts };

// One anomaly each `apart` readings, in the last two thirds. Sizes are in deviations of the whole series:
// spikes of one reading, dips of ten, drifts that rise over sixty and fall over sixty.
inline Labelled inject(Labelled series, Injected what, std::size_t apart, double size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const double unit = spread_of(series.values) * size;
  const std::size_t n = series.values.size();
  const std::size_t length = what == Injected::spikes ? 1 : what == Injected::dips ? 10 : 120;
  for (std::size_t at = n / 3 + random() % apart; at + length < n; at += std::max(apart, 3 * length) / 2 + length + random() % apart) {
    const double sign = random() % 2 == 0 ? 1 : -1;
    for (std::size_t i = 0; i < length; ++i)
      series.values[at + i] += sign * unit * (what == Injected::drifts ? static_cast<double>(std::min(i + 1, length - i)) / 60 : 1);
    series.events.push_back({at, at + length - 1});
  }
  return series;
}

struct Quality {
  std::size_t events = 0, found = 0, alarms = 0, right = 0;
  double recall() const { return events == 0 ? 0 : static_cast<double>(found) / static_cast<double>(events); }
  double precision() const { return alarms == 0 ? 0 : static_cast<double>(right) / static_cast<double>(alarms); }
  double f1() const {
    const double p = precision(), r = recall();
    return p + r == 0 ? 0 : 2 * p * r / (p + r);
  }
};

// `raised(i)`: whether an anomaly is on after reading i. An alarm is right if it begins at an event, or up to
// `slack` readings behind it; an event is found if an alarm is on within it.
inline Quality judge(const Labelled& series, const std::function<bool(std::size_t)>& raised, std::size_t slack = 3) {
  Quality quality;
  quality.events = series.events.size();
  std::vector<bool> found(series.events.size());
  bool before = false;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const bool now = raised(i);
    if (now && !before && i >= series.values.size() / 3) ++quality.alarms;
    bool right = false;
    for (std::size_t e = 0; e < series.events.size(); ++e) {
      const Labelled::Event& event = series.events[e];
      if (!now || i < event.first || i > event.last + slack) continue;
      found[e] = true;
      right = true;
    }
    if (now && !before && right) ++quality.right;
    before = now;
  }
  quality.found = static_cast<std::size_t>(std::ranges::count(found, true));
  return quality;
}

inline Quality judge(const Labelled& series, AnomalyRule rule) {
  rule.filter = "#";
  const model::SeriesDef def{model::SeriesId{1}, model::Kind::float64, "s", ""};
  AnomalyWatch watch;
  const auto find = [&](model::SeriesId) { return &def; };
  watch.set_rules(AnomalyRules::create({rule}).value(), find);
  return judge(series, [&](std::size_t i) {
    watch.take(def, {series.times[i]}, model::ValueView::of(series.values[i]), {series.times[i]});
    watch.pending().clear();
    return watch.stats().raised > 0;
  });
}

// What everybody writes first: mean and deviation of the last readings, one threshold.
inline Quality judge_plain(const Labelled& series, std::size_t window, double threshold) {
  return judge(series, [&](std::size_t i) {
    if (i < window) return false;
    const std::vector<double> last(series.values.begin() + static_cast<std::ptrdiff_t>(i - window),
                                   series.values.begin() + static_cast<std::ptrdiff_t>(i));
    double mean = 0;
    for (const double v : last) mean += v / static_cast<double>(window);
    const double deviation = spread_of(last);
    return std::abs(series.values[i] - mean) > threshold * std::max(deviation, 1e-12);
  });
}

}  // namespace selvedge::engine
