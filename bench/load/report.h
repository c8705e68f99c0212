// Report: one line of JSON on standard output, and what a run used in between.

#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "load/latency.h"
#include "load/options.h"
#include "load/server_process.h"

namespace selvedge::bench {

class Report {
 public:
  explicit Report(const Options& options) {
    field("mode", options.mode);
    if (!options.label.empty()) field("label", options.label);
  }
  // A number that JSON cannot hold becomes null.
  void field(std::string_view name, double value);
  void field(std::string_view name, std::string_view text);
  void null(std::string_view name) { add(name, "null"); }
  // NAME_p50_us, NAME_p99_us and NAME_p999_us; null if nothing was measured.
  void field(const std::string& name, const Latency& latency);
  void memory(const Memory& memory);
  void print() const { std::printf("{%s}\n", text_.c_str()); }

 private:
  void add(std::string_view name, std::string_view json);

  std::string text_;
};

// Time and CPU from its making to stop().
class Stopwatch {
 public:
  explicit Stopwatch(const Options& options)
      : options_(options),
        written_(written_bytes(options.server)),
        own_cpu_(own_cpu_seconds()),
        server_cpu_(cpu_seconds(options.server)),
        start_(now_ns()) {}

  std::uint64_t start() const { return start_; }
  double elapsed() const { return static_cast<double>(now_ns() - start_) * 1e-9; }
  void stop();
  // Seconds, and what each of `messages` cost the server and us.
  void report(Report& report, std::uint64_t messages) const;
  double seconds() const { return seconds_; }
  double server_cpu() const { return server_cpu_; }

 private:
  const Options& options_;
  std::uint64_t written_;
  double own_cpu_, server_cpu_;        // at the start; after stop(), what was used
  std::uint64_t start_;
  double seconds_ = 0;
};

}  // namespace selvedge::bench
