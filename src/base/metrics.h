// Metrics: counters, gauges and histograms of one program, served as Prometheus text.
//
// A Registry belongs to one node or cloud object, not to the process, so that a whole fleet can run
// in one process. Instruments live as long as the registry, and asking again for the same name and labels gives the
// same one; updating one is a plain addition. Not thread-safe: everything belongs to the loop thread.
//
// Names follow the Prometheus conventions: selvedge_<what>_<unit>, counters end in _total.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace selvedge::base {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_ += n; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

class Gauge {
 public:
  void set(double v) { value_ = v; }
  double value() const { return value_; }

 private:
  double value_ = 0;
};

// A histogram with fixed upper bounds in ascending order; +Inf is added.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void observe(double v);
  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  // The value below which `share` (0 to 1) of the observations lie, interpolated in its bucket.
  double quantile(double share) const;

  const std::vector<double>& bounds() const { return bounds_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

// Bounds from 50 us to 30 s, for latencies in seconds.
std::vector<double> latency_bounds();

// Label names and values of one instrument, in the order to print.
using Labels = std::vector<std::pair<std::string, std::string>>;

class Registry {
 public:
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       Labels labels = {});
  // A gauge or counter read when the page is asked for, in place of what was read for the same name and labels.
  // `read` must outlive the registry's use.
  void gauge_from(std::string_view name, std::string_view help, std::function<double()> read,
                  Labels labels = {});
  void counter_from(std::string_view name, std::string_view help, std::function<double()> read,
                    Labels labels = {});

  // The Prometheus text exposition format, version 0.0.4.
  std::string text() const;

 private:
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  struct Sample {
    Labels labels;
    Counter* counter = nullptr;
    Gauge* gauge = nullptr;
    Histogram* histogram = nullptr;
    std::function<double()> read;
  };
  struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::vector<Sample> samples;
  };
  Sample& add(std::string_view name, std::string_view help, Kind kind, Labels labels);

  std::map<std::string, Family, std::less<>> families_;
  std::deque<Counter> counters_;
  std::deque<Gauge> gauges_;
  std::deque<Histogram> histograms_;
};

}  // namespace selvedge::base
