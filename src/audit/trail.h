// Trail: the audit log of a daemon, as its HTTP interface uses it.
//
// Every change that somebody made is told to note() or, where it is about who may do what, written
// by first() before it is made. While records cannot be written, may_change() refuses every request
// that could change something: a change whose record would be missing is not made. Loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "audit/seal.h"
#include "base/metrics.h"
#include "net/api/access.h"
#include "store/audit_log.h"

namespace selvedge::audit {

class Trail {
 public:
  // In the folder <state>/audit.
  static base::Result<std::unique_ptr<Trail>> open(os::World& world, std::string_view state,
                                                   std::uint64_t total_bytes, Voucher voucher,
                                                   base::Registry& metrics);

  void note(const net::api::Caller& who, net::api::Change what);
  void first(const net::api::Caller& who, net::api::Change what,
             std::function<void(base::Result<void>)> then);
  // Code::unavailable if the request may change something and its record could not be written.
  base::Result<void> may_change(const net::http::Request& request);

  // GET /api/v1/audit, .../verify, .../head, .../export: for admins.
  void add_routes(net::http::Server& server, const net::api::Identify& identify);
  // Signs with another certificate from now on.
  void reseal(Voucher voucher) { log_->reseal(seal_with(std::move(voucher))); }
  void close(std::function<void()> done) { log_->close(std::move(done)); }
  store::AuditLog& log() { return *log_; }

 private:
  explicit Trail(std::unique_ptr<store::AuditLog> log) : log_(std::move(log)) {}

  std::unique_ptr<store::AuditLog> log_;
};

// Calls `inner` only once the change is on record; answers 503 otherwise. `describe` says what is
// about to be changed.
net::api::CallerHandler recorded(
    const net::api::AuditFirst& first,
    std::function<net::api::Change(const net::http::Request&)> describe,
    net::api::CallerHandler inner);

}  // namespace selvedge::audit
