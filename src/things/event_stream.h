// event_stream: changes of twins as server-sent events (WHATWG HTML, 9.2): one message a change, with
// thingId and what changed, as Ditto's. Removals come as "thing_deleted".
//
// A client that comes back with Last-Event-ID hears what it missed as far as that is kept; if it is
// not, a "reset" tells it to read its twins again. A client that takes its events too slowly gets a
// last "end" with the reason and is let go: nothing waits for it.

#pragma once

#include <memory>
#include <string>

#include "net/http/http.h"
#include "things/event_hub.h"
#include "things/http_json.h"

namespace selvedge::things {

struct EventStreamOptions {
  FieldSelector fields;                // of what is told
  std::string after;                   // Last-Event-ID; "" for none
  base::Duration heartbeat = std::chrono::seconds(15);
  std::size_t unsent_bytes = 256 << 10;
  // Asked now and then whether the client may still listen; may answer later.
  std::function<void(std::function<void(bool)>)> still_allowed;
};

// The response that keeps telling, for as long as there is the hub.
net::http::Response event_stream(os::World& world, std::weak_ptr<EventHub> hub, Interest interest,
                                 EventStreamOptions options);

// {"thingId":"edge-1:pump","features":{..}} of what changed; "" if nothing of it is selected.
std::string event_json(const TwinNews& news, const FieldSelector& fields);

}  // namespace selvedge::things
