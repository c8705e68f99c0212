#include "cli/artifact_maker.h"

#include <fstream>
#include <functional>

#include "base/text.h"
#include "crypto/hasher.h"
#include "engine/trust/sealed_content.h"

namespace selvedge::cli {
namespace {

using base::Code;
using base::fail;
using base::Result;

// Calls `take` with each `piece_bytes` of the file, and whether it is the last.
Result<void> each_piece(const std::string& path, std::size_t piece_bytes, Out& out,
                        const std::function<Result<void>(base::BytesView, bool)>& take) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::not_found, path + ": cannot be read");
  base::Bytes piece(piece_bytes);
  std::uint64_t read = 0;
  for (bool last = false; !last;) {
    in.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (in.bad()) return fail(Code::unavailable, path + ": reading it failed");
    last = in.peek() == std::ifstream::traits_type::eof();
    read += count;
    if (read > model::ArtifactLimits::bytes)
      return fail(Code::invalid_input, path + ": larger than " + base::size_text(model::ArtifactLimits::bytes));
    TRY(take(base::BytesView(piece).first(count), last));
    out.progress(path + ": " + base::size_text(read));
  }
  out.progress_done();
  return {};
}

}  // namespace

Result<void> measure_file(const std::string& path, model::ArtifactManifest& manifest, Out& out) {
  crypto::Hasher whole;
  TRY(each_piece(path, manifest.chunk_bytes, out, [&](base::BytesView piece, bool) -> Result<void> {
    if (piece.empty()) return {};                 // an empty file
    whole.add(piece);
    manifest.size += piece.size();
    manifest.chunks.push_back(crypto::sha256(piece));
    return {};
  }));
  manifest.digest = whole.finish();
  return {};
}

Result<void> seal_file(const std::string& path, const std::string& sealed_path,
                       const std::map<std::string, crypto::SealKey>& recipients,
                       model::ArtifactManifest& manifest, Out& out) {
  const crypto::AeadKey key = crypto::make_aead_key();
  manifest.sealing.emplace();
  for (const auto& [node, recipient] : recipients)
    manifest.sealing->wrapped_keys[node] =
        TRY(engine::wrap_content_key(key, recipient, manifest.name, manifest.version, node));
  std::ofstream to(sealed_path, std::ios::binary | std::ios::trunc);
  if (!to) return fail(Code::invalid_input, sealed_path + ": cannot be written");
  crypto::Hasher whole;
  base::Bytes sealed;
  const std::size_t plain_bytes = manifest.chunk_bytes - crypto::aead_tag_bytes;
  TRY(each_piece(path, plain_bytes, out, [&](base::BytesView piece, bool last) -> Result<void> {
    sealed.clear();
    crypto::seal_chunk(key, manifest.chunks.size(), last ? crypto::Position::last : crypto::Position::inside,
                       piece, sealed);
    whole.add(sealed);
    manifest.size += sealed.size();
    manifest.chunks.push_back(crypto::sha256(sealed));
    to.write(reinterpret_cast<const char*>(sealed.data()), static_cast<std::streamsize>(sealed.size()));
    if (!to) return fail(Code::exhausted, sealed_path + ": writing it failed");
    return {};
  }));
  to.close();
  if (!to) return fail(Code::exhausted, sealed_path + ": writing it failed");
  manifest.digest = whole.finish();
  return {};
}

Result<void> compare_file(const std::string& path, const model::ArtifactManifest& manifest, Out& out) {
  std::uint64_t size = 0;
  std::size_t chunk = 0;
  crypto::Hasher whole;
  TRY(each_piece(path, manifest.chunk_bytes, out, [&](base::BytesView piece, bool) -> Result<void> {
    if (piece.empty()) return {};
    size += piece.size();
    whole.add(piece);
    if (chunk >= manifest.chunks.size() || crypto::sha256(piece) != manifest.chunks[chunk])
      return fail(Code::corrupt, path + ": chunk " + std::to_string(chunk) + " is not what was signed");
    ++chunk;
    return {};
  }));
  if (size != manifest.size || whole.finish() != manifest.digest)
    return fail(Code::corrupt, path + ": it is not what was signed");
  return {};
}

}  // namespace selvedge::cli
