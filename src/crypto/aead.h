// AEAD: ChaCha20-Poly1305 (RFC 8439) and, on it, long contents in chunks.
//
// A key and a nonce must never meet twice; who calls aead_seal answers for that. The chunk functions
// count nonces themselves. Pure; any thread.

#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::crypto {

using AeadKey = std::array<std::uint8_t, 32>;
using AeadNonce = std::array<std::uint8_t, 12>;
inline constexpr std::size_t aead_tag_bytes = 16;

// Appends ciphertext and tag to `out`.
void aead_seal(const AeadKey& key, const AeadNonce& nonce, base::BytesView associated,
               base::BytesView plain, base::Bytes& out);
// Appends the plain bytes to `out`; Code::denied, and nothing appended, if anything does not fit.
base::Result<void> aead_open(const AeadKey& key, const AeadNonce& nonce, base::BytesView associated,
                             base::BytesView sealed, base::Bytes& out);

AeadKey make_aead_key();

// Contents of any length under a key of their own, chunk by chunk (the STREAM construction of Hoang,
// Reyhanitabar, Rogaway and Vizar, 2015): chunk `index` has the nonce (11 bytes of index, big-endian;
// 1 if it is the last, else 0), so that none can be left out, put elsewhere or cut off, and each can
// be opened by itself. A sealed chunk is aead_tag_bytes longer than its plain bytes; every chunk but
// the last has the same length. An encrypted artifact is made so: its manifest's chunk_bytes counts
// ciphertext.
enum class Position : std::uint8_t { inside, last };
void seal_chunk(const AeadKey& key, std::uint64_t index, Position position, base::BytesView plain,
                base::Bytes& out);
base::Result<void> open_chunk(const AeadKey& key, std::uint64_t index, Position position,
                              base::BytesView sealed, base::Bytes& out);

}  // namespace selvedge::crypto
