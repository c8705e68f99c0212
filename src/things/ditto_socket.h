// ditto_socket: the Ditto protocol over WebSocket: commands in, answers and events out.
//
// Text messages are commands of the twin channel, live messages (live/messages/<subject>), or the
// words START-SEND-EVENTS[?filter=..&namespaces=..&extraFields=..] and STOP-SEND-EVENTS, answered by
// the same with ":ACK". Bounds: bytes of a message, commands on the way (beyond them nothing is read),
// unsent bytes (beyond them the connection is closed with 1008, "too slow"). A client that does not even
// answer pings is let go. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>

#include "os/world.h"
#include "things/command.h"
#include "things/event_hub.h"
#include "things/http_twins.h"

namespace selvedge::things {

struct DittoSocketLimits {
  std::size_t message_bytes = 256 << 10;
  std::size_t unsent_bytes = 1 << 20;
  std::size_t commands = 256;          // not answered yet
  base::Duration ping = std::chrono::seconds(30);
};

struct DittoSocketContext {
  os::World& world;
  Twins& twins;
  std::weak_ptr<EventHub> hub;
  SendCommand send;
  DittoSocketLimits limits;
  // Asked now and then whether the caller may still be here; may answer later.
  std::function<void(std::function<void(bool)>)> still_allowed;
  std::function<void()> closed;        // told once, after which it may be destroyed
};

class DittoSocket {
 public:
  virtual ~DittoSocket() = default;    // closes at once
  // Nothing is read before one of these is called.
  virtual void begin(const net::api::Caller& caller) = 0;
  virtual void refuse(const base::Error& why) = 0;
};

// Takes the stream behind the handshake and what came with it.
std::shared_ptr<DittoSocket> ditto_socket(std::unique_ptr<os::Stream> stream, base::Bytes early,
                                          DittoSocketContext context);

}  // namespace selvedge::things
