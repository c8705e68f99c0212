#include "os/network_core.h"

#include <utility>

namespace selvedge::os {
namespace {

constexpr std::size_t most_spare = 64, most_spare_bytes = 16 << 10;
constexpr std::chrono::milliseconds handshakes_a_turn{4};

}  // namespace

base::Bytes NetworkCore::take_spare() {
  if (spare_.empty()) return {};
  base::Bytes buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void NetworkCore::give_spare(base::Bytes buffer) {
  const bool worth_keeping = buffer.capacity() > 0 && buffer.capacity() <= most_spare_bytes;
  if (!worth_keeping || spare_.size() >= most_spare) return;
  buffer.clear();
  spare_.push_back(std::move(buffer));
}

bool NetworkCore::take_handshake_step() {
  const auto now = std::chrono::steady_clock::now();
  if (handshake_turn_ != loop.turns()) {
    handshake_turn_ = loop.turns();
    handshakes_until_ = now + handshakes_a_turn;
  }
  return now < handshakes_until_;
}

}  // namespace selvedge::os
