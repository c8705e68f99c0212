// Access: who asks, and what they may do: the one place where a certificate, a token or the address
// becomes a Caller.
//
// Operators have a role: a viewer reads, an operator changes what runs (twins, artifacts), an admin
// changes who may (tokens, certificates, keys, nodes). Nodes and devices have what is their own.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "net/http/http.h"

namespace selvedge::net::api {

enum class Right : std::uint8_t { view, operate, administer };
std::string_view name(Right right);        // viewer, operator, admin
base::Result<Right> parse_right(std::string_view text);

struct Caller {
  enum class Kind : std::uint8_t { nobody, local, device, node, operator_ };
  Kind kind = Kind::nobody;
  std::string name;                        // "alice", "edge-1"; "" if local
  Right right = Right::view;               // of an operator; a local caller is an admin of its node
  std::string from;                        // address, for the audit log

  std::string text() const;                // "operator:alice", "node:edge-1", "local"
  bool may(Right wanted) const;            // operators and local callers only
  bool is(Kind wanted, std::string_view named) const { return kind == wanted && name == named; }
};

// Who the transport says this is: by the certificate, else local if it comes from this machine,
// else nobody. An operator's certificate is an admin's.
Caller caller_of(const os::Peer* peer);
// "1.2.3.4:5" and "[v6]:5" without the port.
std::string_view host_of(std::string_view address);

// Finds out who sends a request; may look up a token, so it answers later. Code::denied with what to
// do about it; Code::exhausted when this source has been wrong too often lately (HTTP 429).
using Identify = std::function<void(const http::Request&, std::function<void(base::Result<Caller>)>)>;
using CallerHandler =
    std::function<void(const Caller& caller, http::Request request, http::Respond respond)>;

// Lets operators and local callers with this right through; others get 401 or 403.
// The peer of the request is there for `inner` only if `identify` answered at once.
http::Handler require(const Identify& identify, Right right, CallerHandler inner);
// Lets everyone through that could be identified (nodes and devices too); `inner` decides.
http::Handler identified(const Identify& identify, CallerHandler inner);

// The answer to one who could not be identified: 401 with a challenge, 429, 503.
http::Response refusal(const base::Error& why);
// GET, HEAD and OPTIONS change nothing; every other method may.
bool changes_something(const http::Request& request);

// Told of every change that somebody made: for the audit log. While records cannot be written,
// `identify` refuses every request that changes something (Code::unavailable).
struct Change {
  std::string action, target;              // "twin.edit", "edge-1:pump"
  std::string before, after;               // JSON or text, cut at 4 KiB; "" if there is none
};
using Audit = std::function<void(const Caller& who, Change what)>;
// The same before the change is made: `then` hears that the record is on disk, or why not, and the
// change must not be made in that case. For what changes who may.
using AuditFirst = std::function<void(const Caller& who, Change what,
                                      std::function<void(base::Result<void>)> then)>;

}  // namespace selvedge::net::api
