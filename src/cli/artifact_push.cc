#include "cli/artifact_push.h"

#include <charconv>
#include <fstream>

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"
#include "crypto/hasher.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t piece_bytes = 4 << 20;
constexpr int attempts = 8;

Result<model::ArtifactManifest> read_manifest(const std::string& document) {
  const auto envelope = TRY(codec::artifact::decode_envelope(document));
  if (envelope.type != codec::artifact::manifest_type)
    return fail(Code::invalid_input, "that is not a signed manifest");
  return codec::artifact::decode_manifest(base::as_text(envelope.payload));
}

void show_progress(Out& out, std::string_view what, std::uint64_t done, std::uint64_t size) {
  constexpr std::size_t width = 30;
  const std::size_t filled = size == 0 ? width : static_cast<std::size_t>(done * width / size);
  out.progress(std::string(what) + " [" + std::string(filled, '#') + std::string(width - filled, '.') + "] " +
               base::size_text(done) + " of " + base::size_text(size));
}

// The file is what was signed; said here, because the cloud would only say so in the end.
Result<void> check_file(std::ifstream& file, const model::ArtifactManifest& manifest, Out& out) {
  crypto::Hasher hasher;
  base::Bytes piece(1 << 20);
  std::uint64_t size = 0;
  while (file.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
    const auto count = static_cast<std::size_t>(file.gcount());
    hasher.add(base::BytesView(piece).first(count));
    size += count;
    show_progress(out, "checking", size, std::max(size, manifest.size));
  }
  out.progress_done();
  if (size != manifest.size || hasher.finish() != manifest.digest)
    return fail(Code::conflict, "the file is not the one that was signed: sign it again");
  file.clear();
  return {};
}

struct Upload {
  ApiClient& api;
  Session& session;
  const model::ArtifactManifest& manifest;
  std::string target;
  std::uint64_t begun_at = 0, sent = 0;
};

// How many of the bytes the cloud has.
Result<std::uint64_t> ask_have(Upload& upload) {
  const auto answer = TRY(upload.api.exchange("HEAD", upload.target));
  if (answer.status == 200) return upload.manifest.size;
  if (answer.status != 404) return std::unexpected(problem_of(answer.status, answer.body));
  std::uint64_t have = 0;
  const std::string_view text = answer.header("upload-offset");
  std::from_chars(text.data(), text.data() + text.size(), have);
  return std::min(have, upload.manifest.size - 1);
}

Result<std::uint64_t> send_piece(Upload& upload, std::ifstream& file, std::uint64_t at) {
  const std::uint64_t size = upload.manifest.size;
  std::string body(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - at)), '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(at));
  if (!file.read(body.data(), static_cast<std::streamsize>(body.size())))
    return fail(Code::conflict, "the file changed while it was being pushed");
  const auto digest = crypto::sha256(base::as_bytes(body));
  const std::size_t count = body.size();
  const auto answer = TRY(upload.api.exchange(
      "PUT", upload.target, std::move(body),
      {{"content-type", "application/octet-stream"},
       {"content-range", "bytes " + std::to_string(at) + "-" + std::to_string(at + count - 1) + "/" + std::to_string(size)},
       {"content-digest", "sha-256=:" + base::to_base64(digest) + ":"}}));
  if (answer.status == 409) return ask_have(upload);   // another push, or one of ours that was not answered
  if (answer.status >= 400) return std::unexpected(problem_of(answer.status, answer.body));
  upload.sent += count;
  return at + count;
}

// Piece by piece from where an earlier push ended. A link that breaks is tried again.
Result<void> send(Upload& upload, std::ifstream& file) {
  std::optional<std::uint64_t> at;
  for (int failures = 0;;) {
    auto next = at ? send_piece(upload, file, *at) : ask_have(upload);
    if (next && !at) upload.begun_at = upload.sent == 0 ? *next : upload.begun_at;
    if (next) {
      if (at && *next > *at) failures = 0;
      else if (at && ++failures >= attempts) return fail(Code::conflict, "another push of these bytes is under way");
      at = *next;
      show_progress(upload.session.out, "pushing", *at, upload.manifest.size);
      if (*at == upload.manifest.size) break;
      continue;
    }
    if (next.error().code != Code::unavailable || ++failures >= attempts) {
      upload.session.out.progress_done();
      return std::unexpected(std::move(next).error().while_doing("push; say it again to go on from there"));
    }
    at.reset();
    wait_for<bool>(upload.session.world, [&](auto done) {
      upload.session.world.loop().after(std::chrono::milliseconds(200) * (1 << failures), [done] { done(true); });
    });
  }
  upload.session.out.progress_done();
  return {};
}

}  // namespace

Result<model::ArtifactManifest> manifest_of(const std::string& document) {
  return base::while_doing("signed manifest", read_manifest(document));
}

Result<Pushed> push_artifact(ApiClient& api, Session& session, const std::string& path, const std::string& document) {
  Pushed pushed{.manifest = TRY(manifest_of(document))};
  const model::ArtifactManifest& manifest = pushed.manifest;
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, path + ": cannot be read");
  TRY(base::while_doing(path, check_file(file, manifest, session.out)));
  Upload upload{api, session, manifest, "/api/v1/artifacts/blobs/" + base::to_hex(manifest.digest)};
  if (manifest.size > 0) TRY(send(upload, file));
  TRY(push_manifest(api, manifest, document));
  pushed.begun_at = upload.begun_at;
  pushed.sent = upload.sent;
  return pushed;
}

Result<void> push_manifest(ApiClient& api, const model::ArtifactManifest& manifest, const std::string& document) {
  TRY(api.request("PUT", "/api/v1/artifacts/" + manifest.name + "/" + std::to_string(manifest.version), document));
  return {};
}

}  // namespace selvedge::cli
