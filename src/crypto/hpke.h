// HPKE's inside (RFC 9180): what seal() does once the ephemeral key is chosen. Private to crypto/.

#pragma once

#include "crypto/aead.h"
#include "crypto/seal.h"

namespace selvedge::crypto {

// X25519 (RFC 7748). Code::invalid_input if the point is of low order, so that the result is zero.
base::Result<SealKey> x25519(const SealKey& secret, const SealKey& point);

// seal() with a given ephemeral key: for known answers. Never use one twice.
base::Result<base::Bytes> seal_with(const SealKey& ephemeral_secret, const SealKey& recipient,
                                    base::BytesView info, base::BytesView associated,
                                    base::BytesView plain);

}  // namespace selvedge::crypto
