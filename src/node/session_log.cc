#include "node/session_log.h"

#include <utility>

#include "base/log.h"

namespace selvedge::node {
namespace {

constexpr std::uint8_t snapshot_kind = 1;
constexpr std::uint8_t increment_kind = 2;
constexpr std::uint32_t log_lane = 12;

store::LogLimits limits() {
  store::LogLimits limits;
  limits.total_bytes = 1ULL << 30;
  limits.segment_bytes = 32ULL << 20;
  limits.record_bytes = 256ULL << 20;    // a snapshot: all queues and retained messages
  limits.pending_bytes = 512ULL << 20;
  // The oldest segments are superseded by the snapshot in front of the newest. On a full disk that is
  // not yet there: then nothing is dropped, and what cannot be written waits in memory.
  limits.when_full = store::WhenFull::drop_oldest;
  limits.keep_free_bytes = 0;
  return limits;
}

}  // namespace

base::Result<std::unique_ptr<SessionLog>> SessionLog::open(os::World& world, std::string_view state) {
  std::unique_ptr<SessionLog> made(new SessionLog);
  bool begun = false;
  std::uint64_t left_out = 0;
  made->log_ = TRY(store::SegmentLog::open(
      TRY(world.directory(std::string(state) + "/sessions", true)), world.loop(), log_lane, limits(),
      [&](const store::Record& record) -> base::Result<void> {
        if (record.kind == snapshot_kind) {
          made->records_.clear();
          begun = true;
        }
        // A crash may leave the end of a segment that was being deleted.
        if (begun) base::append(made->records_, record.payload);
        else ++left_out;
        return {};
      }));
  if (!begun && left_out > 0)
    base::log::error("sessions", "begin anew: there is no snapshot before what is left of the log",
                     {{"records", left_out}});
  return made;
}

void SessionLog::set_snapshot(std::function<void(base::Bytes&)> snapshot) {
  log_->on_new_segment([this, snapshot = std::move(snapshot)] {
    base::Bytes records;
    snapshot(records);
    snapshot_written_ = true;
    const auto at = log_->append(snapshot_kind, records);
    if (!at) {
      base::log::error("sessions", "snapshot not written", {{"why", at.error()}});
      return;
    }
    // Older segments may go only once the snapshot is on disk.
    log_->commit([this, first = store::Position{static_cast<std::uint64_t>(at->segment()) << 32}] {
      log_->trim(first);
    });
  });
}

void SessionLog::append(base::BytesView records) {
  pending_ = true;
  // A segment that begins here begins with a snapshot, and these records are in it already.
  snapshot_written_ = false;
  log_->prepare(records.size());
  if (snapshot_written_) return;
  const auto at = log_->append(increment_kind, records);
  if (!at) base::log::error("sessions", "state not written", {{"why", at.error()}});
}

void SessionLog::commit(std::function<void()> done) {
  pending_ = false;
  log_->commit(std::move(done));
}

}  // namespace selvedge::node
