#include "load/report.h"

#include <array>
#include <cmath>

namespace selvedge::bench {

void Report::add(std::string_view name, std::string_view json) {
  if (!text_.empty()) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
  text_ += json;
}

void Report::field(std::string_view name, double value) {
  if (!std::isfinite(value)) return null(name);
  std::array<char, 40> digits{};
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  std::snprintf(digits.data(), digits.size(), whole ? "%.0f" : "%.6g", value);
  add(name, digits.data());
}

void Report::field(std::string_view name, std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 32 ? ' ' : c;
  }
  add(name, quoted + '"');
}

void Report::field(const std::string& name, const Latency& latency) {
  for (const auto& [suffix, share] : {std::pair{"_p50_us", 0.5}, {"_p99_us", 0.99}, {"_p999_us", 0.999}})
    field(name + suffix, latency.count() > 0 ? latency.quantile_us(share) : NAN);
}

void Report::memory(const Memory& memory) {
  field("rss_bytes", static_cast<double>(memory.rss_bytes));
  field("pss_bytes", static_cast<double>(memory.pss_bytes));
  field("peak_rss_bytes", static_cast<double>(memory.peak_rss_bytes));
}

void Stopwatch::stop() {
  seconds_ = elapsed();
  server_cpu_ = cpu_seconds(options_.server) - server_cpu_;
  own_cpu_ = own_cpu_seconds() - own_cpu_;
  written_ = written_bytes(options_.server) - written_;
}

void Stopwatch::report(Report& report, std::uint64_t messages) const {
  const auto count = static_cast<double>(messages);
  report.field("seconds", seconds_);
  report.field("messages_per_second", count / seconds_);
  if (!options_.server.empty()) {
    report.field("server_cpu_seconds", server_cpu_);
    report.field("server_us_per_message", server_cpu_ * 1e6 / count);
    report.field("server_written_bytes", static_cast<double>(written_));
  }
  report.field("client_us_per_message", own_cpu_ * 1e6 / count);
}

}  // namespace selvedge::bench
