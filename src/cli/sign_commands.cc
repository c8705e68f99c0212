#include "base/json.h"
#include "base/text.h"
#include "cli/artifact_maker.h"
#include "cli/artifact_sign.h"
#include "cli/commands.h"
#include "codec/artifact/documents.h"
#include "engine/trust/trust.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

std::vector<std::string> parts(std::string_view text, char between) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(between), text.size());
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

// "x86_64/linux/boiler": each part may be left out or empty.
Result<void> set_targets(const Arguments& arguments, model::ArtifactManifest& manifest) {
  for (const std::string& text : parts(arguments.text("target"), ',')) {
    const auto words = parts(text, '/');
    if (words.empty() || words.size() > 3)
      return fail(Code::invalid_input, "--target: expected ARCH/OS/DEVICE-TYPE, as in x86_64/linux");
    model::ArtifactTarget& target = manifest.targets.emplace_back();
    target.arch = words[0];
    if (words.size() > 1) target.os = words[1];
    if (words.size() > 2) target.device_type = words[2];
  }
  return {};
}

// "runtime>=3,base"
Result<void> set_dependencies(const Arguments& arguments, model::ArtifactManifest& manifest) {
  for (const std::string& text : parts(arguments.text("depends"), ',')) {
    const std::size_t at = text.find(">=");
    model::ArtifactDependency& dependency = manifest.depends.emplace_back();
    dependency.name = text.substr(0, at);
    if (at == text.npos) continue;
    const auto version = base::parse_int(text.substr(at + 2));
    if (!version || *version < 0)
      return fail(Code::invalid_input, "--depends: expected NAME>=VERSION, as in runtime>=3");
    dependency.version_least = static_cast<std::uint64_t>(*version);
  }
  return {};
}

Result<void> set_attributes(const Arguments& arguments, model::ArtifactManifest& manifest) {
  for (const std::string& text : parts(arguments.text("attributes"), ',')) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
      return fail(Code::invalid_input, "--attributes: expected KEY=VALUE, as in input=float32");
    manifest.attributes[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return {};
}

// "edge-1=<base64>,edge-2=<file>"
Result<std::map<std::string, crypto::SealKey>> recipients(const Arguments& arguments, Session& session) {
  std::map<std::string, crypto::SealKey> all;
  for (const std::string& text : parts(arguments.text("seal-for"), ',')) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos)
      return fail(Code::invalid_input,
                  "--seal-for: expected NODE=KEY; `selvedge keys recipient` on the node prints its KEY");
    const std::string node = text.substr(0, equals), said = text.substr(equals + 1);
    auto key = crypto::parse_recipient(said);
    if (!key) {
      const auto file = os::read_text(session.world, said, 64 << 10);
      if (file) key = crypto::parse_recipient(*file);
    }
    all[node] = TRY(base::while_doing("--seal-for " + node, std::move(key)));
  }
  return all;
}

Result<model::ArtifactManifest> describe(const Arguments& arguments, Session& session) {
  model::ArtifactManifest manifest;
  if (!arguments.has("name") || !arguments.has("version") || !arguments.has("kind"))
    return fail(Code::invalid_input, "--name, --version and --kind are needed");
  manifest.name = arguments.text("name");
  if (manifest.name == "keys" || manifest.name == "blobs")
    return fail(Code::invalid_input, "an artifact cannot be named " + manifest.name);
  manifest.version = static_cast<std::uint64_t>(TRY(
      arguments.integer("version", 0, 1, static_cast<std::int64_t>(codec::artifact::max_version))));
  manifest.version_text = arguments.text("called");
  manifest.kind = arguments.text("kind");
  manifest.created = session.world.loop().wall_now();
  manifest.created.ns -= manifest.created.ns % 1'000'000'000;
  if (arguments.has("expires")) {
    const std::string said = arguments.text("expires");
    const auto span = base::parse_duration(said);
    manifest.expires = span ? manifest.created + *span
                            : TRY(base::while_doing("--expires: neither a duration nor a time",
                                                    base::parse_time(said)));
  }
  const std::uint64_t chunk = TRY(base::while_doing("--chunk", base::parse_size(arguments.text("chunk", "1MiB"))));
  if (chunk < model::ArtifactLimits::chunk_bytes_least || chunk > model::ArtifactLimits::chunk_bytes_most)
    return fail(Code::invalid_input, "--chunk: from 64KiB to 8MiB");
  manifest.chunk_bytes = static_cast<std::uint32_t>(chunk);
  TRY(set_targets(arguments, manifest));
  TRY(set_dependencies(arguments, manifest));
  TRY(set_attributes(arguments, manifest));
  return manifest;
}

Result<codec::artifact::Envelope> read_signed(Session& session, const std::string& path) {
  const std::string text = TRY(os::read_text(session.world, path, model::ArtifactLimits::document_bytes));
  auto envelope = TRY(base::while_doing(path, codec::artifact::decode_envelope(text)));
  if (envelope.type != codec::artifact::manifest_type)
    return fail(Code::invalid_input, path + ": it is no signed manifest");
  return envelope;
}

Result<int> sign(const Arguments& arguments, Session& session) {
  const SignedArtifact made = TRY(sign_artifact(arguments, session));
  base::JsonWriter json;
  json.begin_object()
      .field("manifest", made.manifest_file)
      .field("file", made.file)
      .field("name", made.manifest.name)
      .field("version", made.manifest.version)
      .field("digest", base::to_hex(made.manifest.digest))
      .field("signatures", std::uint64_t{made.signatures.made})
      .field("missing", std::uint64_t{made.signatures.missing})
      .end_object();
  if (session.out.json()) {
    session.out.document(json.text());
  } else {
    session.out.line("signed " + made.manifest.name + " " + std::to_string(made.manifest.version) + ": " +
                     made.manifest_file + (made.file == arguments.positional[0] ? "" : " for " + made.file));
    if (made.signatures.missing > 0)
      session.out.line(std::to_string(made.signatures.missing) + " more signatures are needed: selvedge artifact sign --add-to " +
                       made.manifest_file + " with other keys");
  }
  return 0;
}

Result<int> verify(const Arguments& arguments, Session& session) {
  if (!arguments.has("root"))
    return fail(Code::invalid_input, "--root: which keys document is to be believed? (keys/keys.json)");
  const std::string root = arguments.text("root");
  const std::string keys = TRY(os::read_text(session.world, root, model::ArtifactLimits::document_bytes));
  const auto trust = TRY(base::while_doing(root, engine::Trust::begin(keys)));
  const std::string path = arguments.positional[0];
  const std::string text = TRY(os::read_text(session.world, path, model::ArtifactLimits::document_bytes));
  const auto claimed =
      TRY(codec::artifact::decode_manifest(base::as_text(TRY(read_signed(session, path)).payload)));
  // Whatever machine it is for, this one only looks at it.
  engine::Place place;
  if (!claimed.targets.empty())
    place = {.arch = claimed.targets[0].arch, .os = claimed.targets[0].os,
             .device_types = {claimed.targets[0].device_type}};
  engine::ArtifactAsk ask;
  ask.name = arguments.text("name", claimed.name);
  const auto trusted = TRY(trust.check(text, ask, place, session.world.loop().wall_now()));
  if (arguments.positional.size() > 1)
    TRY(compare_file(arguments.positional[1], trusted.manifest, session.out));
  base::JsonWriter json;
  json.begin_object()
      .field("name", trusted.manifest.name)
      .field("version", trusted.manifest.version)
      .field("kind", trusted.manifest.kind)
      .field("digest", base::to_hex(trusted.manifest.digest))
      .field("size", trusted.manifest.size)
      .field("content_checked", arguments.positional.size() > 1)
      .key("signers")
      .begin_array();
  for (const std::string& id : trusted.signers) json.value(id);
  json.end_array().end_object();
  if (session.out.json()) session.out.document(json.text());
  else
    session.out.line("good: " + trusted.manifest.name + " " + std::to_string(trusted.manifest.version) + ", " +
                     trusted.manifest.kind + ", " + base::size_text(trusted.manifest.size) + ", signed by " +
                     std::to_string(trusted.signers.size()) + " of keys document " +
                     std::to_string(trust.document().version) +
                     (arguments.positional.size() > 1 ? "; the file is what was signed"
                                                      : "; no file was compared"));
  return 0;
}

}  // namespace

Result<SignedArtifact> sign_artifact(const Arguments& arguments, Session& session) {
  SignedArtifact made;
  made.file = arguments.positional[0];
  made.manifest_file = arguments.text("output");
  const std::string file = made.file;
  const auto ring = TRY(Keyring::open(session.world, arguments.text("keys", "keys")));
  codec::artifact::Envelope envelope;
  model::ArtifactManifest& manifest = made.manifest;
  if (arguments.has("add-to")) {
    envelope = TRY(read_signed(session, arguments.text("add-to")));
    manifest = TRY(codec::artifact::decode_manifest(base::as_text(envelope.payload)));
    TRY(compare_file(file, manifest, session.out));
    if (made.manifest_file.empty()) made.manifest_file = arguments.text("add-to");
  } else {
    manifest = TRY(describe(arguments, session));
    const auto readers = TRY(recipients(arguments, session));
    if (readers.empty()) {
      TRY(measure_file(file, manifest, session.out));
    } else {
      made.file = arguments.text("sealed-output", file + ".sealed");
      TRY(seal_file(file, made.file, readers, manifest, session.out));
    }
    if (made.manifest_file.empty()) made.manifest_file = made.file + ".manifest";
  }
  made.signatures = TRY(sign_manifest(ring, manifest, envelope));
  made.document = codec::artifact::encode(envelope);
  TRY(os::write_text(session.world, made.manifest_file, made.document + "\n"));
  return made;
}

Result<SignatureCount> sign_manifest(const Keyring& ring, const model::ArtifactManifest& manifest,
                                     codec::artifact::Envelope& envelope) {
  if (envelope.payload.empty()) {
    TRY(codec::artifact::check(manifest));
    envelope = {.type = std::string(codec::artifact::manifest_type),
                .payload = base::to_bytes(codec::artifact::encode(manifest)),
                .signatures = {}};
  }
  const model::SignerRole* role = signers_for(ring.document(), manifest.kind);
  if (role == nullptr)
    return fail(Code::denied, "no key may sign kind " + manifest.kind + "; selvedge keys grant allows one");
  const std::size_t before = envelope.signatures.size();
  const std::size_t signers = TRY(ring.sign(envelope, *role));
  if (envelope.signatures.size() == before)
    return fail(Code::denied, ring.path() + ": none of its keys may sign kind " + manifest.kind +
                                  (before > 0 ? ", or they have already" : ""));
  return SignatureCount{signers, signers >= role->threshold ? 0 : role->threshold - signers};
}

std::vector<Command> sign_commands() {
  return {
      {"artifact", "sign", "FILE", 1, 1, "Describe and sign a file, so that nodes take it.",
       "Signs with every key in --keys that may sign this kind. With --seal-for only the named nodes can read it: "
       "the file to push is then the sealed one.",
       {"selvedge artifact sign model.onnx --name detector --version 7 --kind model",
        "selvedge artifact sign app.tar --name app --version 21 --kind software --target x86_64/linux --expires 90d",
        "selvedge artifact sign app.tar --add-to app.tar.manifest --keys second-signer",
        "selvedge artifact sign w.bin --name w --version 1 --kind model --seal-for edge-1=$KEY"},
       {{"name", "NAME", "Of the artifact; stays the same from version to version."},
        {"version", "N", "Grows; nodes never go back."},
        {"called", "TEXT", "The version as people call it, as in 2.1.0."},
        {"kind", "KIND", "model, task, software, data, ..."},
        {"target", "ARCH/OS/TYPE,...", "Where it may run: as `uname -m` says, linux, a device type.", "anywhere"},
        {"depends", "NAME>=N,...", "Artifacts that must be there too."},
        {"attributes", "KEY=VALUE,...", "For the kind's own use."},
        {"expires", "WHEN", "A duration or a time after which no node takes it.", "never"},
        {"chunk", "SIZE", "What a lost connection costs at most.", "1MiB"},
        {"seal-for", "NODE=KEY,...", "Seal it for these nodes; KEY is base64 or a file."},
        {"sealed-output", "FILE", "Where the sealed file goes.", "FILE.sealed"},
        {"add-to", "MANIFEST", "Add a signature to this signed manifest of the same file."},
        {"keys", "DIR", "Directory of the signer's keys.", "keys"},
        {"output", "FILE", "Where the signed manifest goes.", "FILE.manifest"}},
       sign},
      {"artifact", "verify", "MANIFEST [FILE]", 1, 2, "Check a signed manifest, and that a file is what it says.", {},
       {"selvedge artifact verify model.onnx.manifest model.onnx --root keys/keys.json"},
       {{"root", "FILE", "The keys document to believe."}, {"name", "NAME", "Refuse another name."}},
       verify},
  };
}

}  // namespace selvedge::cli
