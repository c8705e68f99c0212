#include "audit/trail.h"

#include <utility>

#include "base/log.h"

namespace selvedge::audit {

using base::Result;
using net::api::Caller;
using net::api::Change;

namespace {

constexpr std::uint32_t audit_lane = 0x41750001;

store::AuditEntry entry_of(const Caller& who, Change what) {
  return {who.text(),           who.from,
          std::move(what.action), std::move(what.target),
          std::move(what.before), std::move(what.after)};
}

}  // namespace

Result<std::unique_ptr<Trail>> Trail::open(os::World& world, std::string_view state,
                                           std::uint64_t total_bytes, Voucher voucher,
                                           base::Registry& metrics) {
  store::AuditLimits limits;
  limits.total_bytes = total_bytes;
  std::unique_ptr<Trail> made(
      new Trail(TRY(store::AuditLog::open(world, std::string(state) + "/audit", audit_lane, limits,
                                          seal_with(std::move(voucher))))));
  const store::AuditLog* const log = made->log_.get();
  metrics.counter_from("selvedge_audit_records_total", "Changes put on record.",
                       [log] { return static_cast<double>(log->stats().records); });
  metrics.counter_from("selvedge_audit_refused_total", "Records that could not be written.",
                       [log] { return static_cast<double>(log->stats().refused); });
  metrics.gauge_from("selvedge_audit_faults", "Places where the log was not as written, at the start.",
                     [log] { return static_cast<double>(log->stats().faults_at_open); });
  return made;
}

void Trail::note(const Caller& who, Change what) {
  base::ignore(log_->append(entry_of(who, std::move(what))),
               "the log counts and reports it, and refuses what comes after");
}

void Trail::first(const Caller& who, Change what, std::function<void(Result<void>)> then) {
  log_->append(entry_of(who, std::move(what)), std::move(then));
}

Result<void> Trail::may_change(const net::http::Request& request) {
  if (!net::api::changes_something(request)) return {};
  return log_->writable();
}

net::api::CallerHandler recorded(const net::api::AuditFirst& first,
                                 std::function<Change(const net::http::Request&)> describe,
                                 net::api::CallerHandler inner) {
  return [first, describe = std::move(describe), inner = std::move(inner)](
             const Caller& who, net::http::Request request, net::http::Respond respond) {
    Change what = describe(request);
    request.peer = nullptr;   // the record may take longer than the connection lives
    first(who, std::move(what),
          [who, request = std::move(request), respond = std::move(respond),
           inner](const Result<void>& written) mutable {
            if (!written) return respond(net::http::Response::problem(written.error()));
            inner(who, std::move(request), std::move(respond));
          });
  };
}

}  // namespace selvedge::audit
