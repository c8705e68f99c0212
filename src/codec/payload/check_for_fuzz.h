// For fuzzers: decodes, and aborts if what comes out breaks a promise of payload.h.

#pragma once

#include <cmath>
#include <string>

#include "base/text.h"
#include "codec/payload/payload.h"

namespace selvedge::codec::payload {

inline bool is_fine(const Found& found, const Bounds& bounds) {
  if (found.name.size() > bounds.name_bytes || !base::is_utf8(found.name)) return false;
  for (const char c : found.name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  if (found.value.kind == model::Kind::float64) return std::isfinite(found.value.float64);
  if (found.value.kind != model::Kind::text) return true;
  return found.value.text.size() <= bounds.text_bytes && base::is_utf8(found.value.text);
}

// The low bits of `choices` say how: texts, small bounds, time and name fields, the time's unit.
inline void decode_and_check(Format format, std::uint8_t choices, base::BytesView payload) {
  Options options;
  options.format = format;
  options.text_values = (choices & 1) != 0;
  if ((choices & 2) != 0) options.bounds = {20, 3, 5, 16, 16};
  if ((choices & 4) != 0) options.time_field = (choices & 2) != 0 ? "/a/0" : "w";
  if ((choices & 8) != 0) options.name_field = "name";
  options.time_unit = static_cast<Options::TimeUnit>((choices >> 4) % 5);
  // An allocation of exactly this size, so that a step beyond it is seen.
  const base::Bytes exact(payload.begin(), payload.end());
  std::size_t count = 0;
  const auto result = decode(exact, options, base::Time{1'767'225'600'000'000'000}, [&](const Found& found) {
    ++count;
    CHECK(is_fine(found, options.bounds));
  });
  CHECK(count <= options.bounds.readings);
  CHECK(!result || *result == count);
  CHECK(result || (result.error().code == base::Code::invalid_input && !result.error().message.empty()));
}

}  // namespace selvedge::codec::payload
