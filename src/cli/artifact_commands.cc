#include <charconv>
#include <fstream>

#include "base/json.h"
#include "base/text.h"
#include "cli/artifact_push.h"
#include "cli/commands.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

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

Result<int> push(const Arguments& arguments, Session& session) {
  const std::string& path = arguments.positional[0];
  const std::string document = TRY(read_document(arguments.text("manifest", path + ".manifest")));
  TRY(compare(arguments, TRY(manifest_of(document))));
  auto api = TRY(ApiClient::cloud(arguments, session));
  const Pushed pushed = TRY(push_artifact(api, session, path, document));
  const model::ArtifactManifest& manifest = pushed.manifest;
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object()
        .field("name", manifest.name)
        .field("version", manifest.version)
        .field("digest", base::to_hex(manifest.digest))
        .field("size", manifest.size)
        .field("begun_at", pushed.begun_at)
        .field("sent", pushed.sent)
        .end_object();
    session.out.document(json.take());
  } else {
    session.out.line(manifest.name + " " + std::to_string(manifest.version) + " is pushed: " +
                     base::size_text(manifest.size) + ", " + base::size_text(pushed.sent) + " sent");
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
