#include <charconv>
#include <fstream>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
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

Result<std::string> read_document(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::not_found, path + ": cannot be read; sign the file first (selvedge artifact sign)");
  std::string text(model::ArtifactLimits::document_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > model::ArtifactLimits::document_bytes)
    return fail(Code::invalid_input, path + ": too large for a signed manifest");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<model::ArtifactManifest> read_manifest(const std::string& document) {
  const auto envelope = TRY(codec::artifact::decode_envelope(document));
  if (envelope.type != codec::artifact::manifest_type)
    return fail(Code::invalid_input, "that is not a signed manifest");
  return codec::artifact::decode_manifest(base::as_text(envelope.payload));
}

Result<std::uint64_t> parse_version(std::string_view text) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version == 0)
    return fail(Code::invalid_input, "'" + std::string(text) + "' is not a version; expected a number from 1");
  return version;
}

// What was said on the command line must be what was signed.
Result<void> compare(const Arguments& arguments, const model::ArtifactManifest& manifest) {
  const auto differs = [&](std::string_view flag, const std::string& is) -> Result<void> {
    if (!arguments.has(flag) || arguments.text(flag) == is) return {};
    return fail(Code::invalid_input, "--" + std::string(flag) + " says " + arguments.text(flag) +
                                         ", the signed manifest says " + is);
  };
  TRY(differs("name", manifest.name));
  TRY(differs("version", std::to_string(manifest.version)));
  return differs("kind", manifest.kind);
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

Result<int> push(const Arguments& arguments, Session& session) {
  const std::string& path = arguments.positional[0];
  const std::string document = TRY(read_document(arguments.text("manifest", path + ".manifest")));
  const auto manifest = TRY(base::while_doing("signed manifest", read_manifest(document)));
  TRY(compare(arguments, manifest));
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, path + ": cannot be read");
  TRY(base::while_doing(path, check_file(file, manifest, session.out)));
  auto api = TRY(ApiClient::cloud(arguments, session));
  Upload upload{api, session, manifest, "/api/v1/artifacts/blobs/" + base::to_hex(manifest.digest)};
  if (manifest.size > 0) TRY(send(upload, file));
  TRY(api.request("PUT", "/api/v1/artifacts/" + manifest.name + "/" + std::to_string(manifest.version), document));
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object()
        .field("name", manifest.name)
        .field("version", manifest.version)
        .field("digest", base::to_hex(manifest.digest))
        .field("size", manifest.size)
        .field("begun_at", upload.begun_at)
        .field("sent", upload.sent)
        .end_object();
    session.out.document(json.take());
  } else {
    session.out.line(manifest.name + " " + std::to_string(manifest.version) + " is pushed: " +
                     base::size_text(manifest.size) + ", " + base::size_text(upload.sent) + " sent");
  }
  return 0;
}

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  std::string target = "/api/v1/artifacts";
  if (!arguments.positional.empty()) target += "/" + encode_query(arguments.positional[0]);
  print_rows(session.out, TRY(api.request("GET", target)),
             {{"name", "NAME"}, {"version", "VERSION"}, {"version_text", "CALLED"}, {"kind", "KIND"},
              {"size", "BYTES"}, {"sealed", "SEALED"}, {"pushed", "PUSHED"}, {"pushed_by", "BY"}, {"digest", "SHA-256"}});
  return 0;
}

Result<int> show(const Arguments& arguments, Session& session) {
  const std::string& name = arguments.positional[0];
  const std::uint64_t version = TRY(parse_version(arguments.positional[1]));
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string document =
      TRY(api.request("GET", "/api/v1/artifacts/" + encode_query(name) + "/" + std::to_string(version)));
  if (session.out.json()) {
    session.out.document(document);
    return 0;
  }
  const auto envelope = TRY(codec::artifact::decode_envelope(document));
  const auto m = TRY(codec::artifact::decode_manifest(base::as_text(envelope.payload)));
  std::vector<std::vector<std::string>> rows{
      {"name", m.name}, {"version", std::to_string(m.version)}, {"called", m.version_text}, {"kind", m.kind},
      {"bytes", std::to_string(m.size)}, {"sha-256", base::to_hex(m.digest)},
      {"chunks", std::to_string(m.chunks.size()) + " of " + base::size_text(m.chunk_bytes)},
      {"created", base::to_iso8601(m.created)}, {"expires", m.expires ? base::to_iso8601(*m.expires) : "never"}};
  for (const auto& t : m.targets)
    rows.push_back({"for", (t.arch.empty() ? "any" : t.arch) + ", " + (t.os.empty() ? "any" : t.os) +
                               (t.device_type.empty() ? "" : ", " + t.device_type)});
  for (const auto& d : m.depends) rows.push_back({"needs", d.name + " from " + std::to_string(d.version_least)});
  if (m.sealing)
    for (const auto& [node, key] : m.sealing->wrapped_keys) rows.push_back({"sealed for", node});
  for (const auto& [key, value] : m.attributes) rows.push_back({key, base::printable(value)});
  for (const auto& signature : envelope.signatures) rows.push_back({"signed by", base::printable(signature.key_id)});
  session.out.table({"WHAT", "VALUE"}, rows);
  return 0;
}

Result<int> remove(const Arguments& arguments, Session& session) {
  const std::uint64_t version = TRY(parse_version(arguments.positional[1]));
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string what = arguments.positional[0] + " " + std::to_string(version);
  TRY(api.request("DELETE", "/api/v1/artifacts/" + encode_query(arguments.positional[0]) + "/" + std::to_string(version)));
  if (session.out.json()) session.out.document("{\"removed\":true}");
  else session.out.line(what + " is removed from the cloud; nodes keep what they hold");
  return 0;
}

Result<int> on_node(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  print_rows(session.out, TRY(api.request("GET", "/api/v1/artifacts")),
             {{"name", "NAME"}, {"version", "VERSION"}, {"version_text", "CALLED"}, {"kind", "KIND"},
              {"state", "STATE"}, {"have", "HAVE"}, {"size", "BYTES"}, {"wished", "WISHED"}, {"pinned", "PINNED"},
              {"why", "WHY"}});
  return 0;
}

}  // namespace

std::vector<Command> artifact_commands() {
  return {
      {"artifact", "push", "FILE", 1, 1, "Bring a signed artifact to the cloud.",
       "The file's signed manifest comes from `selvedge artifact sign`. A push that was interrupted goes on where "
       "it ended when it is said again; the cloud lists the artifact only after it has verified signatures, size "
       "and every chunk.",
       {"selvedge artifact push model.onnx", "selvedge artifact push app.tar --manifest app-2.1.json"},
       cloud_flags({{"manifest", "FILE", "The signed manifest.", "FILE.manifest"},
                    {"name", "NAME", "Refuse if the manifest has another name."},
                    {"version", "N", "Refuse if the manifest has another version."},
                    {"kind", "KIND", "Refuse if the manifest has another kind."}}),
       push},
      {"artifact", "list", "[NAME]", 0, 1, "List the artifacts of the cloud, or the versions of one.", {},
       {"selvedge artifact list", "selvedge artifact list model --json"}, cloud_flags(), list},
      {"artifact", "show", "NAME VERSION", 2, 2, "Show an artifact's manifest; with --json as it was signed.", {},
       {"selvedge artifact show model 7"}, cloud_flags(), show},
      {"artifact", "rm", "NAME VERSION", 2, 2, "Remove a version of an artifact from the cloud.",
       "Nodes that hold it keep it; nodes that want it do not get it any more.",
       {"selvedge artifact rm model 6"}, cloud_flags(), remove},
      {"node", "artifacts", "", 0, 0, "Show the artifacts on a node's disk and what it is fetching.", {},
       {"selvedge node artifacts"}, node_flags(), on_node},
  };
}

}  // namespace selvedge::cli
