#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>

#include "base/json.h"
#include "base/text.h"

namespace selvedge::base::log {
namespace {

std::atomic<Level> level_now{Level::info};
std::atomic<Format> format_now{Format::text};

constexpr std::string_view names[] = {"debug", "info", "warn", "error", "off"};

Time wall_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now);
  return {std::chrono::nanoseconds(ms).count()};
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"") != std::string_view::npos;
}

}  // namespace

Field::Field(std::string_view n, double v) : name(n), value(to_text(v)) {}

void set_level(Level level) { level_now.store(level, std::memory_order_relaxed); }
void set_format(Format format) { format_now.store(format, std::memory_order_relaxed); }
bool enabled(Level level) { return level >= level_now.load(std::memory_order_relaxed); }

Result<Level> parse_level(std::string_view text) {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (names[i] == text) return static_cast<Level>(i);
  return fail(Code::invalid_input, "log level '" + printable(text) +
                                       "': expected debug, info, warn, error or off");
}

Result<Format> parse_format(std::string_view text) {
  if (text == "text") return Format::text;
  if (text == "json") return Format::json;
  return fail(Code::invalid_input, "log format '" + printable(text) + "': expected text or json");
}

void write(Level level, std::string_view component, std::string_view sentence,
           std::initializer_list<Field> fields) {
  std::string line;
  if (format_now.load(std::memory_order_relaxed) == Format::json) {
    JsonWriter json;
    json.begin_object();
    json.field("time", to_iso8601(wall_now()));
    json.field("level", names[static_cast<std::size_t>(level)]);
    json.field("component", component);
    json.field("message", sentence);
    for (const Field& field : fields) json.field(field.name, field.value);
    json.end_object();
    line = json.take();
  } else {
    line = to_iso8601(wall_now());
    line += ' ';
    line += names[static_cast<std::size_t>(level)];
    line.append(6 - names[static_cast<std::size_t>(level)].size(), ' ');
    line += component;
    line += ": ";
    line += sentence;
    for (const Field& field : fields) {
      line += ' ';
      line += field.name;
      line += '=';
      const std::string safe = printable(field.value, 400);
      if (needs_quotes(safe)) line += '"' + safe + '"';
      else line += safe;
    }
  }
  line += '\n';
  // One write, so that lines of several threads do not mix; a lost log line is not worth a retry.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

bool Throttle::pass(Instant now) {
  if (used_ < burst_) {
    ++used_;
    last_ = now;
    return true;
  }
  if (now - last_ >= period_) {
    last_ = now;
    return true;
  }
  ++suppressed_;
  return false;
}

std::uint64_t Throttle::take_suppressed() { return std::exchange(suppressed_, 0); }

}  // namespace selvedge::base::log
