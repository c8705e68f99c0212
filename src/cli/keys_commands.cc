#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/keyring.h"
#include "codec/artifact/documents.h"
#include "crypto/seal.h"
#include "engine/trust/trust.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view default_dir = "keys";

Result<crypto::KeyKind> algorithm(const Arguments& arguments) {
  const std::string word = arguments.text("algorithm", "ed25519");
  if (word == "rsa-pss-3072") return crypto::KeyKind::rsa_pss;
  if (const auto kind = crypto::parse_key_kind(word)) return *kind;
  return fail(Code::invalid_input, "--algorithm: expected ed25519, ecdsa-p256 or rsa-pss-3072");
}

// Sets what every new version has: its number, and how long it is good.
Result<void> date(const Arguments& arguments, const Session& session, model::KeysDocument& document) {
  const base::Duration valid = TRY(base::while_doing(
      "--expires", base::parse_duration(arguments.text("expires", "365d"))));
  if (valid < std::chrono::minutes(1)) return fail(Code::invalid_input, "--expires: at least 1m");
  ++document.version;
  document.issued = session.world.loop().wall_now();
  document.issued.ns -= document.issued.ns % 1'000'000'000;
  document.expires = document.issued + valid;
  return {};
}

void say(const Keyring& ring, Session& session, std::string_view done) {
  base::JsonWriter json;
  json.begin_object()
      .field("version", ring.document().version)
      .field("expires", base::to_iso8601(ring.document().expires))
      .field("dir", ring.path())
      .end_object();
  if (session.out.json()) return session.out.document(json.text());
  session.out.line(std::string(done) + "; keys document " + std::to_string(ring.document().version) +
                   " is in " + ring.path() + "/keys.json, good until " +
                   base::to_iso8601(ring.document().expires));
}

Result<int> init(const Arguments& arguments, Session& session) {
  auto ring = TRY(Keyring::create(session.world, arguments.text("dir", default_dir)));
  const crypto::KeyKind kind = TRY(algorithm(arguments));
  const std::string root = TRY(ring.make_key("root", kind)), signer = TRY(ring.make_key("signer", kind));
  model::KeysDocument document;
  TRY(date(arguments, session, document));
  for (const std::string& id : {root, signer}) document.keys[id] = TRY(ring.public_key(id));
  document.root.keys = {root};
  document.artifacts["*"].keys = {signer};
  TRY(ring.publish(std::move(document)));
  say(ring, session, "made a root key and a signer's key");
  return 0;
}

// Takes keys that no role names any more out of the document.
void drop_unused(model::KeysDocument& document) {
  std::erase_if(document.keys, [&](const auto& entry) {
    if (document.root.keys.contains(entry.first)) return false;
    for (const auto& [kind, role] : document.artifacts)
      if (role.keys.contains(entry.first)) return false;
    return true;
  });
}

Result<int> rotate(const Arguments& arguments, Session& session) {
  auto ring = TRY(Keyring::open(session.world, arguments.text("dir", default_dir)));
  const crypto::KeyKind made = TRY(algorithm(arguments));
  model::KeysDocument next = ring.document();
  TRY(date(arguments, session, next));
  const bool root = arguments.has("root");
  const std::string kind = arguments.text("kind", "*");
  if (root && arguments.has("kind")) return fail(Code::invalid_input, "--root and --kind exclude each other");
  const auto found = next.artifacts.find(kind);
  if (!root && found == next.artifacts.end())
    return fail(Code::not_found, "no role signs kind '" + base::printable(kind) +
                                     "'; selvedge keys grant makes one");
  model::SignerRole& role = root ? next.root : found->second;
  const std::string id = TRY(ring.make_key(root ? "root" : "signer", made));
  // A new root key takes the place of those that are here; a signer's old key overlaps until told.
  if (root || arguments.has("retire"))
    std::erase_if(role.keys, [&](const std::string& old) { return ring.holds(old); });
  role.keys.insert(id);
  next.keys[id] = TRY(ring.public_key(id));
  drop_unused(next);
  TRY(ring.publish(std::move(next)));
  say(ring, session, "made key " + id.substr(0, 12));
  return 0;
}

Result<std::string> find_key(const model::KeysDocument& document, const std::string& prefix) {
  std::string found;
  for (const auto& [id, key] : document.keys) {
    if (!id.starts_with(prefix)) continue;
    if (!found.empty()) return fail(Code::invalid_input, "several keys begin with " + prefix + "; say more of it");
    found = id;
  }
  if (found.empty() || prefix.size() < 8)
    return fail(Code::not_found, "no key of the document begins with '" + base::printable(prefix) +
                                     "' (at least 8 digits); selvedge keys show lists them");
  return found;
}

Result<int> revoke(const Arguments& arguments, Session& session) {
  auto ring = TRY(Keyring::open(session.world, arguments.text("dir", default_dir)));
  model::KeysDocument next = ring.document();
  TRY(date(arguments, session, next));
  const std::string id = TRY(find_key(next, arguments.positional[0]));
  const auto remove = [&](model::SignerRole& role, const std::string& name) -> Result<void> {
    role.keys.erase(id);
    if (role.keys.size() >= role.threshold) return {};
    return fail(Code::conflict, "role '" + name + "' would have too few keys; make it a new one first: selvedge keys rotate" +
                                    (name == "root" ? " --root" : name == "*" ? "" : " --kind " + name));
  };
  TRY(remove(next.root, "root"));
  for (auto& [kind, role] : next.artifacts) TRY(remove(role, kind));
  next.keys.erase(id);
  next.revoked.insert(id);
  TRY(ring.publish(std::move(next)));
  say(ring, session, "revoked " + id.substr(0, 12));
  return 0;
}

Result<int> grant(const Arguments& arguments, Session& session) {
  auto ring = TRY(Keyring::open(session.world, arguments.text("dir", default_dir)));
  const std::string kind = arguments.positional[0];
  if (kind != "*" && kind != "root" && !codec::artifact::is_artifact_name(kind))
    return fail(Code::invalid_input, "'" + base::printable(kind) + "' is no kind of artifacts");
  model::KeysDocument next = ring.document();
  TRY(date(arguments, session, next));
  model::SignerRole& role = kind == "root" ? next.root : next.artifacts[kind];
  if (arguments.has("public")) {
    const std::string pem = TRY(os::read_text(session.world, arguments.text("public"), 64 << 10));
    const auto key = TRY(base::while_doing(arguments.text("public"), crypto::read_public_key(pem)));
    next.keys[crypto::key_id(key)] = key.der;
    role.keys.insert(crypto::key_id(key));
  } else if (!arguments.has("threshold") || role.keys.empty()) {
    const std::string id = TRY(ring.make_key(kind == "root" ? "root" : "signer", TRY(algorithm(arguments))));
    next.keys[id] = TRY(ring.public_key(id));
    role.keys.insert(id);
  }
  role.threshold = static_cast<std::uint32_t>(
      TRY(arguments.integer("threshold", std::int64_t{role.threshold}, 1, model::KeysDocumentLimits::keys)));
  TRY(ring.publish(std::move(next)));
  say(ring, session, "changed who signs " + kind);
  return 0;
}

std::string roles_of(const model::KeysDocument& document, const std::string& id) {
  std::string roles = document.root.keys.contains(id)
                          ? "root " + std::to_string(document.root.threshold) + "/" +
                                std::to_string(document.root.keys.size())
                          : "";
  for (const auto& [kind, role] : document.artifacts)
    if (role.keys.contains(id))
      roles += (roles.empty() ? "" : ", ") + kind + " " + std::to_string(role.threshold) + "/" +
               std::to_string(role.keys.size());
  return roles;
}

void show_document(const model::KeysDocument& document, Session& session) {
  base::JsonWriter json;
  json.begin_object()
      .field("version", document.version)
      .field("issued", base::to_iso8601(document.issued))
      .field("expires", base::to_iso8601(document.expires))
      .field("expired", session.world.loop().wall_now() >= document.expires)
      .key("keys")
      .begin_array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, der] : document.keys) {
    const auto key = crypto::parse_public_key(der);
    const std::string kind = key ? std::string(crypto::name(key->kind)) : "unknown";
    json.begin_object().field("id", id).field("algorithm", kind).field("roles", roles_of(document, id)).end_object();
    rows.push_back({id, kind, roles_of(document, id)});
  }
  json.end_array().key("revoked").begin_array();
  for (const std::string& id : document.revoked) {
    json.value(id);
    rows.push_back({id, "", "revoked"});
  }
  json.end_array().end_object();
  if (session.out.json()) return session.out.document(json.text());
  session.out.line("keys document " + std::to_string(document.version) + ", issued " +
                   base::to_iso8601(document.issued) + ", good until " + base::to_iso8601(document.expires));
  session.out.table({"KEY", "ALGORITHM", "SIGNS (THRESHOLD/KEYS)"}, rows);
}

Result<int> show(const Arguments& arguments, Session& session) {
  std::string envelope;
  if (!arguments.positional.empty()) {
    envelope = TRY(os::read_text(session.world, arguments.positional[0], model::ArtifactLimits::document_bytes));
  } else if (arguments.has("dir") || !arguments.has("cloud")) {
    envelope = TRY(Keyring::open(session.world, arguments.text("dir", default_dir))).envelope();
  } else {
    auto api = TRY(ApiClient::cloud(arguments, session));
    const auto answer = TRY(api.get("/api/v1/artifacts/keys?from=0"));
    if (answer["documents"].array().empty())
      return fail(Code::not_found, "the cloud has no keys document; selvedge keys push brings it");
    envelope = answer["documents"].array().back().text();
  }
  show_document(TRY(engine::Trust::begin(envelope)).document(), session);
  return 0;
}

Result<int> push(const Arguments& arguments, Session& session) {
  const auto ring = TRY(Keyring::open(session.world, arguments.text("dir", default_dir)));
  auto api = TRY(ApiClient::cloud(arguments, session));
  const auto before = TRY(api.get("/api/v1/artifacts/keys?from=0"));
  const auto has = static_cast<std::uint64_t>(std::max<std::int64_t>(before["newest"].integer(0), 0));
  const std::uint64_t newest = ring.document().version;
  if (has > newest)
    return fail(Code::conflict, "the cloud has keys document " + std::to_string(has) + ", " + ring.path() +
                                    " only " + std::to_string(newest));
  for (std::uint64_t version = has + 1; version <= newest; ++version) {
    const std::string document = TRY(base::while_doing(
        "keys document " + std::to_string(version) + ", which the cloud has yet to see", ring.version(version)));
    TRY(base::while_doing("keys document " + std::to_string(version),
                          api.request("PUT", "/api/v1/artifacts/keys", document)));
  }
  base::JsonWriter json;
  json.begin_object().field("version", newest).field("pushed", newest - has).end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line(has == newest ? "the cloud has it already"
                                      : "the cloud has keys document " + std::to_string(newest));
  return 0;
}

Result<int> recipient(const Arguments& arguments, Session& session) {
  const std::string path =
      arguments.positional.empty() ? "/var/lib/selvedge/node/trust/seal.key" : arguments.positional[0];
  const std::string pem = TRY(os::read_text(session.world, path, 64 << 10));
  const auto keys = TRY(base::while_doing(path, crypto::parse_seal_keys(pem)));
  base::JsonWriter json;
  json.begin_object().field("recipient", crypto::to_text(keys.recipient)).end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line(crypto::to_text(keys.recipient));
  return 0;
}

Result<int> make_recipient(const Arguments& arguments, Session& session) {
  const std::string path = arguments.positional[0];
  const auto [folder, name] = os::split_path(path);
  auto dir = TRY(session.world.directory(folder, true));
  if (os::read_file(*dir, name, 64 << 10)) return fail(Code::conflict, path + ": is there already");
  const crypto::SealKeyPair keys = crypto::make_seal_keys();
  TRY(os::write_file(*dir, name, base::as_bytes(crypto::to_pem(keys)), os::Open::create_private));
  base::JsonWriter json;
  json.begin_object().field("key", path).field("recipient", crypto::to_text(keys.recipient)).end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line(crypto::to_text(keys.recipient));
  return 0;
}

const Flag dir_flag{"dir", "DIR", "Where keys and keys documents are.", "keys"};
const Flag expires_flag{"expires", "DURATION", "How long the new keys document is good.", "365d"};
const Flag algorithm_flag{"algorithm", "NAME", "ed25519, ecdsa-p256 or rsa-pss-3072.", "ed25519"};

}  // namespace

std::vector<Command> keys_commands() {
  return {
      {"keys", "init", "", 0, 0, "Make a root key, a signer's key and the first keys document.",
       "Keep the directory on a machine that is offline; only keys.json travels. Nodes that begin with it follow "
       "every later version that its root keys have signed.",
       {"selvedge keys init --dir keys", "selvedge keys init --dir keys --algorithm ecdsa-p256"},
       {dir_flag, algorithm_flag, expires_flag}, init},
      {"keys", "rotate", "", 0, 0, "Make a new key for a role; without --root for a signer.",
       "A signer's old key counts beside the new one until --retire or keys revoke; a new root key takes the place "
       "of the old one in this directory and both sign the step. Also prolongs the keys document.",
       {"selvedge keys rotate", "selvedge keys rotate --root", "selvedge keys rotate --kind software --retire"},
       {dir_flag, {"root", "", "The root key."}, {"kind", "KIND", "The signers of this kind of artifacts.", "*"},
        {"retire", "", "The old keys in this directory sign no more."}, algorithm_flag, expires_flag},
       rotate},
      {"keys", "revoke", "KEY", 1, 1, "Revoke a key for ever: what it signed counts no more.",
       "KEY is the beginning of its id, at least 8 digits.",
       {"selvedge keys revoke 3f9a1c0b"}, {dir_flag, expires_flag}, revoke},
      {"keys", "grant", "KIND", 1, 1, "Let another key sign a kind of artifacts, or change how many must.",
       "KIND is a kind of artifacts, '*' for kinds that have no signers of their own, or 'root'. Without --public "
       "and without --threshold a key is made here.",
       {"selvedge keys grant software --public build-server.pem", "selvedge keys grant software --threshold 2"},
       {dir_flag, {"public", "FILE", "PEM of a public key that is held elsewhere."},
        {"threshold", "N", "So many different keys must sign."}, algorithm_flag, expires_flag},
       grant},
      {"keys", "show", "[FILE]", 0, 1, "Show a keys document: of a file, a directory or the cloud.", {},
       {"selvedge keys show", "selvedge keys show keys.json", "selvedge keys show --cloud https://cloud:8443"},
       cloud_flags({{"dir", "DIR", "Where keys and keys documents are."}}), show},
      {"keys", "push", "", 0, 0, "Bring the keys documents that the cloud does not have yet.", {},
       {"selvedge keys push --dir keys"}, cloud_flags({dir_flag}), push},
      {"keys", "recipient", "[FILE]", 0, 1, "Print the public half of a sealing key: what others seal for.",
       "FILE is a private X25519 key; without it, that of the node on this machine.",
       {"selvedge keys recipient", "selvedge keys recipient archive.key"}, {}, recipient},
      {"keys", "make-recipient", "FILE", 1, 1, "Make a sealing key and print its public half.", {},
       {"selvedge keys make-recipient archive.key"}, {}, make_recipient},
  };
}

}  // namespace selvedge::cli
