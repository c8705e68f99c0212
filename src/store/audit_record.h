// Audit records: what somebody changed, as one line of JSON, chained to the line before it.
//
// The bytes of a line are what counts: its hash is SHA-256 of the line as it stands, and the next
// line carries it as "previous". A record that is changed, removed, inserted or moved breaks the
// chain at that place, and `sha256sum` is enough to see it (docs/spec/audit_log.md). The chain alone
// does not keep somebody who owns the disk from writing it anew: for that there is the head, which
// is signed. Pure; any thread.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::store {

struct AuditEntry {
  std::string who, from;                 // "operator:alice", "192.0.2.7"
  std::string action, target;            // "node.revoke", "edge-1"
  std::string before, after;             // JSON or text; cut at 4 KiB
};

struct AuditRecord : AuditEntry {
  std::uint64_t seq = 0;                 // from 1
  base::Time at{};
  std::string previous;                  // hash of the record before, lower-case hex
};

inline constexpr std::size_t most_audit_line = 64 << 10;

// 64 zeros: what the first record follows.
std::string no_audit_hash();
std::string audit_hash(std::string_view line);
std::string write_audit_line(const AuditRecord& record);
// Code::corrupt if the line is no record.
base::Result<AuditRecord> read_audit_line(std::string_view line);

// How far the chain went when somebody who holds a key last vouched for it.
struct AuditHead {
  std::uint64_t first = 1, seq = 0;      // the oldest record kept, and the newest
  std::string hash;                      // of the newest
  base::Time at{};
  std::string signature;                 // as AuditSeal makes it; "" unsigned

  std::string signed_text() const;
};
std::string write_audit_head(const AuditHead& head);
base::Result<AuditHead> read_audit_head(std::string_view text);

// Who vouches for a head. `sign` may be empty (no key: the head is unsigned).
struct AuditSeal {
  std::function<base::Result<std::string>(std::string_view text)> sign;
  std::function<base::Result<void>(std::string_view text, std::string_view signature)> check;
};

struct AuditFault {
  std::uint64_t seq = 0;                 // the record at which it shows
  std::string what;
};

struct AuditVerdict {
  std::uint64_t first = 0, last = 0, records = 0;
  std::uint64_t covered = 0;             // the newest record that a head vouches for
  std::string hash;                      // of the newest record
  std::vector<AuditFault> faults;        // at most 100

  bool whole() const { return faults.empty(); }
};
std::string write_audit_verdict(const AuditVerdict& verdict);   // JSON

// Holds lines against each other and against a head, in order.
class AuditChain {
 public:
  // `head`: what must be there; its signature was checked by the caller.
  explicit AuditChain(std::optional<AuditHead> head) : head_(std::move(head)) {}

  void line(std::string_view line);
  // Something was found by other means: bytes that are no record.
  void fault(std::uint64_t seq, std::string what);
  AuditVerdict finish();
  std::uint64_t last() const { return verdict_.last; }
  const std::string& hash() const { return verdict_.hash; }

 private:
  std::optional<AuditHead> head_;
  AuditVerdict verdict_;
  bool head_met_ = false;
};

}  // namespace selvedge::store
