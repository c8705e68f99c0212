#include "things/http_access.h"

namespace selvedge::things {

using net::api::Caller;
using net::api::Right;

namespace {

bool is_own_twin(const Caller& caller, std::string_view here, std::string_view id) {
  return caller.kind == Caller::Kind::device && !here.empty() && model::twin_node(id) == here &&
         model::twin_device(id) == caller.name;
}

bool is_own_namespace(const Caller& caller, std::string_view id) {
  return caller.is(Caller::Kind::node, model::twin_node(id));
}

// "/attributes.." or "/features/F/properties.."
bool is_reported(std::string_view pointer) {
  if (pointer == "/attributes" || pointer.starts_with("/attributes/")) return true;
  if (!pointer.starts_with("/features/")) return false;
  const std::size_t end = pointer.find('/', std::string_view("/features/").size());
  if (end == std::string_view::npos) return false;
  const std::string_view half = pointer.substr(end);
  return half == "/properties" || half.starts_with("/properties/");
}

}  // namespace

bool may_see(const Caller& caller, std::string_view here, std::string_view id) {
  return caller.may(Right::view) || is_own_namespace(caller, id) || is_own_twin(caller, here, id);
}

bool may_change(const Caller& caller, std::string_view here, std::string_view id,
                std::string_view pointer) {
  return caller.may(Right::operate) || is_own_namespace(caller, id) ||
         (is_own_twin(caller, here, id) && is_reported(pointer));
}

bool may_command(const Caller& caller, std::string_view id) {
  return caller.may(Right::operate) || is_own_namespace(caller, id);
}

std::optional<Sight> sight(const Caller& caller, std::string_view here) {
  if (caller.may(Right::view)) return Sight{};
  if (caller.kind == Caller::Kind::node) return Sight{caller.name + ":", {}};
  if (caller.kind == Caller::Kind::device && !here.empty()) {
    const std::string id = model::twin_id(here, caller.name);
    return Sight{id, id};
  }
  return std::nullopt;
}

Reply not_allowed(const Caller& caller, std::string_view what, std::string_view id) {
  const std::string of = id.empty() ? std::string() : " of '" + std::string(id) + "'";
  if (caller.kind == Caller::Kind::nobody) {
    Reply reply = refused(401, "gateway:authentication.failed",
                          std::string(what) + of + ": say who you are (a token or a certificate)");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"selvedge\"");
    return reply;
  }
  std::string message = caller.text() + " may not " + std::string(what) + of;
  if (caller.kind == Caller::Kind::operator_) message += "; the role \"operator\" is needed";
  if (caller.kind == Caller::Kind::device)
    message += "; a device has /attributes and /features/F/properties of its own twin";
  if (caller.kind == Caller::Kind::node) message += "; a node has the twins of its own namespace";
  return refused(403, "things:thing.notallowed", std::move(message));
}

}  // namespace selvedge::things
