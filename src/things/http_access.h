// http_access: who may see and change which twin.
//
//   viewer               sees all
//   operator, local      sees and changes all
//   node                 its own namespace: "<node>:*"
//   device               its own twin; changes what it reports and its attributes, not what is wished

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/twin.h"
#include "net/api/access.h"
#include "things/http_reply.h"

namespace selvedge::things {

// `here` is the name of the node that asks, "" in the cloud (where devices have no twin of their own
// accord: they speak to their node).
bool may_see(const net::api::Caller& caller, std::string_view here, std::string_view id);
bool may_change(const net::api::Caller& caller, std::string_view here, std::string_view id,
                std::string_view pointer);
// Sends commands to a device: operators, and the device's node.
bool may_command(const net::api::Caller& caller, std::string_view id);

// What a caller may see at most, for lists: a prefix of ids. Nothing: it may see none.
struct Sight {
  std::string prefix;                  // "", "edge-1:"
  std::string only;                    // one id, or ""
};
std::optional<Sight> sight(const net::api::Caller& caller, std::string_view here);

// 401 for nobody, else 403 with who could.
Reply not_allowed(const net::api::Caller& caller, std::string_view what, std::string_view id);

}  // namespace selvedge::things
