#include <algorithm>

#include "base/log.h"
#include "store/twin_store_impl.h"

namespace selvedge::store {
namespace {

constexpr std::uint64_t step_bytes = 256 << 10;           // about a millisecond of the loop
constexpr std::uint64_t written_per_appended = 2;         // while the log is written anew
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::int64_t keep_removed_ms = 2 * day_ms;
constexpr std::int64_t keep_untold_ms = 30 * day_ms;
constexpr base::Duration retry_pause = std::chrono::milliseconds(500);

}  // namespace

void TwinStoreImpl::replay(const Record& logged) {
  TwinLogRecord entry;
  if (!take_twin_record(logged.kind, logged.payload, entry)) {
    ++damaged_;
    return;
  }
  TwinRecord* record = table_.find(entry.id);
  const auto kind = static_cast<TwinRecordKind>(logged.kind);
  if (kind == TwinRecordKind::gone) {
    if (record != nullptr) table_.erase(*record);
    return;
  }
  if (kind == TwinRecordKind::acknowledged) {
    if (record != nullptr) record->acknowledged = std::max(record->acknowledged, entry.revision);
    return;
  }
  if (record == nullptr) record = &table_.insert(entry.id);
  if (kind == TwinRecordKind::image) {
    auto twin = engine::Twin::load(entry.twin);
    if (!twin) {
      ++damaged_;
      return;
    }
    record->twin = std::move(*twin);
    record->acknowledged = entry.revision;
  } else if (!record->twin.load_changes(entry.twin)) {
    ++damaged_;
  }
}

void TwinStoreImpl::after_replay() {
  if (damaged_ > 0)
    base::log::error("twins", "records of the log make no sense and are left out", {{"records", damaged_}});
  table_.each({}, TwinTable::From::at, [&](TwinRecord& record) {
    record.live = !record.twin.empty();
    live_ += record.live ? 1 : 0;
    memory_ += TwinTable::record_bytes(record.id()) + record.twin.memory_bytes();
    // A removal may be known here although its acknowledgement was lost.
    record.acknowledged = std::min(record.acknowledged, record.twin.revision());
    peers_.loaded(record);
    return true;
  });
}

bool TwinStoreImpl::is_short_of_room() const {
  return log_->stats().bytes + log_->stats().pending_bytes > limits_.log_bytes / 2;
}

bool TwinStoreImpl::is_due() const {
  // What all twins would take: as much as the last time, or a quarter of what they take in memory.
  const std::uint64_t live = std::max(image_bytes_, memory_ / 4);
  return log_->stats().bytes > live / 2 * 3 + 2 * limits_.segment_bytes || is_short_of_room();
}

void TwinStoreImpl::clean_for(std::size_t bytes_appended) {
  if (!cleaning_ && !is_due()) return;
  clean_credit_ += written_per_appended * bytes_appended;
  if (clean_credit_ >= step_bytes / 4 || is_short_of_room()) clean_soon();
}

void TwinStoreImpl::clean_soon() {
  if (clean_scheduled_) return;
  clean_scheduled_ = true;
  world_.loop().defer([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    clean_scheduled_ = false;
    clean();
  });
}

bool TwinStoreImpl::forgettable(const TwinRecord& record) const {
  if (record.live) return false;
  const std::int64_t now = clock().now_ms;
  const auto removed = static_cast<std::int64_t>(record.twin.modified_ms());
  return removed < now - keep_untold_ms || (removed < now - keep_removed_ms && !record.linked());
}

void TwinStoreImpl::forget(TwinRecord& record) {
  peers_.forget(record);
  memory_ -= TwinTable::record_bytes(record.id()) + record.twin.memory_bytes();
  for (TwinIndex& index : indexes_) index.changed(record, &record.twin, nullptr);
  table_.erase(record);
}

// Writes one twin as it is. False: the log has no room.
bool TwinStoreImpl::clean_one(TwinRecord& record) {
  const std::int64_t now = clock().now_ms;
  record.twin.forget_removed(record.acknowledged, now - keep_removed_ms);
  record.twin.forget_removed(UINT64_MAX, now - keep_untold_ms);
  const bool gone = forgettable(record) || (!record.live && record.twin.revision() == 0);
  head_.clear();
  tail_.clear();
  if (gone) {
    put_twin_head(head_, record.id());
  } else {
    put_twin_head(head_, record.id(), record.acknowledged);
    record.twin.save(tail_);
  }
  const auto kind = gone ? TwinRecordKind::gone : TwinRecordKind::image;
  if (!log_->append(static_cast<std::uint8_t>(kind), head_, tail_)) return false;
  if (gone) forget(record);
  return true;
}

void TwinStoreImpl::clean() {
  if (!cleaning_) {
    if (!is_due()) return;
    cleaning_ = Cleaning{log_->end(), {}, 0};
  }
  const std::uint64_t budget = is_short_of_room() ? step_bytes : std::min(clean_credit_, step_bytes);
  std::uint64_t written = 0;
  auto from = cleaning_->after.empty() ? TwinTable::From::at : TwinTable::From::after;
  while (written < budget) {
    TwinRecord* const record = table_.first(cleaning_->after, from);
    from = TwinTable::From::after;
    if (record == nullptr) {
      // Everything is behind `begun` now. What lies before may go once that is durable.
      image_bytes_ = cleaning_->bytes;
      clean_credit_ = 0;
      log_->commit([this, begun = cleaning_->begun, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) log_->trim(begun);
      });
      cleaning_.reset();
      return;
    }
    const std::string id(record->id());
    if (!clean_one(*record)) {
      world_.loop().after(retry_pause, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) clean_soon();
      });
      return;
    }
    cleaning_->after = id;
    cleaning_->bytes += head_.size() + tail_.size();
    written += head_.size() + tail_.size();
  }
  clean_credit_ -= std::min(clean_credit_, written);
  if (clean_credit_ >= step_bytes / 4 || is_short_of_room()) clean_soon();
}

}  // namespace selvedge::store
