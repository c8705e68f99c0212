#include "things/sync.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace selvedge::things {

using codec::twin::Change;
using codec::twin::Changes;
using codec::twin::Hello;
using codec::twin::Seen;

namespace {

constexpr std::size_t head_bytes = 96;         // of a message of changes, at most

}  // namespace

void TwinSyncOutputs::clear() {
  send.clear();
  changes.clear();
  taken.clear();
  repeated.clear();
  trouble.reset();
}

TwinSync::TwinSync(store::TwinStore& store, std::string node, TwinSyncLimits limits,
                   TwinSyncStats& stats)
    : store_(store),
      node_(std::move(node)),
      limits_(limits),
      stats_(stats),
      timeout_(limits.first_timeout) {}

void TwinSync::connected(std::uint64_t session, base::Instant now, base::Time wall_now,
                         TwinSyncOutputs& out) {
  session_ = std::max<std::uint64_t>(session, 1);
  number_ = 0;
  their_number_ = answered_ = 1;
  heard_all_.reset();
  timeout_ = limits_.first_timeout;
  start_over();
  codec::twin::encode(Hello{session_, wall_now}, out.send.emplace_back());
  pump(now, wall_now, out);
}

void TwinSync::disconnected() {
  session_ = 0;
  their_session_ = 0;
  their_number_ = answered_ = 1;
  heard_all_.reset();
  start_over();
}

// Nothing counts as sent any more.
void TwinSync::start_over() {
  next_ = {};
  next_at_ = 0;
  flights_.clear();
  store_.forget_sent(node_);
}

void TwinSync::received(const codec::twin::Message& message, base::Instant now, base::Time wall_now,
                        TwinSyncOutputs& out) {
  if (!is_connected()) return;
  if (const auto* hello = std::get_if<Hello>(&message)) greeted(*hello, wall_now);
  if (const auto* changes = std::get_if<Changes>(&message)) take(*changes, wall_now, out);
  if (const auto* seen = std::get_if<Seen>(&message)) acknowledged(*seen);
  pump(now, wall_now, out);
}

void TwinSync::greeted(const Hello& hello, base::Time wall_now) {
  their_session_ = hello.session;
  their_number_ = answered_ = 1;
  skew_ = wall_now - hello.sent_at;
}

void TwinSync::take(const Changes& changes, base::Time wall_now, TwinSyncOutputs& out) {
  their_session_ = changes.session;
  their_number_ = changes.number + 1;
  skew_ = wall_now - changes.sent_at;
  ++stats_.messages_received;
  std::uint64_t refused = 0;
  bool whole = true;
  for (const Change& change : changes.twins) {
    ++stats_.twins_received;
    switch (take(change, refused, out)) {
      case Outcome::taken: break;
      case Outcome::refused: ++refused; break;
      case Outcome::deferred: whole = false; break;
    }
  }
  stats_.refused += refused;
  if (!whole) {
    ++stats_.deferred;
    return;
  }
  out.taken.push_back({changes.session, changes.number, refused});
}

TwinSync::Outcome TwinSync::take(const Change& change, std::uint64_t& refused,
                                 TwinSyncOutputs& out) {
  if (!model::is_twin_id(change.id) || model::twin_node(change.id) != node_) {
    ++stats_.foreign;
    out.trouble = base::Error{base::Code::denied, "'" + base::printable(change.id) +
                                                      "' is not in the namespace of " + node_};
    return Outcome::refused;
  }
  const std::uint64_t before = store_.stats().refused;
  const auto joined = store_.join(change.id, change.leaves);
  if (!joined) {
    using base::Code;
    const Code code = joined.error().code;
    out.trouble = base::Error(joined.error()).while_doing("take changes of " + change.id);
    const bool for_ever = code == Code::invalid_input || code == Code::corrupt || code == Code::denied;
    return for_ever ? Outcome::refused : Outcome::deferred;
  }
  refused += store_.stats().refused - before;
  if (!joined->changed) out.repeated.push_back(change.id);
  return Outcome::taken;
}

void TwinSync::acknowledged(const Seen& seen) {
  if (seen.session != session_) return;
  const auto flight = std::ranges::find(flights_, seen.number, &Flight::number);
  if (flight == flights_.end()) return;   // it took too long and was sent again
  flight->seen = true;
  // The other side sends what it has as long as few enough messages of it are not acknowledged, and before it
  // acknowledges. If all that came was acknowledged when ours left and no more came since, it had no more.
  if (flight->heard == their_number_) heard_all_ = flight->since;
  stats_.refused_by_peer += seen.refused;
  // In order: a revision that the store hears of stands for all before it, and a message before this
  // one may have been lost with changes of the same twin.
  const auto waiting = std::ranges::find(flights_, false, &Flight::seen);
  if (waiting != flights_.begin()) timeout_ = limits_.first_timeout;
  for (auto done = flights_.begin(); done != waiting; ++done)
    for (const Sent& twin : done->twins) store_.acknowledged(twin.id, twin.revision);
  flights_.erase(flights_.begin(), waiting);
}

void TwinSync::committed(const TwinSyncTaken& taken, base::Instant now, base::Time wall_now,
                         TwinSyncOutputs& out) {
  if (!is_connected() || taken.session != their_session_) return;   // it will come again
  answered_ = std::max(answered_, taken.number + 1);
  codec::twin::encode(Seen{taken.session, taken.number, taken.refused}, out.send.emplace_back());
  pump(now, wall_now, out);
}

void TwinSync::changed(base::Instant now, base::Time wall_now, TwinSyncOutputs& out) {
  pump(now, wall_now, out);
}

void TwinSync::tick(base::Instant now, base::Time wall_now, TwinSyncOutputs& out) {
  const auto wake = wake_at();
  if (wake && *wake <= now) {
    ++stats_.timeouts;
    timeout_ = std::min(timeout_ * 2, limits_.most_timeout);
    start_over();
  }
  pump(now, wall_now, out);
}

std::optional<base::Instant> TwinSync::wake_at() const {
  if (!is_connected() || flights_.empty()) return std::nullopt;
  return flights_.front().since + timeout_;
}

void TwinSync::pump(base::Instant now, base::Time wall_now, TwinSyncOutputs& out) {
  while (is_connected() && flights_.size() < limits_.window) {
    if (next_at_ == next_.size()) {
      next_at_ = 0;
      next_ = store_.unsent(node_, limits_.leaf_bytes);
      if (next_.empty()) return;
    }
    send_next(now, wall_now, out);
  }
}

// As many of the next twins as a message may hold; at least one, which a twin's limits let fit.
void TwinSync::send_next(base::Instant now, base::Time wall_now, TwinSyncOutputs& out) {
  Changes changes{session_, ++number_, wall_now, {}};
  Flight& flight = flights_.emplace_back(Flight{number_, now, {}, false, their_number_ == answered_ ? their_number_ : 0});
  std::size_t bytes = head_bytes;
  while (next_at_ < next_.size()) {
    store::UnsentTwin& twin = next_[next_at_];
    Change change{twin.id, twin.revision, std::move(twin.leaves)};
    const std::size_t more = codec::twin::encoded_bytes(change);
    if (bytes + more > codec::twin::max_message_bytes && !changes.twins.empty()) {
      twin.leaves = std::move(change.leaves);
      break;
    }
    bytes += more;
    flight.twins.push_back({std::move(twin.id), twin.revision});
    changes.twins.push_back(std::move(change));
    ++next_at_;
  }
  ++stats_.messages_sent;
  stats_.twins_sent += changes.twins.size();
  codec::twin::encode(changes, out.changes.emplace_back());
}

bool TwinSync::settled() const {
  return flights_.empty() && next_at_ == next_.size() && !store_.has_unsent(node_);
}

std::size_t TwinSync::memory_bytes() const {
  std::size_t bytes = sizeof *this + node_.capacity();
  for (const Flight& flight : flights_) bytes += sizeof flight + flight.twins.size() * (sizeof(Sent) + 64);
  for (const auto& twin : next_) bytes += sizeof twin + twin.leaves.size() * sizeof(model::TwinLeaf);
  return bytes;
}

}  // namespace selvedge::things
