// TlsTickets: the keys under which a server's session tickets are sealed.
//
// A ticket lets a client that comes back leave out the certificates, at half the price of a full
// handshake, so tickets must outlive the process and a change of the listeners' trust: after a
// restart a whole fleet comes back at once. So the keys are derived (HMAC-SHA-256) from the server's
// private key and from the time: there is no further secret to keep, copies of a server that share
// the key take each other's tickets, and a key serves for twelve hours and then one more such span.
// Only for TLS 1.3, where a ticket's key does not open recorded traffic (each resumption makes new
// keys, psk_dhe_ke); and not for a key that stays in a token: both keep OpenSSL's own, random keys.
//
// A ticket counts only where the same authorities are trusted as when it was given out.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace selvedge::os {

class TlsTickets {
 public:
  explicit TlsTickets(std::string_view private_key);

  // Has `context` seal its tickets by these keys; this must outlive it.
  void serve(ssl_ctx_st* context);

  struct Key {
    std::array<std::uint8_t, 16> name;
    std::array<std::uint8_t, 32> cipher, mac;
  };
  Key key(std::int64_t span) const;

 private:
  static int use(ssl_st* ssl, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher,
                 evp_mac_ctx_st* mac, int sealing);

  std::array<std::uint8_t, 32> secret_;
};

}  // namespace selvedge::os
