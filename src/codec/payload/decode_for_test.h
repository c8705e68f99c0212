// For tests: what a payload decodes to, as one line of text.
//
// Readings are joined by "; ", each "name=value@ns", without "@ns" if the payload gave no time.
// Values: 21.5 (float64), 7i (int64), true, "text". An error is "! " and its message.

#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "codec/payload/payload.h"

namespace selvedge::codec::payload {

// 2026-01-01T00:00:00Z
inline constexpr base::Time test_arrival{1'767'225'600'000'000'000};

inline std::string to_line(const model::ValueView& value) {
  switch (value.kind) {
    case model::Kind::float64: return base::to_text(value.float64);
    case model::Kind::int64: return std::to_string(value.int64) + "i";
    case model::Kind::boolean: return value.boolean ? "true" : "false";
    case model::Kind::text: break;
  }
  return "\"" + std::string(value.text) + "\"";
}

inline std::string to_line(std::string_view payload, const Options& options) {
  std::string line;
  std::size_t count = 0;
  const auto result = decode(base::as_bytes(payload), options, test_arrival, [&](const Found& found) {
    if (count++ > 0) line += "; ";
    line += std::string(found.name) + "=" + to_line(found.value);
    if (found.time) line += "@" + std::to_string(found.time->ns);
  });
  if (!result) return "! " + result.error().message;
  if (*result != count) return "! counted wrong";
  return line;
}

inline Options with_format(Format format) {
  Options options;
  options.format = format;
  return options;
}

// The same, and text values are kept.
inline Options with_texts(Format format) {
  Options options = with_format(format);
  options.text_values = true;
  return options;
}

struct DecodeCase {
  std::string payload;
  std::string line;
};

}  // namespace selvedge::codec::payload
