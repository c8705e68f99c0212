// Seal: bytes that only the holder of one X25519 key can read.
//
// It is HPKE (RFC 9180), single-shot, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// ChaCha20-Poly1305. Base mode says nothing about who sealed: whoever knows the public key can.
// A sealed message is the 32 bytes of the ephemeral public key and the ciphertext with its tag.
// `info` and `associated` are authenticated, not carried; both sides must know them.
// Pure but for randomness; any thread; about 0.1 ms.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::crypto {

using SealKey = std::array<std::uint8_t, 32>;      // an X25519 key, public or private

struct SealKeyPair {
  SealKey secret{}, recipient{};                   // recipient: the public one, to seal for
};

inline constexpr std::size_t seal_overhead_bytes = 32 + 16;
inline constexpr std::size_t max_sealed_bytes = 64 << 20;

SealKeyPair make_seal_keys();
SealKey recipient_of(const SealKey& secret);

// Code::invalid_input if the recipient is a point of low order, with which no secret can be agreed.
base::Result<base::Bytes> seal(const SealKey& recipient, base::BytesView info,
                               base::BytesView associated, base::BytesView plain);
// Code::denied with one and the same message, whatever does not fit.
base::Result<base::Bytes> unseal(const SealKey& secret, base::BytesView info,
                                 base::BytesView associated, base::BytesView sealed);

// As text: PEM as `openssl genpkey -algorithm X25519` makes it, or base64 of the 32 bytes.
std::string to_pem(const SealKeyPair& keys);                        // private, PKCS#8
std::string to_text(const SealKey& recipient);                      // base64
base::Result<SealKey> parse_recipient(std::string_view text);       // PEM of the public key or base64
base::Result<SealKeyPair> parse_seal_keys(std::string_view pem);    // PEM of the private key

}  // namespace selvedge::crypto
