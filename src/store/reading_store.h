// ReadingStore: a node's readings, from arrival to the last query: series table, journal, open
// column buffers, and blocks.
//
// A reading goes into its series' open column and, with its message, into the journal; commit()
// calls back when the journal is on disk, and then the device may have its acknowledgement. A
// column is sealed into a block when it is large or old enough, or when memory runs short; the block
// goes to the block log, and journal segments whose readings are all in durable blocks are deleted.
// After a crash the journal is replayed over the blocks: each block records how far into the journal
// its series had come, so every reading is there exactly once.
//
// One reading is one (series, time, value): adding the very same again is recognised and dropped
// (that is how a device may repeat what was not acknowledged in time).
//
// When full: see StoreLimits::when_full. Memory: open columns and the journal's group stay under
// `memory_bytes`; the oldest columns are sealed early to keep it.
// Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/series/frame.h"
#include "model/block.h"
#include "model/reading.h"
#include "os/world.h"
#include "store/journal_follower.h"
#include "store/segment_log.h"

namespace selvedge::store {

// How the blocks of a series are coded and where they go.
struct SeriesPolicy {
  // `automatic`: dense as long as StoreLimits::dense_readings_per_second suffices.
  enum class Codec : std::uint8_t { automatic, dense, fast } codec = Codec::automatic;
  codec::ErrorBound bound;             // of float64 values
  bool local = false;                  // blocks stay on the node and count as delivered
  friend bool operator==(const SeriesPolicy& a, const SeriesPolicy& b) {
    return a.codec == b.codec && a.bound.kind == b.bound.kind && a.bound.value == b.bound.value &&
           a.local == b.local;
  }
};

struct StoreLimits {
  std::uint64_t memory_bytes = 8ULL << 20;        // open columns
  std::uint64_t journal_bytes = 256ULL << 20;
  std::uint64_t block_bytes = 1ULL << 30;         // block log on disk
  std::uint64_t segment_bytes = 16ULL << 20;
  base::Duration block_age = std::chrono::seconds(1);   // a column is sealed this long after its first reading
  std::uint32_t block_readings = 4096;            // or at this many
  std::uint32_t dense_readings_per_second = 30'000;    // coded densely; what comes beyond is coded fast
  base::Duration retention = std::chrono::hours(7 * 24);  // delivered blocks older than this go
  WhenFull when_full = WhenFull::refuse_new;      // only undelivered blocks count; delivered ones go first
  std::uint32_t series = 100'000;
  std::uint64_t keep_free_bytes = 16ULL << 20;
  // Makes the frame of a new block unreadable for all but its recipients; null: blocks stay open. The
  // store cannot tell then whether a late reading is in such a block already. An error keeps the
  // column open, to be tried again.
  std::function<base::Result<base::Bytes>(std::string_view series, base::BytesView frame, base::Time now)>
      seal_frame = nullptr;
  // Asked once for a series, and again after set_limits(); null: the default for all.
  std::function<SeriesPolicy(const model::SeriesDef& series)> policy = nullptr;
};

// Where a reading goes beside the journal.
struct Adding {
  bool journal_only = false;           // nowhere, and it is not looked for whether it was there before
  bool followed = false;               // the JournalFollower is told; needs MessageNote::at
};

enum class Added : std::uint8_t { stored, duplicate };

struct StoreStats {
  std::uint64_t readings_added = 0, readings_duplicate = 0;
  std::uint64_t readings_open = 0;               // in open columns
  std::uint64_t blocks_sealed = 0, readings_sealed = 0, frame_bytes = 0;
  std::uint64_t blocks_undelivered = 0, bytes_undelivered = 0;
  std::uint64_t blocks_dropped = 0;              // undelivered, by drop_oldest
  base::Time oldest_undelivered{};               // sealed at; 0 if none
  std::uint64_t series = 0;
  std::uint64_t memory_bytes = 0;
  LogStats journal, blocks;
};

// A sealed block as the uplink and queries see it.
struct StoredBlock {
  model::BlockSeq seq{};
  model::SeriesId series{};
  base::Time sealed_at{};
  base::Bytes frame;
};

class ReadingStore {
 public:
  // `follower` must outlive the store; null: none.
  static base::Result<std::unique_ptr<ReadingStore>> open(os::World& world, std::string_view path,
                                                          StoreLimits limits,
                                                          JournalFollower* follower = nullptr);
  virtual ~ReadingStore() = default;

  virtual model::Epoch epoch() const = 0;

  // Finds a series by name, or makes it. Code::conflict if it exists with another kind (int64 into
  // a float64 series is for the caller to convert). Code::exhausted at the bound.
  virtual base::Result<model::SeriesId> series(std::string_view name, model::Kind kind,
                                               std::string_view device) = 0;
  virtual const model::SeriesDef* find(std::string_view name) const = 0;
  virtual const model::SeriesDef* find(model::SeriesId id) const = 0;
  virtual void each_series(const std::function<bool(const model::SeriesDef&)>& visit) const = 0;

  // Adds one reading to the message being collected. Code::exhausted when full: none of the
  // message's readings may then be taken as stored (call abandon_message).
  virtual base::Result<Added> add(model::SeriesId series, base::Time time, const model::ValueView& value,
                                  Adding how = {}) = 0;
  // Ends the message: its readings enter the columns and the journal together, or not at all.
  // `key` identifies the message for recognising a repetition whose readings carry arrival time
  // (0: none). Code::exhausted as above, with nothing added.
  virtual base::Result<void> end_message(std::uint64_t key, const MessageNote& note = {}) = 0;
  virtual void abandon_message() = 0;
  // True if a message with this key was ended recently (the last few thousand, across restarts).
  virtual bool seen_message(std::uint64_t key) const = 0;

  // Notes in the journal that for the follower time passes now, before it is told. Code::exhausted as
  // above: then it must not be told yet.
  virtual base::Result<void> note_time(base::Time now) = 0;
  // Writes the follower's state into the journal: its rules have changed.
  virtual base::Result<void> save_follower() = 0;

  // Calls `done` once every message ended so far is on disk.
  virtual void commit(std::function<void()> done) = 0;

  // Seals what is due by age at `now`; next_due() says when to call again.
  virtual void seal_due() = 0;
  virtual std::optional<base::Instant> next_due() const = 0;
  virtual void seal_all() = 0;

  // Told the number of each block once it is durable, in order; not of those that stay on the node.
  virtual void on_sealed(std::function<void(model::BlockSeq seq, std::size_t frame_bytes)> told) = 0;
  // Told when undelivered blocks were dropped (StoreLimits::when_full): all before `first` are gone.
  virtual void on_dropped(std::function<void(model::BlockSeq first)> told) = 0;
  // Undelivered blocks from `from` on, at most `max_bytes` (at least one if there is one).
  virtual base::Result<std::vector<StoredBlock>> undelivered(model::BlockSeq from,
                                                             std::uint64_t max_bytes) = 0;
  // Marks blocks first..last (inclusive) delivered: the cloud has committed them. Any order.
  virtual void delivered(model::BlockSeq first, model::BlockSeq last) = 0;
  virtual model::BlockSeq first_undelivered() const = 0;  // none if everything is delivered
  virtual model::BlockSeq last_sealed() const = 0;

  // Visits the frames of a series that overlap [from, to), oldest first, then its open column as a
  // frame-less Columns. Both stop when they return false.
  virtual base::Result<void> visit(
      model::SeriesId series, base::Time from, base::Time to,
      const std::function<bool(const model::BlockSummary&, base::BytesView frame)>& block,
      const std::function<bool(const codec::Columns&)>& open) = 0;

  // Changes what may change while it runs: everything but segment_bytes and series. Lower bounds take
  // effect as room is next asked for; nothing that is undelivered goes but by `when_full`.
  virtual void set_limits(const StoreLimits& limits) = 0;
  virtual StoreStats stats() const = 0;
  // Makes everything durable and stops; `done` is called once.
  virtual void close(std::function<void()> done) = 0;
};

}  // namespace selvedge::store
