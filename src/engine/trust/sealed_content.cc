#include "engine/trust/sealed_content.h"

#include "base/text.h"

namespace selvedge::engine {
namespace {

constexpr std::string_view info = "selvedge artifact content key v1";

// Names hold no NUL, so no two triples give the same bytes.
base::Bytes bound_to(std::string_view artifact, std::uint64_t version, std::string_view node) {
  std::string text(artifact);
  text += '\0';
  text += std::to_string(version);
  text += '\0';
  text += node;
  return base::to_bytes(text);
}

}  // namespace

base::Result<base::Bytes> wrap_content_key(const crypto::AeadKey& key, const crypto::SealKey& recipient,
                                           std::string_view artifact, std::uint64_t version,
                                           std::string_view node) {
  return base::while_doing("wrap the content key for " + base::printable(node),
                           crypto::seal(recipient, base::as_bytes(info),
                                        bound_to(artifact, version, node), key));
}

base::Result<crypto::AeadKey> unwrap_content_key(const model::ArtifactManifest& manifest,
                                                 std::string_view node, const crypto::SealKey& secret) {
  const std::string step = "read the content key of artifact " + manifest.name;
  if (!manifest.sealing) return base::fail(base::Code::invalid_input, step + ": it is not sealed");
  const auto wrapped = manifest.sealing->wrapped_keys.find(std::string(node));
  if (wrapped == manifest.sealing->wrapped_keys.end())
    return base::fail(base::Code::denied, step + ": it is not sealed for " + base::printable(node));
  const base::Bytes bytes = TRY(base::while_doing(
      step, crypto::unseal(secret, base::as_bytes(info), bound_to(manifest.name, manifest.version, node),
                           wrapped->second)));
  crypto::AeadKey key;
  if (bytes.size() != key.size())
    return base::fail(base::Code::denied, step + ": what was sealed is no key");
  std::ranges::copy(bytes, key.begin());
  return key;
}

base::Result<void> open_content_chunk(const model::ArtifactManifest& manifest,
                                      const crypto::AeadKey& key, std::uint64_t index,
                                      base::BytesView chunk, base::Bytes& out) {
  const auto position =
      index + 1 == manifest.chunks.size() ? crypto::Position::last : crypto::Position::inside;
  return crypto::open_chunk(key, index, position, chunk, out);
}

}  // namespace selvedge::engine
