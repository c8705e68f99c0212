// RateLimit: how often each of many may do something: so many a second, and a burst.
//
// The generic cell rate algorithm (ITU-T I.371, 1993): all that is kept of a name is the moment at which its
// burst is whole again. The table holds `names`; when it is full those whose burst is whole are forgotten,
// which loses nothing, and if none is, a newcomer is refused. Pure; belongs to one thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace selvedge::engine {

struct RateLimits {
  std::uint32_t per_second = 20;
  std::uint32_t burst = 200;
  std::uint32_t names = 100'000;
};

class RateLimit {
 public:
  explicit RateLimit(RateLimits limits) : limits_(limits) {}

  // Takes one of what `name` may do; false if there is none left now.
  bool take(std::string_view name, base::Instant now);
  std::size_t names() const { return whole_at_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  RateLimits limits_;
  std::unordered_map<std::string, base::Instant, Hash, std::equal_to<>> whole_at_;
};

}  // namespace selvedge::engine
