#include "crypto/crypto.h"
#include "crypto/held_key.h"
#include "crypto/openssl.h"

namespace selvedge::crypto {
namespace {

// Without a callback OpenSSL asks for the passphrase of an encrypted PEM on the
// terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

base::Result<BioPtr> open_pem(std::string_view pem, std::string_view what) {
  if (pem.size() > max_pem_bytes) {
    return base::fail(base::Code::invalid_input, std::string(what) + ": " +
                                                     std::to_string(pem.size()) +
                                                     " bytes of PEM are more than the " +
                                                     std::to_string(max_pem_bytes) + " allowed");
  }
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return openssl_failed(base::Code::internal, what);
  return bio;
}

}  // namespace

std::unexpected<base::Error> openssl_failed(base::Code code, std::string_view step) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string message(step);
  message += ": ";
  message += reason == nullptr ? "OpenSSL gave no reason" : reason;
  return base::fail(code, std::move(message));
}

base::Result<CertificatePtr> parse_certificate(std::string_view pem) {
  const BioPtr bio = TRY(open_pem(pem, "read certificate"));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) return openssl_failed(base::Code::invalid_input, "read certificate");
  return certificate;
}

base::Result<KeyPtr> parse_key(std::string_view pem) {
  if (is_key_uri(pem)) return load_from_store(pem);
  const BioPtr bio = TRY(open_pem(pem, "read private key"));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return openssl_failed(base::Code::invalid_input, "read private key");
  return key;
}

base::Result<CsrPtr> parse_csr(std::string_view pem) {
  const BioPtr bio = TRY(open_pem(pem, "read certificate request"));
  CsrPtr csr(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  if (!csr) return openssl_failed(base::Code::invalid_input, "read certificate request");
  return csr;
}

base::Result<std::string> make_key() {
  const ErrorScope scope;
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed(base::Code::internal, "make key");
  return to_pem("write key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

base::Result<void> check_pair(std::string_view certificate, std::string_view key) {
  const ErrorScope scope;
  const CertificatePtr parsed = TRY(parse_certificate(certificate));
  const KeyPtr private_key = TRY(parse_key(key));
  if (X509_check_private_key(parsed.get(), private_key.get()) != 1) {
    return base::fail(base::Code::invalid_input,
                      "check certificate and key: the certificate was issued for another key");
  }
  return {};
}

}  // namespace selvedge::crypto
