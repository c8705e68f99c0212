#include "cli/keyring.h"

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "engine/trust/trust.h"

namespace selvedge::cli {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::string_view newest_name = "keys.json", key_suffix = ".key";
constexpr std::size_t max_keys = 256;
constexpr std::uint64_t key_limit = 64 << 10;

std::string version_name(std::uint64_t number) { return "keys-" + std::to_string(number) + ".json"; }

}  // namespace

const model::SignerRole* signers_for(const model::KeysDocument& document, const std::string& kind) {
  auto at = document.artifacts.find(kind);
  if (at == document.artifacts.end()) at = document.artifacts.find("*");
  return at == document.artifacts.end() ? nullptr : &at->second;
}

Result<Keyring> Keyring::open(os::World& world, const std::string& path) {
  auto dir = world.directory(path, false);
  if (!dir)
    return fail(Code::not_found, path + ": no such directory; begin with: selvedge keys init --dir " + path);
  Keyring ring(std::move(*dir));
  const auto newest = os::read_file(*ring.dir_, newest_name, model::ArtifactLimits::document_bytes);
  if (!newest && newest.error().code == Code::not_found)
    return fail(Code::not_found,
                path + ": there is no keys.json; begin with: selvedge keys init --dir " + path);
  if (!newest) return std::unexpected(newest.error());
  ring.envelope_ = base::as_text(*newest);
  ring.document_ =
      TRY(base::while_doing(path + "/keys.json", engine::Trust::begin(ring.envelope_))).document();
  TRY(ring.load_keys());
  return ring;
}

Result<Keyring> Keyring::create(os::World& world, const std::string& path) {
  Keyring ring(TRY(world.directory(path, true)));
  for (const std::string& name : TRY(ring.dir_->list()))
    if (name == newest_name || name.ends_with(key_suffix))
      return fail(Code::conflict, path + ": there is " + name + " already; it is left as it is");
  return ring;
}

Result<void> Keyring::load_keys() {
  for (const std::string& name : TRY(dir_->list())) {
    if (!name.ends_with(key_suffix)) continue;
    if (keys_.size() >= max_keys)
      return fail(Code::exhausted, dir_->path() + ": more than " + std::to_string(max_keys) + " keys");
    const base::Bytes text = TRY(base::while_doing(name, os::read_file(*dir_, name, key_limit)));
    TRY(add(name, base::as_text(text)));
  }
  return {};
}

Result<void> Keyring::add(std::string_view file, std::string_view text) {
  crypto::PrivateKey secret = TRY(base::while_doing(file, crypto::load_private_key(text)));
  const std::string pem = TRY(secret.public_pem());
  const auto open = TRY(base::while_doing(file, crypto::read_public_key(pem)));
  keys_.emplace(crypto::key_id(open), Key{std::move(secret), open.der});
  return {};
}

Result<std::string> Keyring::make_key(std::string_view what, crypto::KeyKind kind) {
  const std::string pem = TRY(crypto::make_private_key(kind));
  const std::string public_pem = TRY(TRY(crypto::load_private_key(pem)).public_pem());
  const std::string id = crypto::key_id(TRY(crypto::read_public_key(public_pem)));
  const std::string name = std::string(what) + "-" + id.substr(0, 12) + std::string(key_suffix);
  TRY(os::write_file(*dir_, name, base::as_bytes(pem), os::Open::create_private));
  TRY(add(name, pem));
  return id;
}

Result<base::Bytes> Keyring::public_key(const std::string& id) const {
  if (const auto own = keys_.find(id); own != keys_.end()) return own->second.der;
  if (const auto listed = document_.keys.find(id); listed != document_.keys.end()) return listed->second;
  return fail(Code::not_found, "key " + id + ": neither here nor in the keys document");
}

Result<std::string> Keyring::version(std::uint64_t number) const {
  const base::Bytes bytes =
      TRY(os::read_file(*dir_, version_name(number), model::ArtifactLimits::document_bytes));
  return std::string(base::as_text(bytes));
}

Result<std::size_t> Keyring::sign(codec::artifact::Envelope& envelope,
                                  const model::SignerRole& role) const {
  const base::Bytes bytes = codec::artifact::pre_authentication(envelope.type, envelope.payload);
  std::set<std::string> signers;
  for (const auto& signature : envelope.signatures)
    if (role.keys.contains(signature.key_id)) signers.insert(signature.key_id);
  for (const std::string& id : role.keys) {
    const auto own = keys_.find(id);
    if (own == keys_.end() || signers.contains(id)) continue;
    base::Bytes signature = TRY(base::while_doing("key " + id.substr(0, 12), crypto::sign(own->second.secret, bytes)));
    envelope.signatures.push_back({.key_id = id, .bytes = std::move(signature)});
    signers.insert(id);
  }
  return signers.size();
}

Result<void> Keyring::publish(model::KeysDocument next) {
  TRY(codec::artifact::check(next));
  codec::artifact::Envelope envelope{.type = std::string(codec::artifact::keys_type),
                                     .payload = base::to_bytes(codec::artifact::encode(next)),
                                     .signatures = {}};
  const auto need = [&](const model::SignerRole& role, std::string_view whose) -> Result<void> {
    const std::size_t count = TRY(sign(envelope, role));
    if (count >= role.threshold) return {};
    return fail(Code::denied, "sign keys document " + std::to_string(next.version) + ": " +
                                  std::to_string(role.threshold) + " root keys " + std::string(whose) +
                                  " are needed, " + std::to_string(count) + " are in " + dir_->path());
  };
  if (document_.version > 0) TRY(need(document_.root, "of the present document"));
  TRY(need(next.root, "of the new document"));
  const std::string text = codec::artifact::encode(envelope);
  // What a node would say to it is said here first.
  if (document_.version > 0) {
    auto trust = TRY(engine::Trust::begin(envelope_));
    TRY(trust.follow(text));
  } else {
    TRY(engine::Trust::begin(text));
  }
  TRY(os::write_file(*dir_, version_name(next.version), base::as_bytes(text)));
  TRY(os::write_file(*dir_, newest_name, base::as_bytes(text)));
  document_ = std::move(next);
  envelope_ = text;
  return {};
}

}  // namespace selvedge::cli
