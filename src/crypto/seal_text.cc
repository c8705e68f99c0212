// Sealing keys as text.

#include "base/text.h"
#include "crypto/openssl.h"
#include "crypto/seal.h"

namespace selvedge::crypto {
namespace {

using base::Code;
using base::fail;

base::Result<SealKey> raw(const EVP_PKEY* key, int (*read)(const EVP_PKEY*, unsigned char*, std::size_t*),
                          std::string_view step) {
  SealKey value;
  std::size_t size = value.size();
  if (EVP_PKEY_is_a(key, "X25519") != 1 || read(key, value.data(), &size) != 1 || size != value.size())
    return fail(Code::invalid_input, std::string(step) + ": it is not an X25519 key");
  return value;
}

}  // namespace

std::string to_pem(const SealKeyPair& keys) {
  const ErrorScope scope;
  const KeyPtr key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, keys.secret.data(), keys.secret.size()));
  const auto pem = to_pem("write sealing key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  CHECK(pem.has_value());
  return *pem;
}

std::string to_text(const SealKey& recipient) { return base::to_base64(recipient); }

base::Result<SealKey> parse_recipient(std::string_view text) {
  const ErrorScope scope;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (text.starts_with("-----BEGIN")) {
    if (text.size() > max_pem_bytes) return fail(Code::invalid_input, "read recipient: too long");
    const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const KeyPtr key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!key) return openssl_failed(Code::invalid_input, "read recipient");
    return raw(key.get(), EVP_PKEY_get_raw_public_key, "read recipient");
  }
  const auto bytes = base::from_base64(text.substr(0, 128));
  SealKey key;
  if (!bytes || bytes->size() != key.size() || text.size() > 128)
    return fail(Code::invalid_input,
                "read recipient: expected the base64 of 32 bytes or the PEM of an X25519 public key");
  std::ranges::copy(*bytes, key.begin());
  return key;
}

base::Result<SealKeyPair> parse_seal_keys(std::string_view pem) {
  const ErrorScope scope;
  const KeyPtr key = TRY(parse_key(pem));
  SealKeyPair keys;
  keys.secret = TRY(raw(key.get(), EVP_PKEY_get_raw_private_key, "read sealing key"));
  keys.recipient = recipient_of(keys.secret);
  return keys;
}

}  // namespace selvedge::crypto
