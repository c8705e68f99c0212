// Signers: keys, documents and manifests for tests of trust, and their signing.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"
#include "crypto/crypto.h"
#include "crypto/signature.h"
#include "engine/trust/trust.h"

namespace selvedge::engine {

using namespace std::chrono_literals;

inline constexpr base::Time trust_start{1'800'000'000'000'000'000};

// Makes each named key once and remembers it.
class Signers {
 public:
  const std::string& id(const std::string& name) { return at(name).id; }
  const base::Bytes& der(const std::string& name) { return at(name).der; }

  codec::artifact::Signature sign(const std::string& name, std::string_view type, base::BytesView payload) {
    return {.key_id = id(name),
            .bytes = crypto::sign(at(name).key, codec::artifact::pre_authentication(type, payload)).value()};
  }

  std::string envelope(std::string_view type, const std::string& payload, const std::vector<std::string>& names) {
    codec::artifact::Envelope envelope{.type = std::string(type), .payload = base::to_bytes(payload), .signatures = {}};
    for (const std::string& name : names) envelope.signatures.push_back(sign(name, type, envelope.payload));
    return codec::artifact::encode(envelope);
  }
  std::string envelope(const model::KeysDocument& document, const std::vector<std::string>& names) {
    return envelope(codec::artifact::keys_type, codec::artifact::encode(document), names);
  }
  std::string envelope(const model::ArtifactManifest& manifest, const std::vector<std::string>& names) {
    return envelope(codec::artifact::manifest_type, codec::artifact::encode(manifest), names);
  }

  model::SignerRole role(model::KeysDocument& document, const std::vector<std::string>& names, unsigned threshold) {
    model::SignerRole role;
    role.threshold = threshold;
    for (const std::string& name : names) {
      document.keys[id(name)] = der(name);
      role.keys.insert(id(name));
    }
    return role;
  }

  // Version 1: root key "root", signer "signer" for every kind.
  model::KeysDocument first() {
    model::KeysDocument document;
    document.version = 1;
    document.issued = trust_start;
    document.expires = trust_start + 24h * 365;
    document.root = role(document, {"root"}, 1);
    document.artifacts["*"] = role(document, {"signer"}, 1);
    return document;
  }

 private:
  struct Key {
    crypto::PrivateKey key;
    std::string id;
    base::Bytes der;
  };

  const Key& at(const std::string& name) {
    static std::map<std::string, Key> keys;
    auto found = keys.find(name);
    if (found == keys.end()) {
      const auto key =
          crypto::load_private_key(crypto::make_private_key(crypto::KeyKind::ed25519).value()).value();
      const auto open = crypto::read_public_key(key.public_pem().value()).value();
      found = keys.emplace(name, Key{key, crypto::key_id(open), open.der}).first;
    }
    return found->second;
  }
};

inline model::ArtifactManifest small_manifest(std::string name = "detector", std::uint64_t version = 1) {
  model::ArtifactManifest manifest;
  manifest.name = std::move(name);
  manifest.version = version;
  manifest.kind = "model";
  manifest.size = 100'000;
  manifest.chunk_bytes = 64 << 10;
  manifest.digest = crypto::sha256(base::as_bytes(manifest.name + std::to_string(version)));
  manifest.chunks = {crypto::sha256(base::as_bytes("one")), crypto::sha256(base::as_bytes("two"))};
  manifest.created = trust_start;
  return manifest;
}

inline const Place gateway{.arch = "x86_64", .os = "linux", .device_types = {"boiler"}};

inline ArtifactAsk ask_for(std::string name, std::optional<std::uint64_t> version = std::nullopt) {
  ArtifactAsk ask;
  ask.name = std::move(name);
  ask.version = version;
  return ask;
}

}  // namespace selvedge::engine
