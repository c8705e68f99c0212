#include "store/reading_store.h"

#include <algorithm>

#include "store/store_impl.h"

namespace selvedge::store {
namespace {

using model::BlockSeq;

constexpr base::Duration retry_pause = std::chrono::seconds(1);
constexpr base::Duration persist_pause = std::chrono::seconds(1);
constexpr base::Duration expire_pause = std::chrono::seconds(10);

}  // namespace

base::Result<std::unique_ptr<ReadingStore>> ReadingStore::open(os::World& world,
                                                               std::string_view path,
                                                               StoreLimits limits,
                                                               JournalFollower* follower) {
  auto store = std::make_unique<Store>(world, std::move(limits), follower);
  TRY(base::while_doing("open store " + std::string(path), store->load(path)));
  return store;
}

Store::~Store() {
  loop_.cancel(retry_);
  loop_.cancel(persist_);
  for (Series& s : series_) s.column.clear(pool_);
}

Store::Series& Store::state(std::uint32_t id) {
  if (series_.size() <= id) series_.resize(id + 1);
  return series_[id];
}

base::Result<model::SeriesId> Store::series(std::string_view name, model::Kind kind,
                                            std::string_view device) {
  const model::SeriesId id = TRY(table_->find_or_make(name, kind, device));
  state(static_cast<std::uint32_t>(id)).kind = kind;
  return id;
}

void Store::commit(std::function<void()> done) {
  // Both logs are asked at once; calls are made in order, so a later one never overtakes.
  const std::uint64_t number = first_ticket_ + tickets_.size();
  const bool series_durable = table_->all_durable() && tickets_.empty();
  tickets_.push_back({std::move(done), false, series_durable});
  journal_->commit([this, number] {
    tickets_[number - first_ticket_].journal = true;
    settle_tickets();
  });
  if (series_durable) return;
  table_->commit([this, number] {
    tickets_[number - first_ticket_].series = true;
    settle_tickets();
  });
}

void Store::settle_tickets() {
  const std::weak_ptr alive(alive_);
  while (!tickets_.empty() && tickets_.front().journal && tickets_.front().series) {
    const std::function<void()> done = std::move(tickets_.front().done);
    tickets_.pop_front();
    ++first_ticket_;
    done();
    if (alive.expired()) return;
  }
}

// Has the sealed blocks written once the journal holds what they hold, and the table their series.
// Of the series of readings that come to the journal meanwhile that is not yet known.
void Store::request_write() {
  if (journal_ == nullptr || write_requested_ || stalled_) return;  // load() asks at its end
  write_requested_ = true;
  commit([this, upto = Position{journal_->end().value - 1}] {
    write_requested_ = false;
    if (!blocks_->write(upto)) {
      stalled_ = true;
      retry_ = loop_.after(retry_pause, [this] {
        stalled_ = false;
        request_write();
      });
    } else if (blocks_->waiting()) {
      request_write();
    }
  });
}

void Store::trim_soon() {
  if (trim_deferred_) return;
  trim_deferred_ = true;
  loop_.defer([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    trim_deferred_ = false;
    trim_journal();
  });
}

void Store::trim_journal() {
  const Position open = oldest_ != 0 ? series_[oldest_].first : journal_->end();
  const Position needed = blocks_->first_needed(open);
  blocks_->set_floor(needed);
  // The keys of recent messages and the follower's state stand in front of each segment: one that has them
  // stays. The last one found may have been cut off in front of its first message.
  const std::uint32_t durable = journal_->durable().segment();
  const Position keys{static_cast<std::uint64_t>(durable > found_segment_ ? durable : std::min(durable, whole_segment_))
                      << 32};
  journal_->trim(std::min(needed, keys));
}

void Store::on_sealed(std::function<void(BlockSeq, std::size_t)> told) {
  told_sealed_ = std::move(told);
}

void Store::on_dropped(std::function<void(BlockSeq)> told) { blocks_->on_dropped(std::move(told)); }

base::Result<std::vector<StoredBlock>> Store::undelivered(BlockSeq from, std::uint64_t max_bytes) {
  return base::while_doing("read undelivered blocks",
                           blocks_->undelivered(model::number(from), max_bytes));
}

void Store::delivered(BlockSeq first, BlockSeq last) {
  blocks_->set_delivered(model::number(first), model::number(last));
  persist_soon();
}

void Store::persist_soon() {
  dirty_ = true;
  if (persist_ != os::TimerId::none || closing_) return;
  persist_ = loop_.after(persist_pause, [this] {
    persist_ = os::TimerId::none;
    persist({});
  });
}

BlockSeq Store::first_undelivered() const { return BlockSeq{blocks_->first_undelivered()}; }
BlockSeq Store::last_sealed() const { return BlockSeq{blocks_->last_durable()}; }

void Store::expire() {
  if (loop_.now() - expired_at_ < expire_pause) return;
  expired_at_ = loop_.now();
  blocks_->expire(loop_.wall_now() - limits_.retention);
}

base::Result<void> Store::visit(
    model::SeriesId series, base::Time from, base::Time to,
    const std::function<bool(const model::BlockSummary&, base::BytesView frame)>& block,
    const std::function<bool(const codec::Columns&)>& open) {
  const auto id = static_cast<std::uint32_t>(series);
  if (table_->find(series) == nullptr)
    return base::fail(base::Code::not_found, "read a series: there is no such series");
  if (to <= from) return {};
  bool more = true;
  TRY(blocks_->visit(id, from.ns, to.ns - 1,
                     [&](const model::BlockSummary& summary, base::BytesView frame) {
                       return more = block(summary, frame);
                     }));
  const Series& s = series_[id];
  if (!more || s.column.size() == 0 || s.column.first_time() >= to.ns ||
      s.column.last_time() < from.ns)
    return {};
  codec::Columns columns;
  s.column.copy_to(columns, s.kind);
  open(columns);
  return {};
}

StoreStats Store::stats() const {
  StoreStats s;
  s.readings_added = added_;
  s.readings_duplicate = duplicates_;
  s.readings_open = open_readings_;
  s.blocks_sealed = sealed_blocks_;
  s.readings_sealed = sealed_readings_;
  s.frame_bytes = frame_bytes_;
  s.series = table_->size();
  s.journal = journal_->stats();
  blocks_->add_stats(s);
  s.memory_bytes = pool_.in_use() + blocks_->waiting_bytes() + s.journal.pending_bytes +
                   s.blocks.pending_bytes;
  return s;
}

void Store::close(std::function<void()> done) {
  closing_ = true;
  loop_.cancel(persist_);
  abandon_message();
  commit([this, done = std::move(done), upto = Position{journal_->end().value - 1}] {
    base::ignore(base::Result<bool>(blocks_->write(upto)),
                 "what cannot be written now is in the journal");
    blocks_->commit([this, done] {
      if (dirty_)
        persist(done);
      else
        done();
    });
  });
}

}  // namespace selvedge::store
