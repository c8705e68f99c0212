#include "base/metrics.h"

#include <algorithm>

#include "base/result.h"
#include "base/text.h"

namespace selvedge::base {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '"') out += "\\\"";
    else if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

// {a="x",b="y"} or nothing; `extra` is a label already formatted (le="...").
std::string label_text(const Labels& labels, const std::string& extra = {}) {
  if (labels.empty() && extra.empty()) return {};
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ',';
    text += name + "=\"" + escaped(value) + '"';
  }
  if (!extra.empty()) {
    if (text.size() > 1) text += ',';
    text += extra;
  }
  return text + '}';
}

std::string number(double v) {
  const std::string text = to_text(v);
  if (text == "inf") return "+Inf";
  if (text == "-inf") return "-Inf";
  if (text == "nan") return "NaN";
  return text;
}

void write_histogram(std::string& out, const std::string& name, const Labels& labels,
                     const Histogram& h) {
  std::uint64_t running = 0;
  for (std::size_t i = 0; i < h.counts().size(); ++i) {
    running += h.counts()[i];
    const std::string le = i < h.bounds().size() ? number(h.bounds()[i]) : "+Inf";
    out += name + "_bucket" + label_text(labels, "le=\"" + le + '"') + ' ' +
           std::to_string(running) + '\n';
  }
  out += name + "_sum" + label_text(labels) + ' ' + number(h.sum()) + '\n';
  out += name + "_count" + label_text(labels) + ' ' + std::to_string(h.count()) + '\n';
}

}  // namespace

void Histogram::observe(double v) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), v);
  ++counts_[static_cast<std::size_t>(at - bounds_.begin())];
  ++count_;
  sum_ += v;
}

double Histogram::quantile(double share) const {
  if (count_ == 0) return 0;
  const double wanted = share * static_cast<double>(count_);
  double running = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const auto here = static_cast<double>(counts_[i]);
    if (here > 0 && running + here >= wanted) {
      const double low = i == 0 ? 0 : bounds_[i - 1];
      const double high = i < bounds_.size() ? bounds_[i] : bounds_.back();
      return low + (high - low) * std::clamp((wanted - running) / here, 0.0, 1.0);
    }
    running += here;
  }
  return bounds_.empty() ? 0 : bounds_.back();
}

std::vector<double> latency_bounds() {
  return {50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3,
          0.1,   0.2,    0.5,    1,      2,    5,    10,   30};
}

Registry::Sample& Registry::add(std::string_view name, std::string_view help, Kind kind,
                                Labels labels) {
  Family& family = families_[std::string(name)];
  CHECK(family.samples.empty() || family.kind == kind);
  family.kind = kind;
  family.help = help;
  // Twice the same name and labels would make the whole page unreadable for a scraper.
  for (Sample& sample : family.samples)
    if (sample.labels == labels) return sample;
  family.samples.push_back({});
  family.samples.back().labels = std::move(labels);
  return family.samples.back();
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  Sample& sample = add(name, help, Kind::counter, std::move(labels));
  if (sample.counter == nullptr) sample.counter = &counters_.emplace_back();
  return *sample.counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  Sample& sample = add(name, help, Kind::gauge, std::move(labels));
  if (sample.gauge == nullptr) sample.gauge = &gauges_.emplace_back();
  return *sample.gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help,
                               std::vector<double> bounds, Labels labels) {
  Sample& sample = add(name, help, Kind::histogram, std::move(labels));
  if (sample.histogram == nullptr) sample.histogram = &histograms_.emplace_back(std::move(bounds));
  return *sample.histogram;
}

void Registry::gauge_from(std::string_view name, std::string_view help,
                          std::function<double()> read, Labels labels) {
  add(name, help, Kind::gauge, std::move(labels)).read = std::move(read);
}

void Registry::counter_from(std::string_view name, std::string_view help,
                            std::function<double()> read, Labels labels) {
  add(name, help, Kind::counter, std::move(labels)).read = std::move(read);
}

std::string Registry::text() const {
  static constexpr const char* kinds[] = {"counter", "gauge", "histogram"};
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + ' ' + family.help + '\n';
    out += "# TYPE " + name + ' ' + kinds[static_cast<std::size_t>(family.kind)] + '\n';
    for (const Sample& s : family.samples) {
      if (s.histogram != nullptr) {
        write_histogram(out, name, s.labels, *s.histogram);
        continue;
      }
      out += name + label_text(s.labels) + ' ';
      if (s.counter != nullptr) out += std::to_string(s.counter->value());
      else if (s.gauge != nullptr) out += number(s.gauge->value());
      else out += number(s.read());
      out += '\n';
    }
  }
  return out;
}

}  // namespace selvedge::base
