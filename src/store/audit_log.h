// AuditLog: every change that somebody made, on disk in the order it happened, so that a record that
// was changed, removed, inserted or moved afterwards shows.
//
// Records are lines of a hash chain (audit_record.h) in a segment log, written and synced in groups.
// Within a second of a change, after every 256, when a segment goes, and at close() the head of the
// chain is signed and replaces <dir>/head.json: cutting off the end of the log shows by it. What was
// cut off is not covered up by going on: the next record is numbered, and chained, after the head.
//
// Bounded: beyond AuditLimits::total_bytes the oldest segment goes, and the head says from where on
// the chain is kept. A record that cannot be written (full disk, failing disk) is refused, and until
// the log takes records again writable() says so, for the caller to refuse changes by. Records that
// were taken and whose sync fails wait in memory and are written again.
// Belongs to the loop thread; writes run on the pool.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/world.h"
#include "store/audit_record.h"
#include "store/segment_log.h"

namespace selvedge::store {

struct AuditLimits {
  std::uint64_t total_bytes = 64 << 20;
  std::uint64_t segment_bytes = 1 << 20;
  std::uint64_t keep_free_bytes = 4 << 20;   // of the disk
};

// Which records; empty fields take all. `action` and `target` are taken as a beginning.
struct AuditFilter {
  std::string who = {}, action = {}, target = {};
  base::Time from{INT64_MIN}, to{INT64_MAX};
  std::uint64_t limit = 100;
};

struct AuditStats {
  std::uint64_t records = 0;             // appended since the start
  std::uint64_t refused = 0;             // could not be written
  std::uint64_t heads = 0;
  std::uint64_t faults_at_open = 0;
};

class AuditLog {
 public:
  static base::Result<std::unique_ptr<AuditLog>> open(os::World& world, std::string_view path,
                                                      std::uint32_t lane, AuditLimits limits,
                                                      AuditSeal seal);
  ~AuditLog();

  // Takes a record, or refuses it: Code::unavailable. It is durable with the next group.
  base::Result<void> append(AuditEntry entry);
  // The same; `done` hears when it is on disk, or within ten seconds that it is not. In the second
  // case it may still be written later.
  void append(AuditEntry entry, std::function<void(base::Result<void>)> done);
  // Whether a change may be made now, that is whether its record could be written.
  base::Result<void> writable();

  // Lines, the newest first. `done` is called later.
  void list(AuditFilter filter, std::function<void(std::vector<std::string>)> done);
  // Every line, the oldest first, a segment at a time: `lines` says through its argument when it
  // can take more. After the last one `done`.
  using More = std::function<void()>;
  void each(std::function<void(const std::vector<std::string>& lines, More more)> lines,
            std::function<void()> done);
  // Holds the whole log against its chain and its head.
  void verify(std::function<void(AuditVerdict)> done);
  // Signs a head for what is there now; `done` after that, or after five seconds of a bad disk.
  void vouch(std::function<void()> done);
  // As it was last written.
  const std::optional<AuditHead>& head() const { return head_; }

  // Has another vouch for the head from now on, and for what is there already.
  void reseal(AuditSeal seal);

  AuditStats stats() const { return stats_; }
  std::size_t segments() const { return log_->segments().size(); }
  // Writes what is there and signs it; does not wait longer than five seconds for a bad disk.
  void close(std::function<void()> done);

 private:
  using Lines = std::vector<std::string>;

  AuditLog(os::World& world, std::uint32_t lane, AuditLimits limits, AuditSeal seal);
  base::Result<void> load(std::string_view path);
  base::Result<void> add(AuditEntry entry);
  void commit_soon();
  void commit(std::function<void()> then);
  void make_room();
  void sign_later();
  void sign(std::function<void()> then);
  void signed_as(base::Result<AuditHead> head);
  Lines lines_of(std::uint32_t segment);
  void visit(std::vector<std::uint32_t> segments, std::size_t next,
             std::function<void(const Lines& lines, More more)> lines, std::function<void()> done);
  std::optional<AuditHead> read_head(AuditChain& faults) const;
  AuditHead next_head() const;

  os::World& world_;
  std::uint32_t lane_;
  AuditLimits limits_;
  AuditSeal seal_;
  std::shared_ptr<os::Dir> dir_;         // of the head; shared with a job that writes it
  std::unique_ptr<SegmentLog> log_;
  std::optional<AuditHead> head_;
  std::uint64_t first_ = 1;              // the oldest record kept
  std::uint64_t seq_ = 0;                // of the newest record
  std::string hash_;
  std::uint64_t durable_seq_ = 0;
  std::string durable_hash_;
  bool signing_ = false, sign_again_ = false, commit_planned_ = false;
  std::uint32_t walks_ = 0;              // readers under way: no segment goes meanwhile
  os::TimerId sign_timer_{};
  std::vector<std::function<void()>> after_signing_;
  std::uint64_t failures_seen_ = 0;      // of the segment log, when it was last well
  std::uint64_t lost_ = 0;               // records refused since the log last took one
  base::Instant tried_{INT64_MIN / 2};   // the last attempt after a refusal
  AuditStats stats_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::store
