// Owning pointers for OpenSSL's objects, and its errors as ours. Private to crypto/: only the .cc
// files of this folder include it.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::crypto {

template <auto release>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509_free>>;
using CsrPtr = std::unique_ptr<X509_REQ, Free<X509_REQ_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Free<X509_NAME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, Free<ASN1_TIME_free>>;
using AddressPtr = std::unique_ptr<ASN1_OCTET_STRING, Free<ASN1_OCTET_STRING_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;
using AlternativeNamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using AlternativeNamePtr = std::unique_ptr<GENERAL_NAME, Free<GENERAL_NAME_free>>;
using Ia5Ptr = std::unique_ptr<ASN1_IA5STRING, Free<ASN1_IA5STRING_free>>;

// Larger PEM text is refused before OpenSSL sees it: a chain of RSA-4096 certificates fits.
inline constexpr std::size_t max_pem_bytes = 64 << 10;

// Leaves the thread's error queue as it was found: whoever drives TLS on the same thread reads that
// queue too, and would take our failure for its own.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

// An error of ours that ends with OpenSSL's latest reason.
std::unexpected<base::Error> openssl_failed(base::Code code, std::string_view step);

base::Result<CertificatePtr> parse_certificate(std::string_view pem);
base::Result<KeyPtr> parse_key(std::string_view pem);       // or a URI; never asks for a passphrase
base::Result<CsrPtr> parse_csr(std::string_view pem);

// The last moment a certificate is valid, at most the last one a Time can say.
base::Result<base::Time> end_of_validity(const X509* certificate);

// Names with a NUL inside are refused: they read differently to different programs.
base::Result<std::string> common_name_of(const X509_NAME* name);   // "" if there is none

struct AlternativeNames {
  std::vector<std::string> uris, dns_names, addresses;
};
base::Result<AlternativeNames> read_names(const GENERAL_NAMES* names);

// What `write` puts into a memory BIO, as text.
template <typename Write>
base::Result<std::string> to_pem(std::string_view step, Write write) {
  // The secure kind clears its memory when freed; keys pass through here too.
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || write(bio.get()) != 1) return openssl_failed(base::Code::internal, step);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace selvedge::crypto
