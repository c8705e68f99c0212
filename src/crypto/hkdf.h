// HKDF with SHA-256 (RFC 5869), its two steps. Pure; any thread.

#pragma once

#include <span>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace selvedge::crypto {

Digest hmac_sha256(base::BytesView key, base::BytesView data);
Digest hkdf_extract(base::BytesView salt, base::BytesView input_key);
// Fills `out`, at most 255 * 32 bytes.
void hkdf_expand(base::BytesView pseudorandom_key, base::BytesView info, std::span<std::uint8_t> out);

}  // namespace selvedge::crypto
