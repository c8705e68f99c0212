// Artifact: signed, content-addressed bytes (a model, a task's bundle, an update), and the documents
// that say what they are and who may sign them.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace selvedge::model {

using Sha256 = std::array<std::uint8_t, 32>;

// The most a manifest may say; whatever is larger is refused before anything is made of it.
struct ArtifactLimits {
  static constexpr std::uint64_t bytes = 16ULL << 30;
  static constexpr std::uint32_t chunk_bytes_least = 64 << 10, chunk_bytes_most = 8 << 20;
  static constexpr std::uint32_t chunks = 65'536;
  static constexpr std::uint32_t document_bytes = 4 << 20;   // a manifest or keys document, as sent
  static constexpr std::uint32_t list = 64;                  // targets, dependencies, signatures
};

// Where an artifact may run. Empty text: anything.
struct ArtifactTarget {
  std::string arch, os, device_type;
};

struct ArtifactDependency {
  std::string name;                        // of another artifact
  std::uint64_t version_least = 0;
};

// Sealed for its readers: the bytes that travel and that `digest` names are the ciphertext.
struct ArtifactSealing {
  // node name -> content key wrapped for it (X25519 + HKDF-SHA256 + ChaCha20-Poly1305).
  std::map<std::string, base::Bytes> wrapped_keys;
};

struct ArtifactManifest {
  std::string name;                        // 1 to 64 of [A-Za-z0-9._-], no leading '.' or '-'
  std::uint64_t version = 0;               // grows; a node never goes back (anti-rollback)
  std::string version_text;                // for people: "2.1.0"
  std::string kind;                        // "model", "task", "software", "data", ...
  std::uint64_t size = 0;                  // bytes
  Sha256 digest{};                         // of all bytes; the artifact's address
  std::uint32_t chunk_bytes = 1 << 20;     // the last chunk may be shorter
  std::vector<Sha256> chunks;
  std::vector<ArtifactTarget> targets;     // empty: everywhere
  std::vector<ArtifactDependency> depends;
  base::Time created{};
  std::optional<base::Time> expires;
  std::optional<ArtifactSealing> sealing;
  std::map<std::string, std::string> attributes;   // free, for the kind's own use
};

}  // namespace selvedge::model
