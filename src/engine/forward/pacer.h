// Pacer: keeps what is sent under a number of bytes a second. Pure.
//
// A token bucket that may go into debt by one message and holds no savings: after a message the
// next one waits as long as the message takes at the rate. Over any span of time no more is sent
// than the rate allows, plus one message; messages are kept to an eighth of a second's worth.

#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace selvedge::engine {

class Pacer {
 public:
  explicit Pacer(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  bool limits() const { return rate_ > 0; }
  bool may_send(base::Instant now) const { return !limits() || now >= free_at_; }
  base::Instant free_at() const { return free_at_; }
  std::uint64_t largest_message() const {
    return limits() ? std::max<std::uint64_t>(1, rate_ / 8) : UINT64_MAX;
  }
  void sent(std::uint64_t bytes, base::Instant now);
  // A debt made at the old rate is paid within a second at most.
  void set_rate(std::uint64_t bytes_per_second, base::Instant now) {
    rate_ = bytes_per_second;
    free_at_ = std::min(free_at_, now + std::chrono::seconds(1));
  }

 private:
  std::uint64_t rate_;
  base::Instant free_at_{INT64_MIN};
};

}  // namespace selvedge::engine
