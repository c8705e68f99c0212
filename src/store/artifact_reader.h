// ArtifactReader: an artifact's bytes, chunk by chunk, verified each time they are read.
//
// Of a sealed artifact it gives the plain bytes; they exist in memory only, one chunk at a time.
// The file may be evicted meanwhile: an open reader keeps reading. Blocks: one thread at a time.

#pragma once

#include <memory>
#include <optional>

#include "crypto/aead.h"
#include "model/artifact.h"
#include "os/files.h"

namespace selvedge::store {

class ArtifactReader {
 public:
  using Manifest = std::shared_ptr<const model::ArtifactManifest>;

  // `key` is that of the contents, if they are sealed. Code::not_found if the bytes are not there.
  static base::Result<std::unique_ptr<ArtifactReader>> open(os::Dir& dir, Manifest manifest,
                                                            std::optional<crypto::AeadKey> key);

  const model::ArtifactManifest& manifest() const { return *manifest_; }
  std::uint64_t chunks() const { return manifest_->chunks.size(); }
  std::uint64_t plain_size() const;
  std::uint64_t plain_chunk() const;               // bytes of each chunk but the last
  // Code::corrupt if the disk does not give what was verified; tell ArtifactStore::damaged().
  base::Result<void> read(std::uint64_t chunk, base::Bytes& into);

 private:
  ArtifactReader(Manifest manifest, std::optional<crypto::AeadKey> key,
                 std::unique_ptr<os::File> file)
      : manifest_(std::move(manifest)), key_(key), file_(std::move(file)) {}

  Manifest manifest_;
  std::optional<crypto::AeadKey> key_;
  std::unique_ptr<os::File> file_;
  base::Bytes sealed_;
};

}  // namespace selvedge::store
