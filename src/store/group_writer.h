// GroupWriter: the groups of a segment log on their way to the disk: collecting, waiting, in flight.
//
// One group is written at a time: one append and one fdatasync in a job on the lane (and, for a new
// file, a sync of the directory). The next groups collect meanwhile. A group that failed is kept and
// written again, to a new file that starts where the group starts, because after a failed sync
// nothing the old file holds beyond that point can be trusted.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"
#include "os/files.h"
#include "os/loop.h"
#include "store/segment_log.h"

namespace selvedge::store {

class GroupWriter {
 public:
  struct Told {
    std::function<void(Position start, std::uint64_t bytes)> durable;  // of the file; bytes more
    std::function<void(std::uint64_t free_bytes)> free;                // of the disk, after a write
    std::function<void()> failed;
  };

  GroupWriter(std::shared_ptr<os::Dir> dir, os::Loop& loop, std::uint32_t lane,
              std::uint64_t segment_bytes, Told told);
  ~GroupWriter();

  // Where the next record goes.
  Position end() const { return end_; }
  // Sends what comes next to `segment`, from its beginning.
  void begin_segment(std::uint32_t segment);
  Position put(std::uint8_t kind, base::BytesView head, base::BytesView tail);
  void commit(std::function<void()> done);

  std::uint64_t pending_bytes() const { return pending_bytes_; }
  Position oldest_pending() const;       // end() if nothing is pending
  Position last_durable() const { return last_durable_; }
  void set_last_durable(Position at) { last_durable_ = at; }
  // The bytes of a record that is not durable yet, and what follows it; empty if it is not here.
  base::BytesView find(Position at) const;

  std::uint64_t commits() const { return commits_; }
  std::uint64_t failures() const { return failures_; }
  base::Duration last_sync() const { return last_sync_; }
  // A group failed and waits for its next attempt.
  bool failing() const { return backoff_.count() > 0; }
  // There may be room again: try at once.
  void retry_now();

 private:
  struct Group {
    Position start, end, last;           // `last`: start of its last record
    base::Bytes bytes;                   // room for a file header, then the records
    std::vector<std::function<void()>> done;
    bool wanted = false;                 // a commit asked for it
  };
  struct Job;

  Group& collecting();
  std::unique_ptr<Group> fresh_group();
  void recycle(std::unique_ptr<Group> group);
  void start_soon();
  void start();
  void finished(const std::shared_ptr<Job>& job);
  void succeeded(Job& job);
  void fail(Job& job);

  std::shared_ptr<os::Dir> dir_;  // shared with jobs on the pool, which may outlive the log
  os::Loop& loop_;
  std::uint32_t lane_;
  std::uint64_t segment_bytes_;
  Told told_;

  std::deque<std::unique_ptr<Group>> groups_;     // the last one collects
  std::vector<std::unique_ptr<Group>> spare_;
  bool in_flight_ = false;
  std::shared_ptr<Job> job_;      // shared with the pool while it runs
  bool start_deferred_ = false;

  std::shared_ptr<os::File> file_;  // of the last job; shared with the pool
  Position file_start_;
  std::uint64_t file_bytes_ = 0;    // durable records in it
  std::shared_ptr<os::File> void_tail_;  // a file whose tail beyond void_from_ is not to be trusted
  std::uint64_t void_from_ = 0;
  bool may_exist_ = false;          // a failed attempt may have left a file of the next name

  Position end_;
  Position last_durable_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t commits_ = 0, failures_ = 0;
  base::Duration last_sync_{};
  base::Duration backoff_{};
  os::TimerId retry_ = os::TimerId::none;
  base::log::Throttle log_limit_{1, std::chrono::seconds(10)};
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // callbacks hold it weakly
};

}  // namespace selvedge::store
