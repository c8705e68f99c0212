#include <arpa/inet.h>

#include <limits>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace selvedge::crypto {
namespace {

// Certificates "without end" say year 9999, which a Time cannot; the last moment it can say serves.
base::Result<base::Time> to_time(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) {
    return base::fail(base::Code::invalid_input, "read certificate: its validity is not a time");
  }
  using namespace std::chrono;
  const sys_days day = year(fields.tm_year + 1900) /
                       month(static_cast<unsigned>(fields.tm_mon + 1)) /
                       std::chrono::day(static_cast<unsigned>(fields.tm_mday));
  const std::int64_t since = duration_cast<seconds>(day.time_since_epoch()).count() +
                             fields.tm_hour * 3600L + fields.tm_min * 60L + fields.tm_sec;
  constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
  if (since > limit) return base::Time{std::numeric_limits<std::int64_t>::max()};
  if (since < -limit) return base::Time{std::numeric_limits<std::int64_t>::min()};
  return base::Time{since * 1'000'000'000};
}

// A name with a NUL inside reads differently to different programs, so it is refused.
base::Result<std::string> to_text(const ASN1_STRING* string) {
  const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
  std::string text(data, static_cast<std::size_t>(ASN1_STRING_length(string)));
  if (text.find('\0') != std::string::npos) {
    return base::fail(base::Code::invalid_input, "read certificate: a name in it contains a NUL");
  }
  return text;
}

base::Result<std::string> address_text(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN] = {};
  const int size = ASN1_STRING_length(address);
  const int family = size == 4 ? AF_INET : AF_INET6;
  if ((size != 4 && size != 16) ||
      inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text) == nullptr) {
    return base::fail(base::Code::invalid_input,
                      "read certificate: an address of " + std::to_string(size) + " bytes");
  }
  return std::string(text);
}

base::Result<AlternativeNames> read_alternative_names(const X509* certificate) {
  int critical = 0;
  const AlternativeNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (names) return read_names(names.get());
  if (critical == -1) return AlternativeNames{};  // there is none
  return base::fail(base::Code::invalid_input,
                    "read certificate: its alternative names are damaged or there twice");
}

std::string serial_text(const ASN1_INTEGER* serial) {
  std::string text = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" : "";
  text += base::to_hex(base::BytesView(ASN1_STRING_get0_data(serial),
                                       static_cast<std::size_t>(ASN1_STRING_length(serial))));
  return text;
}

base::Result<Digest> digest_of(const X509* certificate) {
  Digest digest;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1 || size != digest.size()) {
    return openssl_failed(base::Code::internal, "digest certificate");
  }
  return digest;
}

}  // namespace

base::Result<std::string> common_name_of(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return std::string();
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return openssl_failed(base::Code::invalid_input, "read certificate: common name");
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  if (text.find('\0') != std::string::npos) {
    return base::fail(base::Code::invalid_input, "read certificate: its name contains a NUL");
  }
  return text;
}

base::Result<AlternativeNames> read_names(const GENERAL_NAMES* names) {
  AlternativeNames read;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    const auto* string = static_cast<const ASN1_STRING*>(value);
    switch (type) {
      case GEN_URI:
        read.uris.push_back(TRY(to_text(string)));
        break;
      case GEN_DNS:
        read.dns_names.push_back(TRY(to_text(string)));
        break;
      case GEN_IPADD:
        read.addresses.push_back(TRY(address_text(string)));
        break;
      default:
        break;
    }
  }
  return read;
}

base::Result<base::Time> end_of_validity(const X509* certificate) {
  return to_time(X509_get0_notAfter(certificate));
}

base::Result<CertificateInfo> read_certificate(std::string_view pem) {
  const ErrorScope scope;
  const CertificatePtr certificate = TRY(parse_certificate(pem));
  CertificateInfo info;
  info.common_name = TRY(common_name_of(X509_get_subject_name(certificate.get())));
  info.issuer = TRY(common_name_of(X509_get_issuer_name(certificate.get())));
  info.serial = serial_text(X509_get0_serialNumber(certificate.get()));
  AlternativeNames names = TRY(read_alternative_names(certificate.get()));
  info.uris = std::move(names.uris);
  info.dns_names = std::move(names.dns_names);
  info.addresses = std::move(names.addresses);
  info.not_before = TRY(to_time(X509_get0_notBefore(certificate.get())));
  info.not_after = TRY(end_of_validity(certificate.get()));
  info.is_ca = X509_check_ca(certificate.get()) == 1;
  info.fingerprint = base::to_hex(TRY(digest_of(certificate.get())));
  return info;
}

base::Result<Digest> fingerprint(std::string_view certificate) {
  const ErrorScope scope;
  const CertificatePtr parsed = TRY(parse_certificate(certificate));
  return digest_of(parsed.get());
}

}  // namespace selvedge::crypto
