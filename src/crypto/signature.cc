#include "crypto/signature.h"

#include <openssl/rsa.h>

#include "crypto/held_key.h"
#include "crypto/public_key.h"

namespace selvedge::crypto {
namespace {

using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

Checked failed(std::string why) { return {.passed = false, .for_log = std::move(why)}; }

Checked failed(const base::Error& error) { return failed(error.message); }

const EVP_MD* digest_for(KeyKind kind) { return kind == KeyKind::ed25519 ? nullptr : EVP_sha256(); }

bool set_pss(EVP_PKEY_CTX* context, int salt) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1;
}

}  // namespace

base::Result<base::Bytes> sign(const PrivateKey& key, base::BytesView data) {
  const ErrorScope scope;
  const auto& held = key.held();
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;             // belongs to `context`
  if (!context || EVP_DigestSignInit(context.get(), &parameters, digest_for(held.kind), nullptr,
                                     held.key.get()) != 1 ||
      (held.kind == KeyKind::rsa_pss && !set_pss(parameters, RSA_PSS_SALTLEN_MAX)))
    return openssl_failed(base::Code::internal, "sign");
  std::size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1 ||
      size > max_signature_bytes)
    return openssl_failed(base::Code::internal, "sign");
  base::Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
    return openssl_failed(base::Code::internal, "sign");
  signature.resize(size);
  return signature;
}

Checked check_signature(EVP_PKEY* key, base::BytesView data, base::BytesView signature) {
  const auto kind = kind_of(key);
  if (!kind) return failed("check signature: the key is of no kind that signs here");
  if (signature.empty() || signature.size() > max_signature_bytes)
    return failed("check signature: " + std::to_string(signature.size()) +
                  " bytes are no signature");
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  if (!context ||
      EVP_DigestVerifyInit(context.get(), &parameters, digest_for(*kind), nullptr, key) != 1 ||
      (*kind == KeyKind::rsa_pss && !set_pss(parameters, RSA_PSS_SALTLEN_AUTO)))
    return failed(openssl_failed(base::Code::internal, "check signature").error());
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                       data.size()) != 1)
    return failed("check signature: it is not by this key over these bytes");
  return {.passed = true, .for_log = {}};
}

Checked verify_signature(std::string_view signer, base::BytesView data, base::BytesView signature) {
  const ErrorScope scope;
  const auto key = parse_public_pem(signer);
  if (!key) return failed(key.error());
  if (const auto sound = check_public_key(key->get()); !sound) return failed(sound.error());
  return check_signature(key->get(), data, signature);
}

Checked verify_signature(const PublicKey& key, base::BytesView data, base::BytesView signature) {
  const ErrorScope scope;
  const unsigned char* at = key.der.data();
  const KeyPtr parsed(d2i_PUBKEY(nullptr, &at, static_cast<long>(key.der.size())));
  if (!parsed) return failed("check signature: the key cannot be read");
  return check_signature(parsed.get(), data, signature);
}

}  // namespace selvedge::crypto
