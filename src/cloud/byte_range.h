// ByteRange: which bytes of something a request wants (RFC 9110, 14), and the range a PUT carries.
// Pure; the headers come from outside.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace selvedge::cloud {

struct ByteRange {
  std::uint64_t first = 0, last = 0;         // both included

  std::uint64_t length() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

enum class RangeIs : std::uint8_t {
  none,            // no Range, or one that may be ignored: several ranges, another unit, malformed
  satisfiable,
  not_satisfiable,
};
struct RangeWanted {
  RangeIs is = RangeIs::none;
  ByteRange range;
};
RangeWanted parse_range(std::string_view header, std::uint64_t size);

// "bytes 0-99/1000", of a PUT.
struct RangeCarried {
  ByteRange range;
  std::uint64_t size = 0;
};
std::optional<RangeCarried> parse_range_carried(std::string_view header);

}  // namespace selvedge::cloud
