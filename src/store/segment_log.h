// SegmentLog: an append-only log of records in segment files, made durable in groups.
//
// append() puts a record into the group that is being collected; commit() sees to it that the group
// is written and synced (fdatasync) on a pool thread. While one group is being synced the next one
// collects, so under load a sync covers many records and when it is quiet it starts at once.
//
// Each record: u32 length, u32 CRC-32C, u8 kind, payload (docs/spec/segment_log.md). Opening checks
// the last segment record by record and cuts off a torn tail; of the others it looks at names and
// sizes only. Every record is checked again when it is read. Damage further back does not stop the
// log: the rest of that file is skipped, counted and reported.
// Whole segments are reclaimed by trim(), or by the bounds: oldest first, or refusing new records,
// as LogLimits says. If a write or a sync fails the group is kept in memory and written again to a
// new segment, with back-off; nothing of it is reported durable until then, and new appends are
// refused with Code::exhausted once `pending_bytes` wait.
//
// Source of the idea of group commit: Gray and Reuter, Transaction Processing (1993), 9.4.
// Belongs to the loop thread; its jobs run on `lane` of the loop's pool.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "os/files.h"
#include "os/loop.h"

namespace selvedge::store {

enum class WhenFull : std::uint8_t { refuse_new, drop_oldest };

struct LogLimits {
  std::uint64_t total_bytes = 1ULL << 30;
  std::uint64_t segment_bytes = 16ULL << 20;
  std::uint64_t record_bytes = 64ULL << 20;      // largest payload
  std::uint64_t pending_bytes = 8ULL << 20;      // collected and not yet durable
  WhenFull when_full = WhenFull::refuse_new;
  std::uint64_t keep_free_bytes = 16ULL << 20;   // of the disk; below it the log is full
  std::uint32_t first_segment = 1;               // new segments are numbered from here at least
};

// A record's place. Grows with every record, is never used again, and names the same record after
// a restart: segment number (high 32 bits) and offset in the segment (low 32 bits). Only if a crash
// takes a whole segment of which nothing was durable may its number come again; an owner who keeps
// positions elsewhere sets LogLimits::first_segment beyond them.
struct Position {
  std::uint64_t value = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
  std::uint32_t segment() const { return static_cast<std::uint32_t>(value >> 32); }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(value); }
};

struct Record {
  Position at;
  std::uint8_t kind = 0;
  base::BytesView payload;
};

struct LogStats {
  std::uint64_t bytes = 0;               // on disk
  std::uint64_t segments = 0;
  std::uint64_t appended = 0, commits = 0, commit_failures = 0;
  std::uint64_t dropped_segments = 0;    // by drop_oldest
  std::uint64_t torn_bytes = 0;          // cut off at open
  std::uint64_t damaged_bytes = 0;       // skipped further back
  std::uint64_t pending_bytes = 0;       // collected and not yet durable
  base::Duration last_sync{};            // how long the last sync took
  bool full = false;                     // the last append was refused for want of space
};

class SegmentLog {
 public:
  // Opens the log in `dir`, or starts one. `replay` sees every record that survives, in order; its
  // error ends open() with that error. Pass an empty function to skip replay (only the last
  // segment is then checked record by record).
  using Replay = std::function<base::Result<void>(const Record&)>;
  static base::Result<std::unique_ptr<SegmentLog>> open(std::unique_ptr<os::Dir> dir,
                                                        os::Loop& loop, std::uint32_t lane,
                                                        LogLimits limits, const Replay& replay);
  virtual ~SegmentLog() = default;

  // Code::exhausted: full, see LogLimits. Code::invalid_input: larger than record_bytes.
  virtual base::Result<Position> append(std::uint8_t kind, base::BytesView payload) = 0;
  // As append, for a payload in two parts.
  virtual base::Result<Position> append(std::uint8_t kind, base::BytesView head,
                                        base::BytesView tail) = 0;
  // Starts a new segment now if a payload of this size would, so that the caller knows which
  // segment its next append goes to.
  virtual void prepare(std::uint64_t payload_bytes) = 0;
  // Calls `done` once everything appended so far is durable. Order of calls is kept.
  virtual void commit(std::function<void()> done) = 0;
  // Everything at or before this position is durable.
  virtual Position durable() const = 0;
  virtual Position end() const = 0;      // where the next record will go, or later

  // Reads one record, durable or not, into `payload`. Code::not_found if it was reclaimed.
  virtual base::Result<std::uint8_t> read(Position at, base::Bytes& payload) = 0;
  // Visits durable records from the first at or after `from`, in order, until `visit` returns false.
  // Returns the position after the last visited. `visit` may call read, and nothing else of the log.
  virtual base::Result<Position> scan(Position from,
                                      const std::function<bool(const Record&)>& visit) = 0;

  // Starts a new segment with the next append. Called on each roll, so the owner can put a header
  // record first in every segment.
  virtual void on_new_segment(std::function<void()> append_header) = 0;
  virtual void roll() = 0;
  // Deletes whole segments that lie before `before`. The segment being written is kept.
  virtual void trim(Position before) = 0;
  // Deletes one segment anywhere before the one being written. Its records are then not_found.
  // False if it is still being written.
  virtual bool erase(std::uint32_t segment) = 0;
  // Told when drop_oldest deletes segments: everything before `first` is gone.
  virtual void on_dropped(std::function<void(Position first)> told) = 0;

  // Changes total_bytes, keep_free_bytes and when_full; what is there goes with the next append at the earliest.
  virtual void set_limits(const LogLimits& limits) = 0;

  // Numbers of the segments that hold durable records, ascending.
  virtual std::vector<std::uint32_t> segments() const = 0;
  virtual const LogStats& stats() const = 0;
};

}  // namespace selvedge::store
