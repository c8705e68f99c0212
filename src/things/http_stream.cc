#include "things/http_stream.h"

#include "things/ditto_commands.h"
#include "things/event_stream.h"
#include "things/http_json.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;
using net::api::Caller;
using net::http::Request;

// Asks again who sent `request`: a token may have run out, a certificate been revoked.
std::function<void(std::function<void(bool)>)> asks_again(const net::api::Identify& identify,
                                                          const Request& request,
                                                          const Caller& caller) {
  struct Asker {
    Request request;
    os::Peer peer;
  };
  const auto asker = std::make_shared<Asker>(Asker{request, {}});
  asker->request.body.clear();
  if (request.peer != nullptr) {
    asker->peer = *request.peer;
    asker->request.peer = &asker->peer;
  }
  return [identify, asker, caller](std::function<void(bool)> told) {
    identify(asker->request, [asker, caller, told = std::move(told)](Result<Caller> now) {
      // Only a clear no is one: who cannot be looked up at the moment stays.
      if (now) told(now->kind == caller.kind && now->name == caller.name);
      else told(now.error().code != Code::denied);
    });
  };
}

void stream(const TwinRequest& r, Interest interest, const std::string& fields) {
  auto selector = FieldSelector::parse(fields);
  if (!selector) return r.respond(to_response(refused(selector.error())));
  EventStreamOptions options;
  options.fields = std::move(*selector);
  options.after = r.request.header("last-event-id");
  options.still_allowed = asks_again(r.api.routes.identify, r.request, r.caller);
  if (r.api.hub->listeners() >= r.api.routes.events.listeners)
    return r.respond(to_response(refused(429, "gateway:toomanyrequests",
                                         "too many listen to changes of twins already")));
  r.respond(event_stream(r.api.routes.world, r.api.hub, std::move(interest), std::move(options)));
}

Result<Interest> interest_in(const TwinRequest& r) {
  const auto seen = sight(r.caller, r.api.twins.here());
  if (!seen) return base::fail(Code::denied, r.caller.text() + " may not see twins");
  return interest_of(r.request, *seen);
}

}  // namespace

void stream_one(const TwinRequest& r, const TwinPath& path) {
  if (!may_see(r.caller, r.api.twins.here(), path.id))
    return r.respond(to_response(not_allowed(r.caller, "see the twin", path.id)));
  auto interest = interest_in(r);
  if (!interest) return r.respond(to_response(refused(interest.error())));
  interest->ids = {path.id};
  // A part is a field.
  std::string fields(r.request.parameter("fields").value_or(""));
  if (!path.pointer.empty())
    fields = path.pointer.substr(1) + (fields.empty() ? "" : "(" + fields + ")");
  stream(r, std::move(*interest), fields);
}

void stream_many(const TwinRequest& r) {
  auto interest = interest_in(r);
  if (!interest) return r.respond(to_response(refused(interest.error())));
  stream(r, std::move(*interest), std::string(r.request.parameter("fields").value_or("")));
}

void take_socket(TwinApiState& api, std::unique_ptr<os::Stream> stream, const Request& request,
                 base::Bytes early) {
  const auto slot = std::make_shared<std::weak_ptr<DittoSocket>>();
  Request asker = request;
  const os::Peer peer = stream->peer();
  asker.peer = &peer;
  // Who it is comes later; then it is asked again now and then.
  const auto again = std::make_shared<std::function<void(std::function<void(bool)>)>>();
  DittoSocketContext context{
      api.routes.world, api.twins, api.hub, api.routes.send, api.routes.sockets,
      [again](std::function<void(bool)> told) {
        if (*again) (*again)(std::move(told));
        else told(true);
      },
      [slot, weak = api.weak_from_this()] {
        const auto alive = weak.lock();
        if (const auto socket = slot->lock(); alive && socket) alive->sockets.erase(socket);
      }};
  const auto socket = ditto_socket(std::move(stream), std::move(early), std::move(context));
  *slot = socket;
  api.sockets.insert(socket);
  if (api.sockets.size() > api.routes.socket_connections)
    return socket->refuse({Code::exhausted, "too many WebSocket connections"});
  const auto identify = api.routes.identify;
  identify(asker, [slot, again, identify, here = api.twins.here(),
                   kept = std::make_shared<std::pair<Request, os::Peer>>(asker, peer)](
                      Result<Caller> caller) {
    const auto named = slot->lock();
    if (!named) return;
    if (!caller) return named->refuse(caller.error());
    if (!sight(*caller, here))
      return named->refuse({Code::denied, caller->text() + " may not see twins"});
    kept->first.peer = &kept->second;
    *again = asks_again(identify, kept->first, *caller);
    named->begin(*caller);
  });
}

}  // namespace selvedge::things
