// PrivateKey: a signing key in memory or behind a provider (PKCS#11), which it then never leaves.
//
// Wherever a private key is taken as text (make_csr, check_pair, TLS), the text is either PEM or a
// URI, and load_private_key is the one place that tells them apart:
//
//   -----BEGIN PRIVATE KEY-----       PEM, PKCS#8 or the traditional forms, without a passphrase
//   pkcs11:token=edge;object=node     RFC 7512; needs a PKCS#11 provider that OpenSSL's own
//                                     configuration (OPENSSL_CONF) names or that is installed as
//                                     "pkcs11"; the PIN comes by pin-source= or pin-value=
//   store:<uri>                       anything else that OSSL_STORE opens: store:file:/etc/node.key
//
// Loading from a token blocks; it belongs on the pool. A PrivateKey may be shared between threads.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::crypto {

enum class KeyKind : std::uint8_t { ed25519, ecdsa_p256, rsa_pss };
std::string_view name(KeyKind kind);               // "ed25519", "ecdsa-p256", "rsa-pss"
std::optional<KeyKind> parse_key_kind(std::string_view text);

class PrivateKey {
 public:
  struct Held;                                      // OpenSSL's; crypto/openssl.h knows it

  explicit PrivateKey(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  const Held& held() const { return *held_; }

  // The public half as SubjectPublicKeyInfo, PEM.
  base::Result<std::string> public_pem() const;
  // For <openssl/ssl.h> in os/: an EVP_PKEY*, alive as long as this is.
  void* native() const;

 private:
  std::shared_ptr<const Held> held_;
};

// True for what load_private_key takes as a URI.
bool is_key_uri(std::string_view text);

// Code::not_found: the URI names nothing; Code::unavailable: no provider for it is configured, and
// the message says what to configure; Code::invalid_input: not a private key.
base::Result<PrivateKey> load_private_key(std::string_view pem_or_uri);

// A new key as PKCS#8 PEM. `rsa_bits` counts for RSA only: 3072 to 8192. RSA takes up to seconds.
base::Result<std::string> make_private_key(KeyKind kind, unsigned rsa_bits = 3072);

}  // namespace selvedge::crypto
