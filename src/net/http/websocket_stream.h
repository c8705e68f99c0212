// websocket_stream: an upgraded connection as a plain stream of bytes.
//
// The payload of binary messages, whatever their cuts, comes out as bytes; every write goes out as
// one binary message. Pings are answered, a close frame ends the stream, a text message or anything
// RFC 6455 forbids closes it with the fitting code. So a protocol that only wants bytes, such as
// MQTT, need not know that there is a WebSocket below it. Promises and threads as os::Stream.

#pragma once

#include <memory>

#include "base/bytes.h"
#include "codec/websocket/frame.h"
#include "os/world.h"

namespace selvedge::net::http {

// `early` are the bytes received behind the handshake; they are delivered in a later turn, once
// the stream has events.
std::unique_ptr<os::Stream> websocket_stream(os::World& world, std::unique_ptr<os::Stream> raw,
                                             codec::websocket::Role role, base::Bytes early = {});

}  // namespace selvedge::net::http
