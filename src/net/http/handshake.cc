#include "net/http/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "net/http/parser.h"

namespace selvedge::net::http {

namespace {

Handshake refuse(int status, std::string_view detail) {
  Handshake out;
  out.response = Response::problem(status, "invalid_input", detail);
  return out;
}

}  // namespace

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, 1.3
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  CHECK(done == 1);
  return base::to_base64({digest.data(), size});
}

bool wants_websocket(const Request& request) {
  return has_token(request.header("upgrade"), "websocket") &&
         has_token(request.header("connection"), "upgrade");
}

Handshake shake_hands(const Request& request, const std::vector<Socket>& sockets) {
  if (request.method != "GET") return refuse(400, "a WebSocket begins with GET");
  if (request.header("sec-websocket-version") != "13") {
    Handshake out = refuse(426, "only version 13 of WebSocket is spoken here");
    out.response.headers = {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}};
    return out;
  }
  const std::string_view key = request.header("sec-websocket-key");
  const auto nonce = base::from_base64(key);
  if (!nonce || nonce->size() != 16) return refuse(400, "Sec-WebSocket-Key is not 16 bytes");

  const std::string_view offered = request.header("sec-websocket-protocol");
  const auto at = std::find_if(sockets.begin(), sockets.end(), [&](const Socket& socket) {
    return socket.subprotocol.empty() || has_token(offered, socket.subprotocol);
  });
  if (at == sockets.end()) {
    return refuse(400, "none of the offered subprotocols is spoken here; offer \"" +
                           sockets.front().subprotocol + "\"");
  }
  Handshake out;
  out.chosen = &*at;
  out.response.status = 101;
  out.response.headers = {{"Upgrade", "websocket"},
                          {"Connection", "Upgrade"},
                          {"Sec-WebSocket-Accept", accept_key(key)}};
  if (!at->subprotocol.empty()) {
    out.response.headers.emplace_back("Sec-WebSocket-Protocol", at->subprotocol);
  }
  return out;
}

}  // namespace selvedge::net::http
