// ArtifactIndex: what the artifact store knows besides the bytes themselves, as one small file.
//
// Layout: docs/spec/artifact_transfer.md. Decoding is bounded and trusts no count; a file that does
// not fit its checksum is Code::corrupt. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/artifact.h"

namespace selvedge::store {

struct ArtifactEntry {
  std::string name;
  std::uint64_t version = 0;
  std::string version_text, kind;
  model::Sha256 digest{};              // of the bytes
  model::Sha256 document{};            // of the signed manifest
  std::uint64_t size = 0, document_bytes = 0;
  bool whole = false, pinned = false, sealed = false;
  std::uint64_t wish = 0;              // grows with each wish, whatever the clock does
  base::Time wished{};                 // the same for people

  std::uint64_t charge() const { return size + document_bytes; }
  friend bool operator==(const ArtifactEntry&, const ArtifactEntry&) = default;
};

struct ArtifactIndex {
  static constexpr std::size_t max_entries = 1024, max_names = 10'000;
  static constexpr std::uint64_t max_bytes = 4 << 20;

  std::vector<ArtifactEntry> entries;
  std::map<std::string, std::uint64_t, std::less<>> newest;   // versions that were held, by name
  std::uint64_t last_wish = 0;

  friend bool operator==(const ArtifactIndex&, const ArtifactIndex&) = default;
};

base::Bytes encode(const ArtifactIndex& index);
base::Result<ArtifactIndex> decode_artifact_index(base::BytesView bytes);

}  // namespace selvedge::store
