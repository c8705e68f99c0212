#include "net/api/access.h"

#include <array>
#include <memory>
#include <utility>

#include "crypto/crypto.h"

namespace selvedge::net::api {

using base::Code;
using http::Request;
using http::Respond;
using http::Response;

namespace {

constexpr std::array<std::string_view, 3> right_names = {"viewer", "operator", "admin"};

// A request that waits for its caller's name.
struct Waiting {
  Request request;
  Respond respond;
  os::Peer peer;          // a copy, once the handler has returned
};

http::Handler after_identifying(const Identify& identify,
                                std::function<void(const Caller&, Request, Respond)> inner) {
  return [identify, inner = std::move(inner)](Request request, Respond respond) {
    auto waiting = std::make_shared<Waiting>(std::move(request), std::move(respond), os::Peer{});
    auto answered = std::make_shared<bool>(false);
    identify(waiting->request, [waiting, answered, inner](base::Result<Caller> caller) {
      if (std::exchange(*answered, true)) return;
      if (!caller) return waiting->respond(refusal(caller.error()));
      inner(*caller, std::move(waiting->request), std::move(waiting->respond));
    });
    if (*answered || waiting->request.peer == nullptr) return;
    // The connection may be gone before the answer: what was known of it is not.
    waiting->peer = *waiting->request.peer;
    waiting->request.peer = &waiting->peer;
  };
}

}  // namespace

std::string_view name(Right right) { return right_names[static_cast<std::size_t>(right)]; }

base::Result<Right> parse_right(std::string_view text) {
  for (std::size_t i = 0; i < right_names.size(); ++i)
    if (right_names[i] == text) return static_cast<Right>(i);
  return base::fail(Code::invalid_input, "role: expected viewer, operator or admin");
}

std::string Caller::text() const {
  switch (kind) {
    case Kind::local: return "local";
    case Kind::device: return "device:" + name;
    case Kind::node: return "node:" + name;
    case Kind::operator_: return "operator:" + name;
    case Kind::nobody: break;
  }
  return "nobody";
}

bool Caller::may(Right wanted) const {
  return (kind == Kind::operator_ || kind == Kind::local) && right >= wanted;
}

std::string_view host_of(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  // A bare IPv6 address has more than one colon, and no port.
  const std::size_t colon = address.find(':');
  return colon == address.rfind(':') ? address.substr(0, colon) : address;
}

Caller caller_of(const os::Peer* peer) {
  Caller caller;
  if (peer == nullptr) return caller;
  caller.from = host_of(peer->address);
  if (const auto role = crypto::role_of(peer->uris)) {
    caller.name = role->name;
    switch (role->role) {
      case crypto::Role::operator_:
        caller.kind = Caller::Kind::operator_;
        caller.right = Right::administer;
        return caller;
      case crypto::Role::node: caller.kind = Caller::Kind::node; return caller;
      case crypto::Role::device: caller.kind = Caller::Kind::device; return caller;
      case crypto::Role::cloud: caller.name.clear(); break;
    }
  }
  if (!peer->loopback) return caller;
  caller.kind = Caller::Kind::local;
  caller.right = Right::administer;
  return caller;
}

http::Response refusal(const base::Error& why) {
  Response response = Response::problem(why);
  if (why.code == Code::denied) {
    response = Response::problem(401, base::name(why.code), why.message);
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"selvedge\"");
  } else if (why.code == Code::exhausted) {
    response = Response::problem(429, base::name(why.code), why.message);
    response.headers.emplace_back("Retry-After", "5");
  }
  return response;
}

bool changes_something(const Request& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

http::Handler require(const Identify& identify, Right right, CallerHandler inner) {
  return after_identifying(
      identify, [right, inner = std::move(inner)](const Caller& caller, Request request,
                                                  Respond respond) {
        if (caller.may(right)) return inner(caller, std::move(request), std::move(respond));
        const bool is_operator = caller.kind == Caller::Kind::operator_;
        respond(Response::problem(
            {Code::denied, is_operator
                               ? caller.text() + " is a " + std::string(name(caller.right)) +
                                     "; this needs the role " + std::string(name(right))
                               : caller.text() + " is no operator: an operator's certificate or "
                                                 "token is needed"}));
      });
}

http::Handler identified(const Identify& identify, CallerHandler inner) {
  return after_identifying(identify, std::move(inner));
}

}  // namespace selvedge::net::api
