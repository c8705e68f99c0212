// Store: the ReadingStore on a world's disk. store_ingest.cc takes readings in and seals them,
// store_open.cc brings the state back after a restart, reading_store.cc has the rest.

#pragma once

#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "store/block_log.h"
#include "store/column.h"
#include "store/dense_budget.h"
#include "store/journal_record.h"
#include "store/key_window.h"
#include "store/late_readings.h"
#include "store/reading_store.h"
#include "store/series_table.h"

namespace selvedge::store {

// A message may add as much again, and the uplink takes frames just below 2 MiB.
inline constexpr std::size_t most_column_text = 512 << 10;

class Store final : public ReadingStore {
 public:
  Store(os::World& world, StoreLimits limits, JournalFollower* follower);
  ~Store() override;

  base::Result<void> load(std::string_view path);

  model::Epoch epoch() const override { return model::Epoch{epoch_}; }
  base::Result<model::SeriesId> series(std::string_view name, model::Kind kind,
                                       std::string_view device) override;
  const model::SeriesDef* find(std::string_view name) const override { return table_->find(name); }
  const model::SeriesDef* find(model::SeriesId id) const override { return table_->find(id); }
  void each_series(const std::function<bool(const model::SeriesDef&)>& visit) const override {
    table_->each(visit);
  }

  base::Result<Added> add(model::SeriesId series, base::Time time, const model::ValueView& value,
                          Adding how) override;
  base::Result<void> end_message(std::uint64_t key, const MessageNote& note) override;
  void abandon_message() override;
  bool seen_message(std::uint64_t key) const override { return keys_.contains(key); }
  base::Result<void> note_time(base::Time now) override;
  base::Result<void> save_follower() override;
  void commit(std::function<void()> done) override;

  void seal_due() override;
  std::optional<base::Instant> next_due() const override;
  void seal_all() override;

  void on_sealed(std::function<void(model::BlockSeq, std::size_t)> told) override;
  void on_dropped(std::function<void(model::BlockSeq)> told) override;
  base::Result<std::vector<StoredBlock>> undelivered(model::BlockSeq from,
                                                     std::uint64_t max_bytes) override;
  void delivered(model::BlockSeq first, model::BlockSeq last) override;
  model::BlockSeq first_undelivered() const override;
  model::BlockSeq last_sealed() const override;

  base::Result<void> visit(
      model::SeriesId series, base::Time from, base::Time to,
      const std::function<bool(const model::BlockSummary&, base::BytesView frame)>& block,
      const std::function<bool(const codec::Columns&)>& open) override;

  void set_limits(const StoreLimits& limits) override;
  StoreStats stats() const override;
  void close(std::function<void()> done) override;

 private:
  // What is in memory of one series; by its number.
  struct Series {
    Column column;
    model::Kind kind = model::Kind::float64;
    std::int64_t last_time = INT64_MIN;     // of all readings ever taken
    std::int64_t staged_time = INT64_MIN;   // with those of the message being collected
    std::uint64_t staged_in = 0;            // the message that staged_time is of
    Position first, last;                   // journal records of the column's readings
    base::Instant opened{};
    std::uint32_t before = 0, after = 0;    // in the list of open columns, oldest first; 0: none
    std::uint16_t policy = 0;               // one more than its place in policies_; 0: not asked yet
  };
  struct Ticket {
    std::function<void()> done;
    bool journal = false, series = false;   // durable in both
  };

  // store_open.cc
  base::Result<void> load_identity();
  base::Result<void> load_delivered();
  base::Result<void> load_journal(std::unique_ptr<os::Dir> dir);
  base::Result<void> replay(const Record& record);
  bool is_complete(base::BytesView message);
  void follow(const Staged& r, std::string_view text, const MessageNote& note);
  void append_keys();

  // store_ingest.cc
  base::Result<bool> is_known(const Series& s, std::uint32_t id, std::int64_t time,
                              std::uint64_t bits, const model::ValueView& value);
  bool is_staged(std::uint32_t id, std::int64_t time, std::uint64_t bits, std::string_view text) const;
  base::Result<void> make_memory();
  void push(std::uint32_t id, Position at, std::int64_t time, std::uint64_t bits,
            std::string_view text);
  // By readings or, so that its block fits into a batch of the uplink, by bytes.
  bool is_full(const Column& column) const {
    return column.size() >= limits_.block_readings || column.text_bytes() >= most_column_text;
  }
  void relieve_journal();
  const SeriesPolicy& policy_of(std::uint32_t id);
  base::Result<void> seal(std::uint32_t id);
  void unlink(std::uint32_t id);

  // reading_store.cc
  Series& state(std::uint32_t id);
  void request_write();
  void settle_tickets();
  void trim_soon();
  void trim_journal();
  void persist_soon();
  void persist(std::function<void()> done);
  void expire();

  os::World& world_;
  os::Loop& loop_;
  StoreLimits limits_;
  DenseBudget dense_budget_;
  std::uint64_t epoch_ = 0;
  std::shared_ptr<os::Dir> dir_;            // shared with jobs on the pool
  std::unique_ptr<SeriesTable> table_;
  std::unique_ptr<BlockLog> blocks_;
  std::unique_ptr<SegmentLog> journal_;
  std::vector<base::Bytes> head_state_;     // while loading: the follower's state at the head of head_segment_, which counts
  std::uint32_t head_segment_ = 0;          // once something stands behind it: half a state is none
  std::uint32_t found_segment_ = 0;         // the journal's last when it was opened
  std::uint32_t whole_segment_ = 0;         // the last of those found with messages, so with all in front of them
  std::unique_ptr<LateReadings> late_;
  JournalFollower* follower_;

  ChunkPool pool_;
  std::vector<Series> series_;              // by number
  std::vector<SeriesPolicy> policies_;      // those in use, each once
  std::uint32_t oldest_ = 0, newest_ = 0;   // the list of open columns
  std::uint64_t open_readings_ = 0;
  std::optional<base::Instant> seal_again_; // sealing failed; not before

  std::uint64_t message_ = 1;               // number of the message being collected
  std::vector<Staged> staged_;
  std::string staged_text_;
  std::uint64_t staged_need_ = 0;           // memory that its readings will take, about
  std::unordered_set<std::uint64_t> staged_hashes_;  // only of messages with late readings
  std::size_t hashed_ = 0;                  // how many of staged_ are in there
  std::vector<std::uint32_t> to_seal_;

  KeyWindow keys_;
  std::unordered_set<std::uint64_t> left_out_keys_;  // of messages left out of the replay
  std::deque<Ticket> tickets_;
  std::uint64_t first_ticket_ = 0;
  bool write_requested_ = false;
  bool stalled_ = false;                    // the block log is full; a timer tries again
  bool trim_deferred_ = false;
  bool dirty_ = false;                      // delivered marks that are not in their file
  bool closing_ = false;
  base::Instant expired_at_{INT64_MIN / 2};
  os::TimerId retry_ = os::TimerId::none, persist_ = os::TimerId::none;

  std::function<void(model::BlockSeq, std::size_t)> told_sealed_;
  codec::Columns scratch_;
  base::Bytes record_;
  std::uint64_t added_ = 0, duplicates_ = 0, sealed_blocks_ = 0, sealed_readings_ = 0;
  std::uint64_t frame_bytes_ = 0, lost_readings_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // callbacks hold it weakly
};

}  // namespace selvedge::store
