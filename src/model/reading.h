// Reading: what the platform moves: a series, a moment and a value.

#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.h"

namespace selvedge::model {

// Names a series on one node, given once when the series is first seen and never used again.
enum class SeriesId : std::uint32_t {};

// What kind of values a series holds; fixed by its first reading.
enum class Kind : std::uint8_t { float64 = 0, int64 = 1, boolean = 2, text = 3 };

std::string_view name(Kind kind);

// A value that views its text, if it is one; valid as long as the bytes it was decoded from.
struct ValueView {
  Kind kind = Kind::float64;
  union {
    double float64;
    std::int64_t int64;
    bool boolean;
  };
  std::string_view text;

  ValueView() : float64(0) {}
  static ValueView of(double v) {
    ValueView r;
    r.float64 = v;
    return r;
  }
  static ValueView of(std::int64_t v) {
    ValueView r;
    r.kind = Kind::int64;
    r.int64 = v;
    return r;
  }
  static ValueView of(bool v) {
    ValueView r;
    r.kind = Kind::boolean;
    r.int64 = 0;
    r.boolean = v;
    return r;
  }
  static ValueView of(std::string_view v) {
    ValueView r;
    r.kind = Kind::text;
    r.text = v;
    return r;
  }

  // Same kind, same bits (so NaN equals itself and -0.0 differs from 0.0).
  friend bool operator==(const ValueView& a, const ValueView& b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
      case Kind::float64:
        return std::bit_cast<std::uint64_t>(a.float64) == std::bit_cast<std::uint64_t>(b.float64);
      case Kind::int64: return a.int64 == b.int64;
      case Kind::boolean: return a.boolean == b.boolean;
      case Kind::text: return a.text == b.text;
    }
    return false;
  }
};

struct SeriesDef {
  SeriesId id{};
  Kind kind = Kind::float64;
  std::string name;    // "boiler/7/temperature": UTF-8, 1 to 512 bytes, no control characters
  std::string device;  // who publishes it; may be empty
};

}  // namespace selvedge::model
