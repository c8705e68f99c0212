// FetchAnswer: what a server's status and headers say about a range of bytes (RFC 9110, 14 and 15).
//
// Everything in it comes from outside; judge() holds it against what was asked for. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::engine {

// "bytes 0-99/1000". Nothing for anything else, or if the numbers do not fit together.
struct ContentRange {
  std::uint64_t first = 0, last = 0, size = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view text);

struct FetchAnswer {
  int status = 0;
  std::string content_range, retry_after;    // as they came
  std::optional<std::uint64_t> length;       // of the body, if it was announced
};

struct FetchVerdict {
  enum class Is : std::uint8_t {
    good,        // the bytes that were asked for follow
    later,       // not now: ask again after a pause, at least `at_least`
    nonsense,    // not what was asked for; may be a passing fault of something between
    hopeless,    // asking again will not help
  } is = Is::good;
  base::Error why;                           // unless good
  base::Duration at_least{};
};

// Of an answer to "bytes first-last" of something that has `size` bytes.
FetchVerdict judge(const FetchAnswer& answer, std::uint64_t first, std::uint64_t last,
                   std::uint64_t size);

}  // namespace selvedge::engine
