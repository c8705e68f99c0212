#include "crypto/est.h"

#include <openssl/pkcs7.h>

#include "base/text.h"
#include "crypto/openssl.h"
#include "crypto/public_key.h"

namespace selvedge::crypto {
namespace {

using Pkcs7Ptr = std::unique_ptr<PKCS7, Free<PKCS7_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

base::Result<std::vector<CertificatePtr>> parse_all(std::string_view bundle) {
  constexpr std::string_view mark = "-----END CERTIFICATE-----";
  std::vector<CertificatePtr> all;
  for (;;) {
    const std::size_t end = bundle.find(mark);
    if (end == std::string_view::npos) break;
    if (all.size() >= max_certificates)
      return base::fail(base::Code::exhausted, "read certificates: there are more than " +
                                                   std::to_string(max_certificates));
    all.push_back(TRY(parse_certificate(bundle.substr(0, end + mark.size()))));
    bundle.remove_prefix(end + mark.size());
  }
  if (all.empty())
    return base::fail(base::Code::invalid_input, "read certificates: there is none");
  return all;
}

base::Result<std::string> pem_of(X509* certificate) {
  return to_pem("write certificate",
                [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

struct ExtensionsFree {
  void operator()(STACK_OF(X509_EXTENSION) * all) const {
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
  }
};
using ExtensionsPtr = std::unique_ptr<STACK_OF(X509_EXTENSION), ExtensionsFree>;

// Base64 with line breaks anywhere becomes base64 without.
std::string without_space(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  for (const char c : text)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') kept += c;
  return kept;
}

}  // namespace

base::Result<base::Bytes> certificates_only(std::string_view pem) {
  const ErrorScope scope;
  constexpr std::string_view step = "write certificates";
  const std::vector<CertificatePtr> all = TRY(parse_all(pem));
  const Pkcs7Ptr message(PKCS7_new());
  if (!message || PKCS7_set_type(message.get(), NID_pkcs7_signed) != 1 ||
      PKCS7_content_new(message.get(), NID_pkcs7_data) != 1)
    return openssl_failed(base::Code::internal, step);
  // There is no content at all, not an empty one.
  PKCS7* const content = message->d.sign->contents;
  ASN1_OCTET_STRING_free(content->d.data);
  content->d.data = nullptr;
  for (const CertificatePtr& certificate : all)
    if (PKCS7_add_certificate(message.get(), certificate.get()) != 1)
      return openssl_failed(base::Code::internal, step);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS7(message.get(), &der);
  if (size <= 0) return openssl_failed(base::Code::internal, step);
  base::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

base::Result<std::string> read_certificates_only(base::BytesView der) {
  const ErrorScope scope;
  constexpr std::string_view step = "read certificates";
  if (der.size() > max_pem_bytes)
    return base::fail(base::Code::invalid_input, "read certificates: too long");
  const unsigned char* at = der.data();
  const Pkcs7Ptr message(d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
  if (!message) return openssl_failed(base::Code::invalid_input, step);
  if (PKCS7_type_is_signed(message.get()) != 1 || message->d.sign == nullptr ||
      message->d.sign->cert == nullptr)
    return base::fail(base::Code::invalid_input, "read certificates: there is none");
  const auto* const list = message->d.sign->cert;
  const int count = sk_X509_num(list);
  if (count <= 0 || static_cast<std::size_t>(count) > max_certificates)
    return base::fail(base::Code::invalid_input,
                      "read certificates: " + std::to_string(count) + " of them");
  std::string pem;
  for (int i = 0; i < count; ++i) pem += TRY(pem_of(sk_X509_value(list, i)));
  return pem;
}

base::Result<std::vector<std::string>> split_certificates(std::string_view bundle) {
  const ErrorScope scope;
  std::vector<std::string> texts;
  for (const CertificatePtr& certificate : TRY(parse_all(bundle)))
    texts.push_back(TRY(pem_of(certificate.get())));
  return texts;
}

// AttrOrOID is a sequence of either; DER written out, since it never varies:
//   SEQUENCE { OID ecdsa-with-SHA256, SEQUENCE { OID id-ecPublicKey, SET { OID prime256v1 } } }
base::Bytes request_attributes() {
  return {0x30, 0x21,
          0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02,
          0x30, 0x15,
          0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
          0x31, 0x0A,
          0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
}

base::Result<std::string> read_posted_request(std::string_view body) {
  const ErrorScope scope;
  constexpr std::string_view step = "read certificate request";
  if (body.size() > max_request_bytes) {
    std::string why(step);             // in pieces: g++ 12 warns of a bound that is none
    why += ": " + std::to_string(body.size()) + " bytes are more than the ";
    why += std::to_string(max_request_bytes) + " allowed";
    return base::fail(base::Code::invalid_input, std::move(why));
  }
  CsrPtr csr;
  if (body.find("-----BEGIN") != std::string_view::npos) {
    csr = TRY(parse_csr(body));
  } else {
    base::Bytes der;
    if (!body.empty() && body.front() == '\x30') der = base::to_bytes(body);
    else der = TRY(base::while_doing(step, base::from_base64(without_space(body))));
    const unsigned char* at = der.data();
    csr.reset(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    if (!csr) return openssl_failed(base::Code::invalid_input, step);
  }
  return to_pem(step, [&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, csr.get()); });
}

base::Result<RequestInfo> read_request(std::string_view csr) {
  const ErrorScope scope;
  const CsrPtr asked = TRY(parse_csr(csr));
  RequestInfo info;
  info.common_name = TRY(common_name_of(X509_REQ_get_subject_name(asked.get())));
  const ExtensionsPtr extensions(X509_REQ_get_extensions(asked.get()));
  if (!extensions) return info;
  const AlternativeNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return info;
  AlternativeNames read = TRY(read_names(names.get()));
  info.dns_names = std::move(read.dns_names);
  info.addresses = std::move(read.addresses);
  info.uris = std::move(read.uris);
  return info;
}

base::Result<base::Bytes> prove_key(std::string_view key, base::BytesView data) {
  const ErrorScope scope;
  constexpr std::string_view step = "sign with key";
  const KeyPtr parsed = TRY(parse_key(key));
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, signing_digest(parsed.get()), nullptr,
                         parsed.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1)
    return openssl_failed(base::Code::internal, step);
  base::Bytes proof(size);
  if (EVP_DigestSign(context.get(), proof.data(), &size, data.data(), data.size()) != 1)
    return openssl_failed(base::Code::internal, step);
  proof.resize(size);
  return proof;
}

base::Result<void> check_proof(std::string_view certificate, base::BytesView data,
                               base::BytesView proof) {
  const ErrorScope scope;
  const CertificatePtr parsed = TRY(parse_certificate(certificate));
  EVP_PKEY* const key = X509_get0_pubkey(parsed.get());
  TRY(check_public_key(key));
  const DigestContextPtr context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, signing_digest(key), nullptr,
                                       key) != 1)
    return openssl_failed(base::Code::internal, "check proof");
  if (EVP_DigestVerify(context.get(), proof.data(), proof.size(), data.data(), data.size()) != 1)
    return base::fail(base::Code::denied,
                      "check proof: it was not made with the key of the certificate");
  return {};
}

base::Result<std::size_t> issuer_of(std::string_view certificate, std::string_view bundle) {
  const ErrorScope scope;
  const CertificatePtr parsed = TRY(parse_certificate(certificate));
  const std::vector<CertificatePtr> authorities = TRY(parse_all(bundle));
  for (std::size_t i = 0; i < authorities.size(); ++i) {
    X509* const authority = authorities[i].get();
    if (X509_check_issued(authority, parsed.get()) == X509_V_OK &&
        X509_verify(parsed.get(), X509_get0_pubkey(authority)) == 1)
      return i;
  }
  return base::fail(base::Code::denied, "the certificate is of another authority");
}

}  // namespace selvedge::crypto
