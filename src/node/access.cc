#include <utility>

#include "base/log.h"
#include "net/api/access.h"
#include "node/state.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Change;

namespace {

// A page of some other site in a browser on this machine is not a local caller. Programs send no
// Origin; a page of ours sends the one it was loaded from.
bool is_foreign_page(const net::http::Request& request) {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const std::size_t begin = origin.find("://");
  return begin == std::string_view::npos || origin.substr(begin + 3) != request.header("host");
}

}  // namespace

audit::Voucher Node::State::voucher() const {
  if (!identity) return {};
  return {identity->certificate, identity->key, identity->authority,
          crypto::role_uri(crypto::Role::node, identity->name)};
}

Result<void> Node::State::open_access() {
  trail = TRY(audit::Trail::open(world, config.state, config.audit_bytes.bytes, voucher(), metrics));
  metrics.counter_from("selvedge_wrong_passwords_total", "Passwords of devices that were wrong.",
                       [this] { return static_cast<double>(devices->wrong().failures()); });
  metrics.counter_from("selvedge_sources_refused_total",
                       "Logins refused because their source was wrong too often.",
                       [this] { return static_cast<double>(devices->wrong().refusals()); });
  return {};
}

// A device may show a password, as by MQTT. A certificate says more than the address.
void Node::State::identify(const net::http::Request& request,
                           std::function<void(Result<Caller>)> answer) {
  if (auto well = trail->may_change(request); !well) return answer(std::unexpected(well.error()));
  Caller caller = net::api::caller_of(request.peer);
  Credentials credentials = credentials_of(request);
  if (credentials.has_password) {
    devices->admit(std::move(credentials),
                   [from = caller.from, answer = std::move(answer)](Result<std::string> device) {
                     if (!device) return answer(std::unexpected(device.error()));
                     answer(Caller{Caller::Kind::device, std::move(*device), {}, from});
                   });
    return;
  }
  if (request.header("authorization").starts_with("Bearer "))
    return answer(base::fail(Code::denied,
                             "tokens are for the cloud: a node takes callers on its machine, "
                             "certificates, and devices' passwords"));
  const bool local = caller.kind == Caller::Kind::local;
  if (local && is_foreign_page(request))
    return answer(base::fail(Code::denied, "not for pages of another site"));
  if (caller.kind == Caller::Kind::nobody || (local && !config.local_admin))
    return answer(base::fail(Code::denied, config.local_admin
                                               ? "only from this machine, or with an operator's certificate"
                                               : "an operator's certificate is needed"));
  answer(std::move(caller));
}

void Node::State::audit(const Caller& who, Change what) { trail->note(who, std::move(what)); }

void Node::State::audit_first(const Caller& who, Change what, std::function<void(Result<void>)> then) {
  trail->first(who, std::move(what), std::move(then));
}

}  // namespace selvedge::node
