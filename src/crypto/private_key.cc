#include "crypto/private_key.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "crypto/held_key.h"

namespace selvedge::crypto {
namespace {

using base::Code;
using base::fail;

base::Result<std::string> write_private(EVP_PKEY* key) {
  return to_pem("write private key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace

std::string_view name(KeyKind kind) {
  switch (kind) {
    case KeyKind::ed25519: return "ed25519";
    case KeyKind::ecdsa_p256: return "ecdsa-p256";
    case KeyKind::rsa_pss: return "rsa-pss";
  }
  return "ed25519";
}

std::optional<KeyKind> parse_key_kind(std::string_view text) {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::rsa_pss})
    if (text == name(kind)) return kind;
  return std::nullopt;
}

// By name and not by number: a key of a provider has no number.
std::optional<KeyKind> kind_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyKind::ed25519;
  if (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1) return KeyKind::rsa_pss;
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
  char group[64] = {};
  if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) return std::nullopt;
  const std::string_view curve = group;
  if (curve == "prime256v1" || curve == "P-256") return KeyKind::ecdsa_p256;
  return std::nullopt;
}

base::Result<std::string> PrivateKey::public_pem() const {
  const ErrorScope scope;
  return to_pem("write public key",
                [&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, held_->key.get()); });
}

void* PrivateKey::native() const { return held_->key.get(); }

base::Result<PrivateKey> load_private_key(std::string_view pem_or_uri) {
  const ErrorScope scope;
  auto held = std::make_shared<PrivateKey::Held>();
  held->key = TRY(parse_key(pem_or_uri));
  const auto kind = kind_of(held->key.get());
  if (!kind) {
    return fail(Code::invalid_input,
                "read private key: neither Ed25519 nor ECDSA P-256 nor RSA, which are the kinds "
                "that sign here");
  }
  held->kind = *kind;
  return PrivateKey(std::move(held));
}

base::Result<std::string> make_private_key(KeyKind kind, unsigned rsa_bits) {
  const ErrorScope scope;
  KeyPtr key;
  switch (kind) {
    case KeyKind::ed25519: key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); break;
    case KeyKind::ecdsa_p256: key.reset(EVP_EC_gen("P-256")); break;
    case KeyKind::rsa_pss:
      if (rsa_bits < 3072 || rsa_bits > 8192) {
        return fail(Code::invalid_input, "make private key: RSA of " + std::to_string(rsa_bits) +
                                             " bits; 3072 to 8192 are made");
      }
      key.reset(EVP_RSA_gen(rsa_bits));
      break;
  }
  if (!key) return openssl_failed(Code::internal, "make private key");
  return write_private(key.get());
}

}  // namespace selvedge::crypto
