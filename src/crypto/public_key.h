// Which public keys an authority certifies. Private to crypto/.

#pragma once

#include "crypto/openssl.h"

namespace selvedge::crypto {

// RSA of 2048 to 8192 bits, the NIST curves P-256, P-384 and P-521 by name, and Ed25519;
// Code::invalid_input for anything else, null included.
base::Result<void> check_public_key(EVP_PKEY* key);

// What to sign with under `key`: Ed25519 brings its own digest and takes none.
const EVP_MD* signing_digest(const EVP_PKEY* key);

}  // namespace selvedge::crypto
