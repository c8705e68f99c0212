#include "crypto/seal.h"

#include "crypto/crypto.h"
#include "crypto/hkdf.h"
#include "crypto/hpke.h"
#include "crypto/openssl.h"

namespace selvedge::crypto {
namespace {

using base::BytesView;
using base::Code;

// RFC 9180 section 7: KEM 0x0020, KDF 0x0001, AEAD 0x0003.
constexpr std::string_view kem_suite{"KEM\x00\x20", 5};
constexpr std::string_view hpke_suite{"HPKE\x00\x20\x00\x01\x00\x03", 10};

// A secret that is wiped when it goes.
template <std::size_t size>
struct Wiped : std::array<std::uint8_t, size> {
  Wiped() { this->fill(0); }
  Wiped(const std::array<std::uint8_t, size>& from) : std::array<std::uint8_t, size>(from) {}
  ~Wiped() { OPENSSL_cleanse(this->data(), size); }
};

Digest labeled_extract(std::string_view suite, BytesView salt, std::string_view label, BytesView key) {
  base::Bytes input = base::to_bytes("HPKE-v1");
  for (const std::string_view part : {suite, label}) base::append(input, base::as_bytes(part));
  base::append(input, key);
  const Digest extracted = hkdf_extract(salt, input);
  OPENSSL_cleanse(input.data(), input.size());
  return extracted;
}

template <std::size_t size>
Wiped<size> labeled_expand(std::string_view suite, BytesView key, std::string_view label,
                           BytesView info) {
  base::Bytes labeled = {0, static_cast<std::uint8_t>(size)};
  for (const std::string_view part : {std::string_view("HPKE-v1"), suite, label})
    base::append(labeled, base::as_bytes(part));
  base::append(labeled, info);
  Wiped<size> out;
  hkdf_expand(key, labeled, out);
  return out;
}

struct Schedule {
  Wiped<32> key;
  Wiped<12> nonce;
};

// Sections 4.1 and 5.1 of the RFC: from the agreed point to the AEAD's key and nonce.
Schedule schedule(const SealKey& agreed, const SealKey& ephemeral, const SealKey& recipient,
                  BytesView info) {
  base::Bytes kem_context(ephemeral.begin(), ephemeral.end());
  base::append(kem_context, recipient);
  const Wiped<32> extracted = labeled_extract(kem_suite, {}, "eae_prk", agreed);
  const Wiped<32> shared = labeled_expand<32>(kem_suite, extracted, "shared_secret", kem_context);

  base::Bytes context = {0};                     // base mode
  base::append(context, labeled_extract(hpke_suite, {}, "psk_id_hash", {}));
  base::append(context, labeled_extract(hpke_suite, {}, "info_hash", info));
  const Wiped<32> secret = labeled_extract(hpke_suite, shared, "secret", {});
  return {labeled_expand<32>(hpke_suite, secret, "key", context),
          labeled_expand<12>(hpke_suite, secret, "base_nonce", context)};
}

KeyPtr private_key(const SealKey& secret) {
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.data(), secret.size()));
  CHECK(key);
  return key;
}

}  // namespace

base::Result<SealKey> x25519(const SealKey& secret, const SealKey& point) {
  const ErrorScope scope;
  const KeyPtr own = private_key(secret);
  const KeyPtr other(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, point.data(), point.size()));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  SealKey agreed;
  std::size_t size = agreed.size();
  if (!other || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
      EVP_PKEY_derive(context.get(), agreed.data(), &size) != 1 || size != agreed.size() ||
      equal_in_constant_time(agreed, SealKey{}))
    return base::fail(Code::invalid_input, "agree on a key: the public key is no usable point");
  return agreed;
}

SealKeyPair make_seal_keys() {
  SealKeyPair keys;
  random(keys.secret);
  keys.recipient = recipient_of(keys.secret);
  return keys;
}

SealKey recipient_of(const SealKey& secret) {
  SealKey recipient;
  std::size_t size = recipient.size();
  CHECK(EVP_PKEY_get_raw_public_key(private_key(secret).get(), recipient.data(), &size) == 1);
  return recipient;
}

base::Result<base::Bytes> seal_with(const SealKey& ephemeral_secret, const SealKey& recipient,
                                    BytesView info, BytesView associated, BytesView plain) {
  if (plain.size() > max_sealed_bytes - seal_overhead_bytes)
    return base::fail(Code::invalid_input, "seal: more bytes than fit into one sealed message");
  const SealKey ephemeral = recipient_of(ephemeral_secret);
  const Wiped<32> agreed = TRY(x25519(ephemeral_secret, recipient));
  const Schedule keys = schedule(agreed, ephemeral, recipient, info);
  base::Bytes sealed(ephemeral.begin(), ephemeral.end());
  aead_seal(keys.key, keys.nonce, associated, plain, sealed);
  return sealed;
}

base::Result<base::Bytes> seal(const SealKey& recipient, BytesView info, BytesView associated,
                               BytesView plain) {
  Wiped<32> ephemeral;
  random(ephemeral);
  return seal_with(ephemeral, recipient, info, associated, plain);
}

base::Result<base::Bytes> unseal(const SealKey& secret, BytesView info, BytesView associated,
                                 BytesView sealed) {
  const auto refused = [] {
    return base::fail(Code::denied, "unseal: it was changed, or was sealed for another key");
  };
  if (sealed.size() < seal_overhead_bytes || sealed.size() > max_sealed_bytes) return refused();
  SealKey ephemeral;
  std::ranges::copy(sealed.first(ephemeral.size()), ephemeral.begin());
  const auto agreed = x25519(secret, ephemeral);
  if (!agreed) return refused();
  const Wiped<32> point(*agreed);
  const Schedule keys = schedule(point, ephemeral, recipient_of(secret), info);
  base::Bytes plain;
  if (!aead_open(keys.key, keys.nonce, associated, sealed.subspan(ephemeral.size()), plain))
    return refused();
  return plain;
}

}  // namespace selvedge::crypto
