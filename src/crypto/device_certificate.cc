// verify_device_certificate: a path from a device's certificate to an authority (RFC 5280 section 6).

#include <openssl/x509_vfy.h>

#include "crypto/openssl.h"
#include "crypto/public_key.h"
#include "crypto/signature.h"

namespace selvedge::crypto {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

constexpr int max_certificates = 16, max_depth = 4;
constexpr int strength_112_bits = 2;     // OpenSSL's level: RSA of 2048 bits, no SHA-1

Checked failed(std::string why) { return {.passed = false, .for_log = std::move(why)}; }

// All certificates of a PEM text. Damage anywhere makes all of it worthless.
base::Result<std::vector<CertificatePtr>> parse_all(std::string_view pem, std::string_view what) {
  if (pem.size() > max_pem_bytes)
    return base::fail(base::Code::invalid_input, std::string(what) + ": too long");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<CertificatePtr> all;
  while (bio) {
    CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && !all.empty()) return all;
      break;
    }
    if (all.size() == max_certificates)
      return base::fail(base::Code::invalid_input, std::string(what) + ": too many certificates");
    all.push_back(std::move(certificate));
  }
  return openssl_failed(base::Code::invalid_input, what);
}

std::time_t seconds(base::Time time) {
  return static_cast<std::time_t>(
      std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(time.ns)).count());
}

}  // namespace

Checked verify_device_certificate(std::string_view certificate, std::string_view authority,
                                  base::Time now) {
  const ErrorScope scope;
  const auto chain = parse_all(certificate, "read device certificate");
  if (!chain) return failed(chain.error().message);
  const auto anchors = parse_all(authority, "read authority");
  if (!anchors) return failed(anchors.error().message);
  X509* leaf = chain->front().get();
  if (const auto sound = check_public_key(X509_get0_pubkey(leaf)); !sound)
    return failed(sound.error().message);
  if (X509_check_ca(leaf) != 0) return failed("check device certificate: it is one of an authority");

  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509)* stack) { sk_X509_free(stack); })>
      between(sk_X509_new_null());
  if (!store || !context || !between) return failed("check device certificate: out of memory");
  for (const CertificatePtr& anchor : *anchors)
    if (X509_STORE_add_cert(store.get(), anchor.get()) != 1)
      return failed("check device certificate: the authority cannot be used");
  for (std::size_t i = 1; i < chain->size(); ++i) sk_X509_push(between.get(), (*chain)[i].get());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf, between.get()) != 1)
    return failed("check device certificate: out of memory");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, seconds(now));
  X509_VERIFY_PARAM_set_depth(parameters, max_depth);
  X509_VERIFY_PARAM_set_auth_level(parameters, strength_112_bits);
  // An authority in the middle of somebody's chain may be trusted for itself.
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  if (X509_verify_cert(context.get()) == 1) return {.passed = true, .for_log = {}};
  return failed(std::string("check device certificate: ") +
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

}  // namespace selvedge::crypto
