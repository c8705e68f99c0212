// What a PrivateKey holds, and the steps that signing and reading of keys share. Private to crypto/.

#pragma once

#include <optional>
#include <string_view>

#include "crypto/openssl.h"
#include "crypto/private_key.h"
#include "crypto/signature.h"

namespace selvedge::crypto {

struct PrivateKey::Held {
  KeyPtr key;
  KeyKind kind{};
};

// Which of our kinds a key is, private or public, from any provider; nothing: another one.
std::optional<KeyKind> kind_of(const EVP_PKEY* key);

// The private key that OSSL_STORE finds under a URI (is_key_uri).
base::Result<KeyPtr> load_from_store(std::string_view uri);

// A public key from PEM of one or of a certificate.
base::Result<KeyPtr> parse_public_pem(std::string_view pem);

// Whether `key`, which must have passed check_public_key, made the signature.
Checked check_signature(EVP_PKEY* key, base::BytesView data, base::BytesView signature);

}  // namespace selvedge::crypto
