// Sample: a reading as the aggregates see it, of a series whose kind is known.

#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "model/reading.h"

namespace selvedge::engine {

struct Sample {
  std::int64_t time = 0;               // ns since 1970
  std::uint64_t bits = 0;              // a double's bits, an integer, 0 or 1
  std::string text;                    // of text series
  friend bool operator==(const Sample&, const Sample&) = default;
};

inline double number_of(model::Kind kind, std::uint64_t bits) {
  return kind == model::Kind::float64 ? std::bit_cast<double>(bits)
                                      : static_cast<double>(static_cast<std::int64_t>(bits));
}

inline Sample sample_of(std::int64_t time, const model::ValueView& value) {
  switch (value.kind) {
    case model::Kind::float64: return {time, std::bit_cast<std::uint64_t>(value.float64), {}};
    case model::Kind::int64: return {time, static_cast<std::uint64_t>(value.int64), {}};
    case model::Kind::boolean: return {time, value.boolean ? 1ULL : 0ULL, {}};
    case model::Kind::text: break;
  }
  return {time, 0, std::string(value.text)};
}

inline model::ValueView value_of(model::Kind kind, const Sample& sample) {
  switch (kind) {
    case model::Kind::float64: return model::ValueView::of(std::bit_cast<double>(sample.bits));
    case model::Kind::int64: return model::ValueView::of(static_cast<std::int64_t>(sample.bits));
    case model::Kind::boolean: return model::ValueView::of(sample.bits != 0);
    case model::Kind::text: break;
  }
  return model::ValueView::of(std::string_view(sample.text));
}

// The multiple of `step` at or before `time`, counted from 1970.
inline std::int64_t floor_to(std::int64_t time, std::int64_t step) {
  const std::int64_t rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

}  // namespace selvedge::engine
