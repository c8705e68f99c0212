#include "store/twin_store_peers.h"

#include <algorithm>

namespace selvedge::store {
namespace {

void link_before(TwinLinks& place, TwinLinks& item) {
  item.previous = place.previous;
  item.next = &place;
  place.previous->next = &item;
  place.previous = &item;
}

}  // namespace

TwinPeer::TwinPeer() {
  waiting.previous = waiting.next = &waiting;
  sent.previous = sent.next = &sent;
}

TwinPeer& TwinPeers::peer_of(TwinRecord& record) {
  if (record.peer == nullptr) {
    const std::string_view node = model::twin_node(record.id());
    auto found = peers_.find(node);
    if (found == peers_.end())
      found = peers_.emplace(std::string(node), std::make_unique<TwinPeer>()).first;
    record.peer = found->second.get();
  }
  return *record.peer;
}

void TwinPeers::unlink(TwinRecord& record) {
  if (!record.linked()) return;
  record.unlink();
  --count_;
}

void TwinPeers::changed(TwinRecord& record) {
  TwinPeer& peer = peer_of(record);
  const bool is_sent = record.in_sent && record.sent_epoch == peer.epoch;
  if (record.linked() && !is_sent) return;   // its oldest change decides its place
  unlink(record);
  record.in_sent = false;
  link_before(peer.waiting, record);
  ++count_;
}

bool TwinPeers::acknowledged(TwinRecord& record, std::uint64_t revision) {
  revision = std::min(revision, record.twin.revision());
  if (revision <= record.acknowledged) return false;
  record.acknowledged = revision;
  if (!record.twin.changed_here_after(revision)) unlink(record);
  return true;
}

void TwinPeers::loaded(TwinRecord& record) {
  if (record.twin.changed_here_after(record.acknowledged)) changed(record);
}

void TwinPeers::forget(TwinRecord& record) { unlink(record); }

std::vector<UnsentTwin> TwinPeers::unsent(std::string_view node, std::size_t max_bytes) {
  std::vector<UnsentTwin> found;
  const auto known = peers_.find(node);
  if (known == peers_.end()) return found;
  TwinPeer& peer = *known->second;
  std::size_t bytes = 0;
  while (peer.waiting.next != &peer.waiting && bytes < max_bytes) {
    TwinRecord& record = static_cast<TwinRecord&>(*peer.waiting.next);
    UnsentTwin twin{std::string(record.id()), record.twin.revision(), !record.live, {}};
    const std::uint64_t sent = record.sent_epoch == peer.epoch ? record.sent : 0;
    record.twin.changed_after(std::max(sent, record.acknowledged), twin.leaves,
                              engine::Twin::Joined::left_out);
    record.unlink();
    if (twin.leaves.empty() && sent <= record.acknowledged) {
      --count_;                        // what it had to tell, the peer has overwritten
      continue;
    }
    link_before(peer.sent, record);
    record.sent = record.twin.revision();
    record.sent_epoch = peer.epoch;
    record.in_sent = true;
    if (twin.leaves.empty()) continue;
    bytes += twin.id.size() + 16;
    for (const model::TwinLeaf& leaf : twin.leaves) bytes += leaf.path.size() + leaf.value.size() + 16;
    found.push_back(std::move(twin));
  }
  return found;
}

void TwinPeers::forget_sent(std::string_view node) {
  const auto known = peers_.find(node);
  if (known == peers_.end()) return;
  TwinPeer& peer = *known->second;
  ++peer.epoch;
  if (peer.sent.next == &peer.sent) return;
  TwinLinks* const first = peer.sent.next;
  TwinLinks* const last = peer.sent.previous;
  peer.sent.previous = peer.sent.next = &peer.sent;
  last->next = peer.waiting.next;
  peer.waiting.next->previous = last;
  peer.waiting.next = first;
  first->previous = &peer.waiting;
}

bool TwinPeers::has_unsent(std::string_view node) const {
  const auto known = peers_.find(node);
  return known != peers_.end() && known->second->waiting.next != &known->second->waiting;
}

}  // namespace selvedge::store
