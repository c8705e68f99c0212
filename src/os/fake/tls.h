// TLS without cryptography: certificates are text, and trust is a comparison of names.
//
//   certificate  "fake:CN=node-7;uri=urn:selvedge:node:7;dns=localhost;ca=fleet;serial=0a;not_after=1800000000"
//   key          "fake-key:0a" (or empty: not checked)
//   trusted      "fake-ca:fleet", several apart by spaces or lines
//
// `uri` and `dns` may be repeated; `not_before` and `not_after` are seconds since 1970, 0 or absent
// meaning no bound, checked against the wall clock of the machine that verifies. A client also
// checks that the server's CN or a `dns` is the name it wanted. PEM text is taken as well
// (pem_identity.h). As in TLS 1.3 the client is open before the server has seen its certificate, so
// a refused client sees on_open, then on_close.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "os/stream.h"

namespace selvedge::os::fake {

struct Certificate {
  std::string common_name;
  std::vector<std::string> uris;
  std::vector<std::string> dns;
  std::string ca = "fleet";
  std::string serial = "01";
  std::int64_t not_before = 0, not_after = 0;

  std::string text() const;
  static base::Result<Certificate> parse(std::string_view text);
};

// A TlsConfig for one side: its certificate, a fitting key, and the CA it trusts.
TlsConfig tls_config(const Certificate& own, std::string_view trusted_ca = "fleet");
// For a client without a certificate.
TlsConfig tls_config_without_certificate(std::string_view trusted_ca = "fleet");

// What one handshake uses: a parsed TlsConfig.
struct Identity {
  TlsConfig config;
  std::optional<Certificate> own;
  std::vector<std::string> trusted;

  static base::Result<std::shared_ptr<const Identity>> parse(const TlsConfig& config);
};

class FakeTls final : public Tls {
 public:
  explicit FakeTls(std::shared_ptr<const Identity> identity) : identity_(std::move(identity)) {}
  base::Result<void> replace(const TlsConfig& config) override;
  const std::shared_ptr<const Identity>& identity() const { return identity_; }

 private:
  std::shared_ptr<const Identity> identity_;
};

// Whether `self` may take `other`, at `wall`; fills what `peer` tells of a certificate.
base::Result<void> verify(const Identity& self, const std::optional<Certificate>& other,
                          base::Time wall, Peer& peer);
bool has_name(const Certificate& certificate, std::string_view name);

}  // namespace selvedge::os::fake
