// Public keys as values: one encoding each, and its digest as the name.

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/held_key.h"
#include "crypto/public_key.h"

namespace selvedge::crypto {
namespace {

using base::Code;
using base::fail;

using ParameterBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using ParametersPtr = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

constexpr std::size_t max_key_bytes = 2048;    // RSA of 8192 bits has 1,062
constexpr unsigned long usual_exponent = 65537;

NumberPtr number_of(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) return nullptr;
  return NumberPtr(number);
}

// An RSA key under the plain identifier, whatever it came under.
base::Result<KeyPtr> plain_rsa(const EVP_PKEY* key) {
  const NumberPtr n = number_of(key, OSSL_PKEY_PARAM_RSA_N), e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  if (!n || !e) return openssl_failed(Code::invalid_input, "read public key");
  if (BN_is_word(e.get(), usual_exponent) != 1)
    return fail(Code::invalid_input, "read public key: an RSA exponent other than 65537");
  const ParameterBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return openssl_failed(Code::internal, "read public key");
  const ParametersPtr parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return openssl_failed(Code::invalid_input, "read public key");
  return KeyPtr(made);
}

base::Result<PublicKey> to_value(KeyPtr key) {
  TRY(check_public_key(key.get()));
  const auto kind = kind_of(key.get());
  if (!kind)
    return fail(Code::invalid_input, "read public key: neither Ed25519 nor ECDSA P-256 nor RSA");
  if (*kind == KeyKind::rsa_pss) key = TRY(plain_rsa(key.get()));
  if (*kind == KeyKind::ecdsa_p256 &&
      EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                     "uncompressed") != 1)
    return openssl_failed(Code::internal, "read public key");
  PublicKey value{.kind = *kind,
                  .bits = static_cast<unsigned>(EVP_PKEY_get_bits(key.get())),
                  .der = {}};
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return openssl_failed(Code::internal, "read public key");
  value.der.assign(der, der + size);
  OPENSSL_free(der);
  return value;
}

base::Result<KeyPtr> parse_der(base::BytesView der) {
  if (der.size() > max_key_bytes)
    return fail(Code::invalid_input, "read public key: longer than any key there is");
  const unsigned char* at = der.data();
  KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key) return openssl_failed(Code::invalid_input, "read public key");
  return key;
}

}  // namespace

base::Result<KeyPtr> parse_public_pem(std::string_view pem) {
  if (pem.find("-----BEGIN CERTIFICATE-----") != pem.npos) {
    const CertificatePtr certificate = TRY(parse_certificate(pem));
    KeyPtr key(X509_get_pubkey(certificate.get()));
    if (!key) return openssl_failed(Code::invalid_input, "read the certificate's public key");
    return key;
  }
  if (pem.size() > max_pem_bytes) return fail(Code::invalid_input, "read public key: too long");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyPtr key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key) return openssl_failed(Code::invalid_input, "read public key");
  return key;
}

base::Result<PublicKey> read_public_key(std::string_view pem) {
  const ErrorScope scope;
  return to_value(TRY(parse_public_pem(pem)));
}

base::Result<PublicKey> parse_public_key(base::BytesView der) {
  const ErrorScope scope;
  PublicKey key = TRY(to_value(TRY(parse_der(der))));
  if (!std::ranges::equal(key.der, der))
    return fail(Code::invalid_input, "read public key: it is not in the one form that has a name");
  return key;
}

std::string key_id(const PublicKey& key) { return base::to_hex(sha256(key.der)); }

std::string to_pem(const PublicKey& key) {
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  const std::string text = base::to_base64(key.der);
  for (std::size_t at = 0; at < text.size(); at += 64) pem += text.substr(at, 64) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

}  // namespace selvedge::crypto
