// The WebSocket opening handshake (RFC 6455, section 4), both ends.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http/http.h"
#include "net/http/router.h"

namespace selvedge::net::http {

// What a server says to `request` on a path that offers `sockets`: 101 and the one chosen, or a
// refusal and null.
struct Handshake {
  Response response;
  const Socket* chosen = nullptr;
};
Handshake shake_hands(const Request& request, const std::vector<Socket>& sockets);

// True if the request wants to become a WebSocket.
bool wants_websocket(const Request& request);

// The Sec-WebSocket-Accept that answers `key`.
std::string accept_key(std::string_view key);

}  // namespace selvedge::net::http
