#include "os/tls_names.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <memory>
#include <string_view>

#include "base/text.h"

namespace selvedge::os {
namespace {

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string common_name(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (place < 0) return {};
  const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return name;
}

std::vector<std::string> uris(const X509* certificate) {
  std::vector<std::string> found;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) found.push_back(text_of(name->d.uniformResourceIdentifier));
  }
  return found;
}

std::string serial(const X509* certificate) {
  const ASN1_INTEGER* const number = X509_get0_serialNumber(certificate);
  return base::to_hex({ASN1_STRING_get0_data(number),
                       static_cast<std::size_t>(ASN1_STRING_length(number))});
}

std::int64_t not_after(const X509* certificate) {
  tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return 0;
  return timegm(&time);
}

}  // namespace

void describe(const X509* certificate, Peer& peer) {
  peer.common_name = common_name(certificate);
  peer.uris = uris(certificate);
  peer.serial = serial(certificate);
  peer.not_after = not_after(certificate);
}

std::string subject_of(const X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return base::printable(std::string_view(data, static_cast<std::size_t>(size)), 200);
}

std::string take_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "no reason given";
  const int reason = ERR_GET_REASON(error);
  // Alerts from the other side are reported with their number on top of this.
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
      reason <= SSL_AD_REASON_OFFSET + 255) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    // OpenSSL 3.0 has no words for this one of TLS 1.3.
    if (alert == TLS13_AD_CERTIFICATE_REQUIRED) return "the peer says: certificate required";
    return std::string("the peer says: ") + SSL_alert_desc_string_long(alert);
  }
  const char* const sentence = ERR_reason_error_string(error);
  return sentence != nullptr ? sentence : "error " + std::to_string(reason);
}

}  // namespace selvedge::os
