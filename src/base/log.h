// Log: structured lines on standard error, as text for people or JSON for machines.
//
// A line is a level, a component, a sentence and fields. Text:
//   2026-03-01T12:00:00.123Z info  uplink: connected cloud=mqtts://cloud:8883 after=1.2s
// Any thread may log; a line is written whole. A component that logs per message or per peer must
// limit itself (see Throttle), because logs go to flash on a node.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::base::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { text, json };

struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, double v);
  Field(std::string_view n, bool v) : name(n), value(v ? "true" : "false") {}
  Field(std::string_view n, Duration v) : name(n), value(to_string(v)) {}
  Field(std::string_view n, const Error& e) : name(n), value(e.message) {}
  template <typename Int>
    requires std::is_integral_v<Int>
  Field(std::string_view n, Int v) : name(n), value(std::to_string(v)) {}
};

void set_level(Level level);
void set_format(Format format);
Result<Level> parse_level(std::string_view text);
Result<Format> parse_format(std::string_view text);
bool enabled(Level level);

void write(Level level, std::string_view component, std::string_view sentence,
           std::initializer_list<Field> fields);

inline void debug(std::string_view component, std::string_view sentence,
                  std::initializer_list<Field> fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, component, sentence, fields);
}
inline void info(std::string_view component, std::string_view sentence,
                 std::initializer_list<Field> fields = {}) {
  if (enabled(Level::info)) write(Level::info, component, sentence, fields);
}
inline void warn(std::string_view component, std::string_view sentence,
                 std::initializer_list<Field> fields = {}) {
  if (enabled(Level::warn)) write(Level::warn, component, sentence, fields);
}
inline void error(std::string_view component, std::string_view sentence,
                  std::initializer_list<Field> fields = {}) {
  if (enabled(Level::error)) write(Level::error, component, sentence, fields);
}

// Lets `burst` lines through, then one each `period`, and counts what it held back.
class Throttle {
 public:
  Throttle(std::uint32_t burst, Duration period) : burst_(burst), period_(period) {}

  // True if a line may be written at `now`.
  bool pass(Instant now);
  // How many lines were held back since one last passed; resets.
  std::uint64_t take_suppressed();

 private:
  std::uint32_t burst_;
  Duration period_;
  std::uint32_t used_ = 0;
  Instant last_{};
  std::uint64_t suppressed_ = 0;
};

}  // namespace selvedge::base::log
