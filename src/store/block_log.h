// BlockLog: sealed blocks on disk: writing them, finding them again, and letting them go.
//
// A block waits here until the journal is durable up to what the block holds; then it is appended,
// and once that is durable its number is told. A segment starts with a header and the index of the
// segment before (block_record.h), so opening reads the last segment only. Segments whose blocks
// are all delivered are let go when they are older than the retention, or when room is needed;
// undelivered ones only as StoreLimits::when_full says.
//
// Memory: 40 bytes a series, the waiting frames, and an index cache of at most 4 MiB.
// Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/result.h"
#include "codec/series/frame.h"
#include "model/block.h"
#include "os/loop.h"
#include "store/block_record.h"
#include "store/delivered.h"
#include "store/reading_store.h"
#include "store/segment_log.h"

namespace selvedge::store {

class BlockLog {
 public:
  // A block on its way to the disk.
  struct Waiting {
    BlockRecord record;          // its frame is not set
    Position first;              // the journal record of its first reading
    model::BlockSummary summary;
    base::Bytes frame;
  };
  // Called with a block that was found; false stops.
  using Visit = std::function<bool(const model::BlockSummary&, base::BytesView frame)>;

  static base::Result<std::unique_ptr<BlockLog>> open(std::unique_ptr<os::Dir> dir, os::Loop& loop,
                                                      std::uint32_t lane, const StoreLimits& limits,
                                                      std::uint64_t epoch);

  // Positions of the journal. The mark of a series says up to where it is in blocks.
  const SeriesMark& mark(std::uint32_t series) const;
  Position floor() const { return floor_; }
  void set_floor(Position floor) { floor_ = std::max(floor_, floor); }
  Position greatest_through() const;
  std::uint32_t series_seen() const { return static_cast<std::uint32_t>(marks_.size()); }

  // Code::exhausted if no further block can be taken at present.
  base::Result<void> room();
  model::BlockSeq add(std::uint32_t series, Position through, Position first, base::Time sealed_at,
                      const model::BlockSummary& summary, base::Bytes frame, bool local);
  bool waiting() const { return !waiting_.empty(); }
  std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  // Appends the blocks that the journal covers up to `durable`, in order. True if none is left that
  // could have been appended; false if the log is full and they must be tried again.
  bool write(Position durable);
  void commit(std::function<void()> done) { log_->commit(std::move(done)); }
  // The first journal position that a block which is not durable needs; `otherwise` if none does.
  Position first_needed(Position otherwise) const;

  void on_durable(std::function<void(model::BlockSeq, std::size_t, bool local)> told) {
    told_ = std::move(told);
  }
  void on_dropped(std::function<void(model::BlockSeq)> told) { told_dropped_ = std::move(told); }

  base::Result<std::vector<StoredBlock>> undelivered(std::uint64_t from, std::uint64_t max_bytes);
  void set_delivered(std::uint64_t first, std::uint64_t last);
  const Delivered& marks_delivered() const { return delivered_; }
  bool take_delivered(base::Reader& in) { return delivered_.take(in); }
  std::uint64_t first_undelivered() const;       // 0: everything is delivered
  std::uint64_t last_durable() const { return last_durable_; }

  // Blocks of a series that overlap [from, to], oldest segment first, in order of sealing.
  base::Result<void> visit(std::uint32_t series, std::int64_t from, std::int64_t to,
                           const Visit& visit);
  // Blocks that hold the time `at`. `low` and `high` are narrowed so that for each time within
  // (low, high) the blocks are the same.
  base::Result<void> around(std::uint32_t series, std::int64_t at, std::int64_t& low,
                            std::int64_t& high, const Visit& visit);

  void set_limits(const StoreLimits& limits);
  // Lets go delivered segments that were sealed before `before`.
  void expire(base::Time before);
  void add_stats(StoreStats& stats);
  const LogStats& log_stats() const { return log_->stats(); }

 private:
  BlockLog(const StoreLimits& limits, std::uint64_t epoch);

  base::Result<void> load();
  base::Result<Position> find_header();
  void reconcile_directory(std::uint32_t newest);
  void note(Position at, const BlockRecord& record, const model::BlockSummary& summary,
            std::size_t bytes);
  void begin_segment(std::uint32_t segment);
  void append_segment_header();
  SegmentIndex close_segment() const;

  bool reclaim(std::uint64_t need);
  bool let_one_go();
  bool is_current(const SegmentEntry& e) const;
  bool let_go(std::size_t entry);
  bool append_front();
  void became_durable(std::uint64_t seq);

  const SegmentIndex* index(std::uint32_t segment);
  base::Result<SegmentIndex> load_index(std::uint32_t segment);
  base::Result<SegmentIndex> build_index(std::uint32_t segment);
  const Chain* chain(const SegmentEntry& e, std::uint32_t series);
  Position place_of(std::uint64_t seq);

  struct Link {
    Position at;
    model::BlockSummary summary;
  };
  // The blocks of a chain, oldest first.
  base::Result<std::vector<Link>> links(const Chain& chain);
  base::Result<bool> show(Position at, const Visit& visit);

  StoreLimits limits_;
  std::uint64_t epoch_;
  std::unique_ptr<SegmentLog> log_;
  std::vector<SeriesMark> marks_;        // by series
  std::vector<Chain> chains_;            // by series: in the segment being written
  std::vector<Place> places_;            // of the segment being written
  std::vector<SegmentEntry> directory_;  // ascending; the last one is being written or was last
  bool current_ = false;                 // the last entry's chains and places are in chains_, places_
  Delivered delivered_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t last_durable_ = 0;
  Position floor_;
  std::deque<Waiting> waiting_;          // not appended yet
  std::uint64_t waiting_bytes_ = 0;
  struct InFlight {
    std::uint64_t seq;
    std::size_t bytes;
    Position first;
    bool local;
  };
  std::deque<InFlight> in_flight_;       // appended, not durable yet
  std::list<SegmentIndex> indexes_;      // most recently used first
  std::function<void(model::BlockSeq, std::size_t, bool)> told_;
  std::function<void(model::BlockSeq)> told_dropped_;
  std::uint64_t dropped_ = 0;
  std::uint64_t oldest_seq_ = 0;         // whose sealed_at oldest_time_ is
  base::Time oldest_time_{};
  base::Bytes head_, payload_;
};

}  // namespace selvedge::store
