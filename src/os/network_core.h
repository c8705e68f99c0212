// NetworkCore: what all streams of a loop share: the input buffer, spare output buffers, counters.

#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "engine/admission/source_limit.h"
#include "os/epoll_loop.h"
#include "os/world.h"

namespace selvedge::os {

class NetworkCore {
 public:
  explicit NetworkCore(EpollLoop& on) : loop(on), input_(new std::uint8_t[input_bytes]) {}

  // For one call of read(); its bytes are handed out and then overwritten.
  std::span<std::uint8_t> input() { return {input_.get(), input_bytes}; }

  // An empty buffer that has held output before, so that a message costs no allocation.
  base::Bytes take_spare();
  void give_spare(base::Bytes buffer);

  // True if one more step of a TLS handshake may be made in this turn: until four milliseconds have
  // gone into them, so that those who are connected are served between. A step can cost more than a
  // millisecond; what is refused stays readable and is reported again in the next turn.
  bool take_handshake_step();

  EpollLoop& loop;
  Stats stats;
  engine::SourceLimit suspects{{.burst = 20, .refill = std::chrono::seconds(3)}};  // failed handshakes
  base::log::Throttle refusals{20, std::chrono::seconds(5)};
  base::log::Throttle accept_failures{1, std::chrono::seconds(10)};

 private:
  static constexpr std::size_t input_bytes = 128 << 10;

  std::unique_ptr<std::uint8_t[]> input_;
  std::vector<base::Bytes> spare_;
  std::uint64_t handshake_turn_ = 0;
  std::chrono::steady_clock::time_point handshakes_until_{};
};

}  // namespace selvedge::os
