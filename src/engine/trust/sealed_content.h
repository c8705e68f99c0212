// Sealed content: the key of an encrypted artifact, wrapped for the nodes that may read it.
//
// The content is encrypted chunk by chunk under a key of its own (crypto/aead.h), so that each chunk
// can be verified as it travels and decrypted alone. The key is sealed for each node (crypto/seal.h)
// together with the artifact's name, version and the node's name: a wrapped key fits no other
// manifest. Pure but for randomness; any thread.

#pragma once

#include <string_view>

#include "crypto/aead.h"
#include "crypto/seal.h"
#include "model/artifact.h"

namespace selvedge::engine {

// For ArtifactSealing::wrapped_keys[node].
base::Result<base::Bytes> wrap_content_key(const crypto::AeadKey& key, const crypto::SealKey& recipient,
                                           std::string_view artifact, std::uint64_t version,
                                           std::string_view node);
// Code::denied: not sealed for this node, or for another key of it.
base::Result<crypto::AeadKey> unwrap_content_key(const model::ArtifactManifest& manifest,
                                                 std::string_view node, const crypto::SealKey& secret);

// Decrypts chunk `index` of the artifact as it was received and appends it to `out`.
base::Result<void> open_content_chunk(const model::ArtifactManifest& manifest,
                                      const crypto::AeadKey& key, std::uint64_t index,
                                      base::BytesView chunk, base::Bytes& out);

}  // namespace selvedge::engine
