#include "store/artifact_reader.h"

#include "crypto/crypto.h"
#include "engine/trust/sealed_content.h"
#include "store/artifact_files.h"
#include "store/artifact_writer.h"

namespace selvedge::store {

using base::Code;
using base::Result;

Result<std::unique_ptr<ArtifactReader>> ArtifactReader::open(os::Dir& dir, Manifest manifest,
                                                             std::optional<crypto::AeadKey> key) {
  if (manifest->sealing.has_value() != key.has_value())
    return base::fail(Code::denied, "the key does not go with the artifact");
  auto file = TRY(dir.open(artifact_file(manifest->digest, "blob"), os::Open::existing));
  return std::unique_ptr<ArtifactReader>(
      new ArtifactReader(std::move(manifest), key, std::move(file)));
}

std::uint64_t ArtifactReader::plain_size() const {
  const std::uint64_t tags = key_ ? chunks() * crypto::aead_tag_bytes : 0;
  return manifest_->size > tags ? manifest_->size - tags : 0;
}

std::uint64_t ArtifactReader::plain_chunk() const {
  return manifest_->chunk_bytes - (key_ ? crypto::aead_tag_bytes : 0);
}

Result<void> ArtifactReader::read(std::uint64_t chunk, base::Bytes& into) {
  if (chunk >= chunks()) return base::fail(Code::invalid_input, "there is no such chunk");
  const std::uint64_t length = chunk_length(*manifest_, chunk);
  base::Bytes& bytes = key_ ? sealed_ : into;
  TRY(file_->read(chunk * manifest_->chunk_bytes, static_cast<std::size_t>(length), bytes));
  if (bytes.size() != length || crypto::sha256(bytes) != manifest_->chunks[chunk])
    return base::fail(Code::corrupt, manifest_->name + ": chunk " + std::to_string(chunk) +
                                         " is damaged on this disk");
  if (!key_) return {};
  into.clear();
  return engine::open_content_chunk(*manifest_, *key_, chunk, sealed_, into);
}

}  // namespace selvedge::store
