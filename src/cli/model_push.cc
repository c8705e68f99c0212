// `selvedge model push`: a package is signed, brought to the cloud, and wished for on nodes.
// `selvedge model rollback`: what an earlier version was, as a new one.

#include "base/json.h"
#include "base/text.h"
#include "cli/artifact_push.h"
#include "cli/artifact_sign.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "cli/model_fleet.h"
#include "codec/artifact/documents.h"
#include "engine/trust/trust.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

std::uint64_t newest(const std::vector<ModelVersion>& versions) { return versions.empty() ? 0 : versions.front().version; }

Result<std::optional<std::int64_t>> priority_of(const Arguments& arguments) {
  if (!arguments.has("priority")) return std::nullopt;
  return TRY(arguments.integer("priority", 0, 0, 1000));
}

// Of an earlier version, believed only because our own keys signed it.
Result<model::ArtifactManifest> own_manifest(ApiClient& api, Session& session, const Keyring& ring, const std::string& name,
                                             std::uint64_t version) {
  const std::string document = TRY(api.request("GET", "/api/v1/artifacts/" + encode_query(name) + "/" + std::to_string(version)));
  const auto claimed = TRY(manifest_of(document));
  engine::Place place;
  if (!claimed.targets.empty())
    place = {.arch = claimed.targets[0].arch, .os = claimed.targets[0].os, .device_types = {claimed.targets[0].device_type}};
  const auto trust = TRY(base::while_doing(ring.path(), engine::Trust::begin(ring.envelope())));
  engine::ArtifactAsk wanted;
  wanted.name = name;
  wanted.version = version;
  return TRY(base::while_doing("version " + std::to_string(version), trust.check(document, wanted, place, session.world.loop().wall_now()))).manifest;
}

// The newest version whose bytes are others than those of the present one; 0: none.
std::uint64_t before_the_newest(const std::vector<ModelVersion>& versions) {
  for (const ModelVersion& version : versions)
    if (version.digest != versions.front().digest) return version.version;
  return 0;
}

}  // namespace

Result<int> push_model(const Arguments& arguments, Session& session) {
  const std::string& path = arguments.positional[0];
  const ModelFile file = TRY(open_model(session, path));
  if (file.form != ModelForm::package)
    return fail(Code::invalid_input, path + " is no package; `selvedge model import " + path + "` makes one");
  ModelWish wish{.name = arguments.text("name", file.package.description.name), .digest = {}, .priority = TRY(priority_of(arguments))};
  const auto patience = TRY(patience_of(arguments));
  auto api = TRY(ApiClient::cloud(arguments, session));
  // Whatever can be found wrong is found before anything is signed.
  std::vector<std::string> nodes;
  if (arguments.has("nodes")) nodes = TRY(matching_nodes(api, arguments.list("nodes")));
  else if (patience) return fail(Code::invalid_input, "--wait: for which nodes? say --nodes");
  Arguments signing = arguments;
  for (const char* own : {"nodes", "wait", "patience", "priority"}) signing.flags.erase(own);
  signing.flags["name"] = wish.name;
  signing.flags["kind"] = "model";
  if (!arguments.has("version")) signing.flags["version"] = std::to_string(newest(TRY(model_versions(api, wish.name))) + 1);
  const SignedArtifact made = TRY(sign_artifact(signing, session));
  if (made.signatures.missing > 0)
    return fail(Code::denied, "signed, but " + std::to_string(made.signatures.missing) + " more signatures are needed: selvedge artifact sign --add-to " +
                                  made.manifest_file + " with other keys, then selvedge artifact push");
  const Pushed pushed = TRY(push_artifact(api, session, made.file, made.document));
  wish.version = pushed.manifest.version;
  wish.digest = base::to_hex(pushed.manifest.digest);
  const auto outcomes = TRY(wish_model(api, session, nodes, wish, patience));
  return print_outcomes(session, wish, outcomes,
                        wish.name + " " + std::to_string(wish.version) + " is signed and pushed: " + base::size_text(pushed.manifest.size) +
                            ", " + base::size_text(pushed.sent) + " sent" +
                            (nodes.empty() ? "; no node is told of it (--nodes)" : ""),
                        [&](base::JsonWriter& json) {
                          json.field("size", pushed.manifest.size).field("sent", pushed.sent)
                              .field("sealed", pushed.manifest.sealing.has_value()).field("manifest", made.manifest_file);
                        });
}

Result<int> rollback_model(const Arguments& arguments, Session& session) {
  const std::string& name = arguments.positional[0];
  const auto patience = TRY(patience_of(arguments));
  const auto ring = TRY(Keyring::open(session.world, arguments.text("keys", "keys")));
  auto api = TRY(ApiClient::cloud(arguments, session));
  const auto versions = TRY(model_versions(api, name));
  if (versions.empty()) return fail(Code::not_found, "the cloud has no model '" + base::printable(name) + "'");
  const auto to = static_cast<std::uint64_t>(TRY(arguments.integer(
      "to", static_cast<std::int64_t>(before_the_newest(versions)), 1, static_cast<std::int64_t>(codec::artifact::max_version))));
  if (to == 0) return fail(Code::not_found, name + ": there is no earlier version in the cloud");
  model::ArtifactManifest manifest = TRY(own_manifest(api, session, ring, name, to));
  if (manifest.kind != "model") return fail(Code::invalid_input, name + " is no model");
  if (manifest.sealing)
    return fail(Code::invalid_input, name + " " + std::to_string(to) +
                                         " is sealed, and its key fits that version only: push the earlier package again with --seal-for");
  std::vector<std::string> nodes;
  if (arguments.has("nodes")) {
    nodes = TRY(matching_nodes(api, arguments.list("nodes")));
  } else {
    for (const NodeModel& model : TRY(models_on_nodes(api)))
      if (model.name == name && model.wished > 0) nodes.push_back(model.node);
  }
  manifest.version = newest(versions) + 1;
  manifest.created = session.world.loop().wall_now();
  manifest.created.ns -= manifest.created.ns % 1'000'000'000;
  manifest.expires.reset();
  manifest.attributes["rolled-back-to"] = std::to_string(to);
  codec::artifact::Envelope envelope;
  const SignatureCount count = TRY(sign_manifest(ring, manifest, envelope));
  if (count.missing > 0)
    return fail(Code::denied, "a model needs " + std::to_string(count.made + count.missing) + " signatures, and these keys make " + std::to_string(count.made) +
                                  ": sign the earlier package with `selvedge artifact sign`");
  TRY(push_manifest(api, manifest, codec::artifact::encode(envelope)));
  const ModelWish wish{.name = name, .version = manifest.version, .digest = base::to_hex(manifest.digest), .priority = {}};
  const auto outcomes = TRY(wish_model(api, session, nodes, wish, patience));
  return print_outcomes(session, wish, outcomes,
                        name + " " + std::to_string(manifest.version) + " is what " + std::to_string(to) + " was; no bytes were sent",
                        [&](base::JsonWriter& json) { json.field("rolled_back_to", to); });
}

}  // namespace selvedge::cli
