#include "engine/session/incoming.h"

#include <algorithm>

namespace selvedge::engine {

const Incoming::Publish* Incoming::settle(std::uint16_t packet_id, codec::mqtt::Reason reason) {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    Publish& publish = waiting_[i];
    if (publish.settled || publish.packet_id != packet_id) continue;
    publish.settled = true;
    publish.reason = reason;
    return &publish;
  }
  return nullptr;
}

std::optional<Incoming::Publish> Incoming::take_settled() {
  if (waiting_.empty() || !waiting_.front().settled) return std::nullopt;
  const Publish publish = waiting_.front();
  waiting_.pop_front();
  return publish;
}

ReceivedIds::Id* ReceivedIds::find(std::uint16_t packet_id) {
  const auto at = std::ranges::lower_bound(ids_, packet_id, {}, &Id::packet_id);
  return at != ids_.end() && at->packet_id == packet_id ? &*at : nullptr;
}

void ReceivedIds::add(Id id) {
  const auto at = std::ranges::lower_bound(ids_, id.packet_id, {}, &Id::packet_id);
  ids_.insert(at, id);
}

bool ReceivedIds::erase(std::uint16_t packet_id) {
  Id* found = find(packet_id);
  if (!found) return false;
  ids_.erase(ids_.begin() + (found - ids_.data()));
  return true;
}

}  // namespace selvedge::engine
