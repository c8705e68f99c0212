// Changes of the twin store: made in memory, put into the log, taken back if the log refuses.

#include <algorithm>

#include "base/text.h"
#include "store/twin_store_impl.h"

namespace selvedge::store {

using base::Code;
using base::Result;
using engine::Twin;
using engine::TwinChange;
using engine::TwinEdit;

struct TwinStoreImpl::Attempt {
  TwinRecord* record = nullptr;
  bool made = false;
  Twin before;
};

namespace {

std::string quoted(std::string_view id) { return "twin '" + base::printable(id) + "'"; }

}  // namespace

engine::TwinClock TwinStoreImpl::clock() const {
  return {world_.loop().wall_now().ns / 1'000'000, origin_};
}

Result<TwinStoreImpl::Attempt> TwinStoreImpl::begin(std::string_view id) {
  Attempt attempt;
  attempt.record = table_.find(id);
  if (attempt.record == nullptr) {
    if (!model::is_twin_id(id))
      return base::fail(Code::invalid_input, quoted(id) + ": expected <node>:<device>");
    if (table_.size() >= limits_.twins) {
      ++counts_.refused;
      return base::fail(Code::exhausted, quoted(id) + ": there are " + std::to_string(limits_.twins) +
                                             " twins already");
    }
    attempt.record = &table_.insert(id);
    attempt.made = true;
    memory_ += TwinTable::record_bytes(id) + attempt.record->twin.memory_bytes();
  }
  attempt.before = attempt.record->twin.copy();
  return attempt;
}

void TwinStoreImpl::take_back(Attempt& attempt) {
  if (attempt.made) {
    memory_ -= TwinTable::record_bytes(attempt.record->id()) + sizeof(Twin);
    table_.erase(*attempt.record);
  } else {
    attempt.record->twin = std::move(attempt.before);
  }
}

Result<void> TwinStoreImpl::append(TwinRecordKind kind, base::BytesView head, base::BytesView tail) {
  // The rest of the room is for writing the log anew, without which there would never be room again.
  const LogStats& log = log_->stats();
  if (log.bytes + log.pending_bytes > limits_.log_bytes / 8 * 7)
    return base::fail(Code::exhausted, "the log of twins is full");
  const auto at = log_->append(static_cast<std::uint8_t>(kind), head, tail);
  if (!at) return std::unexpected(at.error());
  return {};
}

Result<TwinChange> TwinStoreImpl::finish(Attempt& attempt, TwinChange change, Source source) {
  TwinRecord& record = *attempt.record;
  if (!change.changed) {
    if (attempt.made) take_back(attempt);
    return change;
  }
  const std::size_t is = record.twin.memory_bytes(), was = attempt.made ? sizeof(Twin) : attempt.before.memory_bytes();
  head_.clear();
  tail_.clear();
  put_twin_head(head_, record.id());
  record.twin.save_changes(attempt.before.revision(), tail_);
  Result<void> logged;
  if (is > was && memory_ + (is - was) > limits_.memory_bytes)
    logged = base::fail(Code::exhausted, "the memory for twins is full");
  else
    logged = append(TwinRecordKind::changes, head_, tail_);
  if (!logged) {
    ++counts_.refused;
    const std::string step = "change " + quoted(record.id());
    take_back(attempt);
    clean_soon();
    return std::unexpected(std::move(logged).error().while_doing(step));
  }
  memory_ += is;
  memory_ -= was;
  const bool was_live = record.live;
  record.live = !record.twin.empty();
  live_ += record.live ? 1 : 0;
  live_ -= was_live ? 1 : 0;
  for (TwinIndex& index : indexes_) index.changed(record, &attempt.before, &record.twin);
  if (source == Source::here) {
    ++counts_.edits;
    peers_.changed(record);
  } else {
    ++counts_.joins;
    if (source == Source::peer_silently || !record.linked())
      peers_.acknowledged(record, record.twin.revision());
  }
  clean_for(head_.size() + tail_.size());
  if (was_live || record.live)
    tell(record, !was_live ? TwinEvent::Kind::created : record.live ? TwinEvent::Kind::changed : TwinEvent::Kind::removed,
         change, source != Source::here);
  return change;
}

void TwinStoreImpl::tell(const TwinRecord& record, TwinEvent::Kind kind, const TwinChange& change,
                         bool from_peer) {
  const TwinEvent event{kind, record.id(), record.live ? &record.twin : nullptr, &change, from_peer};
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    const WatchId id = it->first;
    const auto told = it->second;        // it may end its watch meanwhile
    (*told)(event);
    it = watchers_.upper_bound(id);
  }
}

Result<void> TwinStoreImpl::check(const TwinRecord* record, std::string_view id,
                                  const TwinPrecondition& if_) const {
  const bool live = record != nullptr && record->live;
  if (if_.exists && *if_.exists != live)
    return base::fail(Code::conflict, quoted(id) + (live ? " exists already" : " does not exist"));
  if (if_.revision && (!live || record->twin.revision() != *if_.revision))
    return base::fail(Code::conflict,
                      quoted(id) + (live ? " is at revision " + std::to_string(record->twin.revision())
                                         : std::string(" does not exist")));
  return {};
}

Result<TwinChange> TwinStoreImpl::edit(std::string_view id, const TwinEdit& edit,
                                       const TwinPrecondition& if_) {
  const TwinRecord* const known = table_.find(id);
  TRY(check(known, id, if_));
  const bool makes = edit.kind == TwinEdit::Kind::put || edit.kind == TwinEdit::Kind::merge;
  if (!makes && (known == nullptr || !known->live))
    return base::fail(Code::not_found, quoted(id) + " does not exist");
  Attempt attempt = TRY(begin(id));
  auto change = attempt.record->twin.edit(edit, clock(), limits_.twin);
  if (!change) {
    if (change.error().code == Code::exhausted) ++counts_.refused;
    const std::string step = "edit " + quoted(id);
    take_back(attempt);
    return std::unexpected(std::move(change).error().while_doing(step));
  }
  return finish(attempt, std::move(*change), Source::here);
}

Result<TwinChange> TwinStoreImpl::join(std::string_view id, std::span<const model::TwinLeaf> leaves) {
  Attempt attempt = TRY(begin(id));
  std::uint32_t refused = 0;
  TwinChange change = attempt.record->twin.join(leaves, limits_.twin, &refused);
  counts_.refused += refused;
  return finish(attempt, std::move(change), Source::peer);
}

Result<void> TwinStoreImpl::remove(std::string_view id, const TwinPrecondition& if_, bool from_peer) {
  TwinRecord* const record = table_.find(id);
  TRY(check(record, id, if_));
  if (record == nullptr || !record->live)
    return base::fail(Code::not_found, quoted(id) + " does not exist");
  Attempt attempt = TRY(begin(id));
  auto change = attempt.record->twin.edit({TwinEdit::Kind::remove, {}, {}}, clock(), limits_.twin);
  if (!change) {
    take_back(attempt);
    return std::unexpected(std::move(change).error());
  }
  TRY(finish(attempt, std::move(*change), from_peer ? Source::peer_silently : Source::here));
  return {};
}

void TwinStoreImpl::acknowledged(std::string_view id, std::uint64_t revision) {
  TwinRecord* const record = table_.find(id);
  if (record == nullptr || !peers_.acknowledged(*record, revision)) return;
  // Rides with the next group; if it is lost the peer is told again.
  head_.clear();
  put_twin_head(head_, record->id(), record->acknowledged);
  base::ignore(append(TwinRecordKind::acknowledged, head_, {}), "losing it costs sending it again");
  clean_for(head_.size());
}

}  // namespace selvedge::store
