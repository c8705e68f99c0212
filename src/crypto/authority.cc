// The certificates that Selvedge makes: X.509 version 3 as RFC 5280 wants them.

#include <arpa/inet.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"
#include "crypto/public_key.h"

namespace selvedge::crypto {
namespace {

constexpr std::size_t max_hosts = 64;

base::Result<TimePtr> to_asn1(base::Time time, std::string_view step) {
  TimePtr converted(ASN1_TIME_set(nullptr, static_cast<std::time_t>(time.ns / 1'000'000'000)));
  if (time.ns < 0 || !converted) {
    return base::fail(base::Code::invalid_input, std::string(step) + ": " + base::to_iso8601(time) +
                                                     " is no time a certificate can be made for");
  }
  return converted;
}

// From `from` less the allowed clock skew to `until`.
base::Result<void> set_validity(X509* certificate, base::Time from, base::Time until,
                                std::string_view step) {
  if (until <= from) {
    return base::fail(base::Code::invalid_input,
                      std::string(step) + ": it would end at " + base::to_iso8601(until) +
                          ", before it begins at " + base::to_iso8601(from));
  }
  const base::Time backdated{std::max<std::int64_t>(from.ns - clock_skew.count(), 0)};
  const TimePtr not_before = TRY(to_asn1(backdated, step));
  const TimePtr not_after = TRY(to_asn1(until, step));
  if (X509_set1_notBefore(certificate, not_before.get()) != 1 ||
      X509_set1_notAfter(certificate, not_after.get()) != 1) {
    return openssl_failed(base::Code::internal, step);
  }
  return {};
}

base::Result<base::Time> end_of(base::Time from, base::Duration valid, std::string_view step) {
  constexpr base::Duration century = std::chrono::hours(24 * 36525);
  constexpr std::int64_t last_start = 6'000'000'000'000'000'000;  // in 2160
  if (valid <= base::Duration::zero() || valid > century || from.ns < 0 || from.ns > last_start) {
    return base::fail(base::Code::invalid_input,
                      std::string(step) + ": valid for " + base::to_string(valid) + " from " +
                          base::to_iso8601(from) +
                          " is out of range (0 to 100 years, 1970 to 2160)");
  }
  return from + valid;
}

// 128 random bits (RFC 5280 section 4.1.2.2 allows 159): never the same twice, and not guessable.
bool set_serial(X509* certificate) {
  std::array<std::uint8_t, 16> bytes;
  random(bytes);
  const NumberPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

base::Result<NamePtr> make_name(std::string_view common_name, std::string_view step) {
  NamePtr name(X509_NAME_new());
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  if (!name || common_name.empty() || common_name.size() > 64 || !base::is_utf8(common_name) ||
      common_name.find('\0') != std::string_view::npos ||
      X509_NAME_add_entry_by_NID(name.get(), NID_commonName, MBSTRING_UTF8, text,
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    return base::fail(base::Code::invalid_input,
                      std::string(step) + ": \"" + base::printable(common_name) +
                          "\" is no common name (1 to 64 bytes of UTF-8)");
  }
  return name;
}

struct Extension {
  int nid;
  const char* value;
};

bool add_extensions(X509* certificate, X509* issuer, std::initializer_list<Extension> extensions) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  for (const Extension& extension : extensions) {
    const ExtensionPtr made(
        X509V3_EXT_nconf_nid(nullptr, &context, extension.nid, extension.value));
    if (!made || X509_add_ext(certificate, made.get(), -1) != 1) return false;
  }
  return true;
}

AlternativeNamePtr make_ia5(int type, std::string_view text) {
  AlternativeNamePtr name(GENERAL_NAME_new());
  Ia5Ptr value(ASN1_IA5STRING_new());
  if (!name || !value ||
      ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) != 1) {
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  return name;
}

AlternativeNamePtr make_address(const std::string& host) {
  AddressPtr address(a2i_IPADDRESS(host.c_str()));
  AlternativeNamePtr name(GENERAL_NAME_new());
  if (!address || !name) return nullptr;
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
  return name;
}

bool is_address(const std::string& host) {
  std::array<std::uint8_t, 16> parsed;
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

// Letters, digits and hyphens in labels of 1 to 63 (RFC 1123 section 2.1); no wildcards.
bool is_dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  char before = '.';
  for (const char c : host) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else if (!alphanumeric && (c != '-' || label == 0)) {
      return false;
    } else if (++label > 63) {
      return false;
    }
    before = c;
  }
  return label > 0 && before != '-';
}

base::Result<void> add_alternative_names(X509* certificate, const CertificateRequest& request) {
  const AlternativeNamesPtr names(GENERAL_NAMES_new());
  const auto push = [&](AlternativeNamePtr name) {
    if (!names || !name || sk_GENERAL_NAME_push(names.get(), name.get()) <= 0) return false;
    static_cast<void>(name.release());  // belongs to the list
    return true;
  };
  bool good = push(make_ia5(GEN_URI, role_uri(request.role, request.name)));
  for (const std::string& host : request.hosts) {
    const bool address = is_address(host);
    if (!address && !is_dns_name(host)) {
      return base::fail(base::Code::invalid_input, "issue certificate: host \"" +
                                                       base::printable(host) +
                                                       "\" is neither an address nor a DNS name");
    }
    good = good && push(address ? make_address(host) : make_ia5(GEN_DNS, host));
  }
  if (!good || X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return openssl_failed(base::Code::internal, "issue certificate: alternative names");
  }
  return {};
}

base::Result<std::string> write(X509* certificate) {
  return to_pem("write certificate",
                [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

struct Signer {
  CertificatePtr certificate;
  KeyPtr key;
};

base::Result<Signer> open_authority(const Authority& authority) {
  Signer signer{.certificate = TRY(parse_certificate(authority.certificate)),
                .key = TRY(parse_key(authority.key))};
  if (X509_check_ca(signer.certificate.get()) != 1) {
    return base::fail(base::Code::invalid_input, "its certificate is not one of an authority");
  }
  if (X509_check_private_key(signer.certificate.get(), signer.key.get()) != 1) {
    return base::fail(base::Code::invalid_input, "its certificate was made for another key");
  }
  return signer;
}

base::Result<void> check_request(const CertificateRequest& request) {
  if (!is_name(request.name)) {
    return base::fail(base::Code::invalid_input,
                      "issue certificate: \"" + base::printable(request.name) +
                          "\" is no name (1 to 64 of A-Z a-z 0-9 . _ -)");
  }
  if (request.hosts.size() > max_hosts) {
    return base::fail(base::Code::invalid_input,
                      "issue certificate: " + std::to_string(request.hosts.size()) +
                          " hosts are more than " + std::to_string(max_hosts));
  }
  return {};
}

}  // namespace

base::Result<Authority> make_authority(std::string_view common_name, base::Time now,
                                       base::Duration valid) {
  const ErrorScope scope;
  Authority authority{.certificate = {}, .key = TRY(make_key())};
  authority.certificate = TRY(certify_authority(authority.key, common_name, now, valid));
  return authority;
}

base::Result<std::string> certify_authority(std::string_view private_key,
                                            std::string_view common_name, base::Time now,
                                            base::Duration valid) {
  const ErrorScope scope;
  constexpr std::string_view step = "make authority";
  const KeyPtr key = TRY(parse_key(private_key));
  const NamePtr name = TRY(make_name(common_name, step));
  const CertificatePtr certificate(X509_new());
  if (!certificate) return openssl_failed(base::Code::internal, step);
  X509* const x = certificate.get();
  TRY(set_validity(x, now, TRY(end_of(now, valid, step)), step));
  if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
      X509_set_subject_name(x, name.get()) != 1 || X509_set_issuer_name(x, name.get()) != 1 ||
      X509_set_pubkey(x, key.get()) != 1 ||
      !add_extensions(x, x,
                      {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                       {NID_subject_key_identifier, "hash"}}) ||
      X509_sign(x, key.get(), signing_digest(key.get())) <= 0) {
    return openssl_failed(base::Code::internal, step);
  }
  return write(x);
}

base::Result<std::string> make_csr(std::string_view key, std::string_view common_name) {
  const ErrorScope scope;
  constexpr std::string_view step = "make certificate request";
  const KeyPtr private_key = TRY(parse_key(key));
  const NamePtr name = TRY(make_name(common_name, step));
  const CsrPtr csr(X509_REQ_new());
  if (!csr || X509_REQ_set_version(csr.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(csr.get(), name.get()) != 1 ||
      X509_REQ_set_pubkey(csr.get(), private_key.get()) != 1 ||
      X509_REQ_sign(csr.get(), private_key.get(), signing_digest(private_key.get())) <= 0) {
    return openssl_failed(base::Code::invalid_input, step);
  }
  return to_pem(step, [&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, csr.get()); });
}

base::Result<std::string> issue(const Authority& authority, std::string_view csr,
                                const CertificateRequest& request) {
  const ErrorScope scope;
  constexpr std::string_view step = "issue certificate";
  TRY(check_request(request));
  const Signer signer = TRY(while_doing("open authority", open_authority(authority)));
  const CsrPtr asked = TRY(parse_csr(csr));
  EVP_PKEY* const public_key = X509_REQ_get0_pubkey(asked.get());
  TRY(check_public_key(public_key));
  if (X509_REQ_verify(asked.get(), public_key) != 1) {
    return base::fail(base::Code::invalid_input,
                      "issue certificate: the request is not signed by its own key");
  }
  base::Time until = TRY(end_of(request.not_before, request.valid, step));
  // A certificate that outlives its authority would only fail later, and less plainly.
  const base::Time authority_ends = TRY(end_of_validity(signer.certificate.get()));
  until = std::min(until, authority_ends);

  const NamePtr name = TRY(make_name(request.name, step));
  const CertificatePtr certificate(X509_new());
  if (!certificate) return openssl_failed(base::Code::internal, step);
  X509* const x = certificate.get();
  TRY(set_validity(x, request.not_before, until, step));
  if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
      X509_set_subject_name(x, name.get()) != 1 ||
      X509_set_issuer_name(x, X509_get_subject_name(signer.certificate.get())) != 1 ||
      X509_set_pubkey(x, public_key) != 1 ||
      !add_extensions(x, signer.certificate.get(),
                      {{NID_basic_constraints, "critical,CA:FALSE"},
                       {NID_key_usage, "critical,digitalSignature"},
                       {NID_ext_key_usage, "serverAuth,clientAuth"},
                       {NID_subject_key_identifier, "hash"},
                       {NID_authority_key_identifier, "keyid:always"}})) {
    return openssl_failed(base::Code::internal, step);
  }
  TRY(add_alternative_names(x, request));
  if (X509_sign(x, signer.key.get(), signing_digest(signer.key.get())) <= 0) {
    return openssl_failed(base::Code::internal, step);
  }
  return write(x);
}

}  // namespace selvedge::crypto
