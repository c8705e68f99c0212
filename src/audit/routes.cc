// The HTTP paths of the audit log. docs/reference/http.md lists them.

#include "audit/trail.h"
#include "base/json.h"
#include "base/text.h"

namespace selvedge::audit {

using base::Code;
using base::JsonWriter;
using base::Result;
using net::api::Caller;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::int64_t most_listed = 10'000;
constexpr std::size_t worth_waiting = 256 << 10;   // of an export that the client has not taken

Result<store::AuditFilter> filter_of(const Request& request) {
  store::AuditFilter filter;
  filter.who = request.parameter("who").value_or("");
  filter.action = request.parameter("action").value_or("");
  filter.target = request.parameter("target").value_or("");
  if (const auto from = request.parameter("from"))
    filter.from = TRY(base::while_doing("from", base::parse_time(*from)));
  if (const auto to = request.parameter("to"))
    filter.to = TRY(base::while_doing("to", base::parse_time(*to)));
  const auto limit = base::parse_int(request.parameter("limit").value_or("100"));
  if (!limit || *limit < 1 || *limit > most_listed)
    return base::fail(Code::invalid_input, "limit: expected 1 to 10000");
  filter.limit = static_cast<std::uint64_t>(*limit);
  return filter;
}

void list(store::AuditLog& log, const Request& request, const Respond& respond) {
  auto filter = filter_of(request);
  if (!filter) return respond(Response::problem(filter.error()));
  log.list(std::move(*filter), [respond](const std::vector<std::string>& lines) {
    JsonWriter json;
    json.begin_array();
    for (const std::string& line : lines) json.raw(line);
    respond(Response::json(json.end_array().take()));
  });
}

void verify(store::AuditLog& log, const Respond& respond) {
  log.verify([respond](const store::AuditVerdict& verdict) {
    respond(Response::json(store::write_audit_verdict(verdict)));
  });
}

// Of everything so far, so that an export that begins with it has no end that could be cut off unseen.
void head(store::AuditLog& log, const Respond& respond) {
  log.vouch([&log, respond] {
    if (!log.head()) return respond(Response::problem({Code::not_found, "there is no head yet"}));
    respond(Response::json(store::write_audit_head(*log.head())));
  });
}

// A line a record, the oldest first, as it stands: what `sha256sum` can be held against.
void export_all(store::AuditLog& log, const Respond& respond) {
  Response response;
  response.content_type = "application/x-ndjson";
  response.stream = [&log](const std::shared_ptr<net::http::BodyWriter>& body) {
    log.each(
        [body](const std::vector<std::string>& lines, const store::AuditLog::More& more) {
          for (const std::string& line : lines) {
            body->write(base::as_bytes(line));
            body->write(base::as_bytes("\n"));
          }
          if (body->unsent() < worth_waiting) return more();
          // Whichever comes: taken, or gone, in which case what follows is written to nobody.
          auto once = std::make_shared<store::AuditLog::More>(more);
          const auto go_on = [once] {
            if (const auto next = std::exchange(*once, nullptr)) next();
          };
          body->on_drained(go_on);
          body->on_closed(go_on);
        },
        [body] { body->finish(); });
  };
  respond(std::move(response));
}

}  // namespace

void Trail::add_routes(net::http::Server& server, const net::api::Identify& identify) {
  const auto route = [&](std::string_view path, auto function) {
    server.route("GET", path,
                 net::api::require(identify, net::api::Right::administer,
                                   [log = log_.get(), function](const Caller&, const Request& request,
                                                                const Respond& respond) {
                                     function(*log, request, respond);
                                   }));
  };
  route("/api/v1/audit", list);
  route("/api/v1/audit/verify", [](store::AuditLog& log, const Request&, const Respond& respond) {
    verify(log, respond);
  });
  route("/api/v1/audit/head", [](store::AuditLog& log, const Request&, const Respond& respond) {
    head(log, respond);
  });
  route("/api/v1/audit/export", [](store::AuditLog& log, const Request&, const Respond& respond) {
    export_all(log, respond);
  });
}

}  // namespace selvedge::audit
