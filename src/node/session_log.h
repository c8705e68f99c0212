// SessionLog: the broker's durable state on disk: sessions, their queues, retained messages.
//
// A log of increments whose every segment begins with a snapshot, so that older segments can go at
// once. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "os/world.h"
#include "store/segment_log.h"

namespace selvedge::node {

class SessionLog {
 public:
  static base::Result<std::unique_ptr<SessionLog>> open(os::World& world, std::string_view state);

  // What an earlier run left: a snapshot and what came after it, as one run of records.
  base::Bytes take_records() { return std::move(records_); }
  // How to get a snapshot when a segment begins; set before the first append.
  void set_snapshot(std::function<void(base::Bytes&)> snapshot);

  void append(base::BytesView records);
  bool pending() const { return pending_; }
  void commit(std::function<void()> done);
  // The same for who only wants to know: what is pending stays so for the next commit.
  void when_durable(std::function<void()> done) { log_->commit(std::move(done)); }

 private:
  SessionLog() = default;

  std::unique_ptr<store::SegmentLog> log_;
  base::Bytes records_;
  bool pending_ = false;
  bool snapshot_written_ = false;
};

}  // namespace selvedge::node
