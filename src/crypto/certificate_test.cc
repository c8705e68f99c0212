#include <gtest/gtest.h>
#include <openssl/core_names.h>

#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace selvedge::crypto {
namespace {

const base::Time now = base::parse_time("2026-03-01T12:00:00Z").value();
constexpr base::Duration year = std::chrono::hours(24 * 365);

const Authority& authority() {
  static const Authority made = make_authority("Test CA", now, 10 * year).value();
  return made;
}

CertificateRequest node_request() {
  return {.role = Role::node, .name = "gate-7", .hosts = {}, .not_before = now, .valid = year};
}

std::string key_pem(EVP_PKEY* key) {
  const KeyPtr owned(key);
  return to_pem("write key",
                [&](BIO* bio) {
                  return PEM_write_bio_PKCS8PrivateKey(bio, owned.get(), nullptr, nullptr, 0,
                                                       nullptr, nullptr);
                })
      .value();
}

// A certificate changed in memory, with its encoding and signature made anew.
std::string sign_again(X509* certificate) {
  const KeyPtr key = parse_key(authority().key).value();
  X509_sign(certificate, key.get(), EVP_sha256());
  return to_pem("write", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }).value();
}

// What a TLS peer does: is there a chain to the authority, for this purpose, at this time?
bool verifies(const std::string& certificate, const std::string& trusted, int purpose,
              base::Time at, const char* host = nullptr, const char* address = nullptr) {
  const CertificatePtr leaf = parse_certificate(certificate).value();
  const CertificatePtr root = parse_certificate(trusted).value();
  const std::unique_ptr<X509_STORE, Free<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), root.get());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, purpose);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(at.ns / 1'000'000'000));
  if (host != nullptr) X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  if (address != nullptr) X509_VERIFY_PARAM_set1_ip_asc(parameters, address);
  return X509_verify_cert(context.get()) == 1;
}

std::string issue_to_new_key(const CertificateRequest& request) {
  return issue(authority(), make_csr(make_key().value(), "ignored").value(), request).value();
}

TEST(Authority, MakesACertificateThatSignsLeavesOnly) {
  const CertificateInfo info = read_certificate(authority().certificate).value();
  EXPECT_TRUE(info.is_ca);
  EXPECT_EQ(info.common_name, "Test CA");
  EXPECT_EQ(info.issuer, "Test CA");
  EXPECT_EQ(info.not_before, now - clock_skew);
  EXPECT_EQ(info.not_after, now + 10 * year);
  EXPECT_TRUE(check_pair(authority().certificate, authority().key));
  EXPECT_NE(authority().key.find("BEGIN PRIVATE KEY"), std::string::npos);  // PKCS#8

  const CertificatePtr parsed = parse_certificate(authority().certificate).value();
  EXPECT_EQ(X509_get_key_usage(parsed.get()),
            static_cast<std::uint32_t>(X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN));
  EXPECT_EQ(X509_get_pathlen(parsed.get()), 0);
  EXPECT_NE(X509_get0_subject_key_id(parsed.get()), nullptr);
}

TEST(Authority, IssuesLeavesThatBothSidesOfTlsAccept) {
  CertificateRequest request = node_request();
  request.role = Role::cloud;
  request.name = "main";
  request.hosts = {"cloud.example.com", "192.0.2.7", "2001:db8::1"};
  const std::string certificate = issue_to_new_key(request);
  const std::string& root = authority().certificate;
  EXPECT_TRUE(verifies(certificate, root, X509_PURPOSE_SSL_SERVER, now, "cloud.example.com"));
  EXPECT_TRUE(verifies(certificate, root, X509_PURPOSE_SSL_SERVER, now, nullptr, "192.0.2.7"));
  EXPECT_TRUE(verifies(certificate, root, X509_PURPOSE_SSL_SERVER, now, nullptr, "2001:db8::1"));
  EXPECT_TRUE(verifies(certificate, root, X509_PURPOSE_SSL_CLIENT, now));
  EXPECT_FALSE(verifies(certificate, root, X509_PURPOSE_SSL_SERVER, now, "other.example.com"));
  EXPECT_FALSE(verifies(certificate, root, X509_PURPOSE_SSL_CLIENT, now + 2 * year));
  EXPECT_TRUE(verifies(certificate, root, X509_PURPOSE_SSL_CLIENT, now - clock_skew));

  const Authority other = make_authority("Test CA", now, year).value();
  EXPECT_FALSE(verifies(certificate, other.certificate, X509_PURPOSE_SSL_CLIENT, now));
}

TEST(Authority, DecidesTheNameWhateverTheRequestSays) {
  const std::string key = make_key().value();
  const std::string csr = make_csr(key, "I-want-to-be-root").value();
  CertificateRequest request = node_request();
  request.hosts = {"gate-7.local", "10.0.0.9"};
  const std::string certificate = issue(authority(), csr, request).value();
  EXPECT_TRUE(check_pair(certificate, key));
  EXPECT_FALSE(check_pair(certificate, make_key().value()));

  const CertificateInfo info = read_certificate(certificate).value();
  EXPECT_FALSE(info.is_ca);
  EXPECT_EQ(info.common_name, "gate-7");
  EXPECT_EQ(info.issuer, "Test CA");
  EXPECT_EQ(info.uris, std::vector<std::string>{"urn:selvedge:node:gate-7"});
  EXPECT_EQ(info.dns_names, std::vector<std::string>{"gate-7.local"});
  EXPECT_EQ(info.addresses, std::vector<std::string>{"10.0.0.9"});
  EXPECT_EQ(info.not_before, now - clock_skew);
  EXPECT_EQ(info.not_after, now + year);
  EXPECT_EQ(info.fingerprint.size(), 64U);
  const RoleName role = role_of(info.uris).value();
  EXPECT_EQ(role.role, Role::node);
  EXPECT_EQ(role.name, "gate-7");
}

TEST(Authority, NeverUsesASerialTwice) {
  const std::string a = read_certificate(issue_to_new_key(node_request())).value().serial;
  const std::string b = read_certificate(issue_to_new_key(node_request())).value().serial;
  EXPECT_NE(a, b);
  EXPECT_GT(a.size(), 24U);
}

TEST(Authority, IssuesNothingThatOutlivesIt) {
  const Authority brief = make_authority("Brief", now, year).value();
  CertificateRequest request = node_request();
  request.valid = 5 * year;
  const std::string csr = make_csr(make_key().value(), "x").value();
  EXPECT_EQ(read_certificate(issue(brief, csr, request).value()).value().not_after, now + year);
  request.not_before = now + 2 * year;
  EXPECT_EQ(issue(brief, csr, request).error().code, base::Code::invalid_input);
}

TEST(Authority, TakesStrongKeysOnly) {
  const KeyPtr explicit_curve(EVP_EC_gen("P-256"));
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(explicit_curve.get(), OSSL_PKEY_PARAM_EC_ENCODING,
                                           OSSL_PKEY_EC_ENCODING_EXPLICIT),
            1);
  EVP_PKEY_up_ref(explicit_curve.get());
  const struct {
    const char* what;
    std::string key;
    bool taken;
  } cases[] = {
      {"P-256", key_pem(EVP_EC_gen("P-256")), true},
      {"P-384", key_pem(EVP_EC_gen("P-384")), true},
      {"P-521", key_pem(EVP_EC_gen("P-521")), true},
      {"Ed25519", key_pem(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), true},
      {"RSA-2048", key_pem(EVP_RSA_gen(2048)), true},
      {"RSA-1024", key_pem(EVP_RSA_gen(1024)), false},
      {"secp256k1", key_pem(EVP_EC_gen("secp256k1")), false},
      {"secp160r1", key_pem(EVP_EC_gen("secp160r1")), false},
      {"P-256 by parameters", key_pem(explicit_curve.get()), false},
  };
  for (const auto& c : cases) {
    const auto csr = make_csr(c.key, "x");
    ASSERT_TRUE(csr) << c.what << ": " << csr.error().message;
    const auto certificate = issue(authority(), *csr, node_request());
    EXPECT_EQ(certificate.has_value(), c.taken) << c.what;
    if (!certificate) {
      EXPECT_EQ(certificate.error().code, base::Code::invalid_input) << c.what;
    }
  }
}

TEST(Authority, RefusesARequestThatItsOwnKeyDidNotSign) {
  const CsrPtr csr = parse_csr(make_csr(make_key().value(), "x").value()).value();
  const KeyPtr other = parse_key(make_key().value()).value();
  X509_REQ_set_pubkey(csr.get(), other.get());
  const std::string pem =
      to_pem("write", [&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, csr.get()); }).value();
  const auto refused = issue(authority(), pem, node_request());
  EXPECT_EQ(refused.error().message, "issue certificate: the request is not signed by its own key");
}

TEST(Authority, RefusesWhatCannotBeCertified) {
  const std::string csr = make_csr(make_key().value(), "x").value();
  const struct {
    const char* what;
    std::function<void(CertificateRequest&)> change;
  } cases[] = {
      {"no name", [](auto& r) { r.name = ""; }},
      {"a name with a slash", [](auto& r) { r.name = "a/b"; }},
      {"a name with a colon", [](auto& r) { r.name = "node:x"; }},
      {"a host with a comma", [](auto& r) { r.hosts = {"a,URI:urn:selvedge:operator:me"}; }},
      {"a wildcard", [](auto& r) { r.hosts = {"*.example.com"}; }},
      {"a host of dots", [](auto& r) { r.hosts = {"a..b"}; }},
      {"a host that ends in a hyphen", [](auto& r) { r.hosts = {"a-"}; }},
      {"a host with a NUL", [](auto& r) { r.hosts = {std::string("a\0b", 3)}; }},
      {"an empty host", [](auto& r) { r.hosts = {""}; }},
      {"a label of 64", [](auto& r) { r.hosts = {std::string(64, 'a')}; }},
      {"too many hosts", [](auto& r) { r.hosts.assign(65, "a"); }},
      {"no validity", [](auto& r) { r.valid = {}; }},
      {"negative validity", [](auto& r) { r.valid = -year; }},
      {"endless validity", [](auto& r) { r.valid = base::Duration::max(); }},
      {"a start before 1970", [](auto& r) { r.not_before = {-1}; }},
      {"a start at the end of time", [](auto& r) { r.not_before = {INT64_MAX}; }},
  };
  for (const auto& c : cases) {
    CertificateRequest request = node_request();
    c.change(request);
    const auto certificate = issue(authority(), csr, request);
    ASSERT_FALSE(certificate) << c.what;
    EXPECT_EQ(certificate.error().code, base::Code::invalid_input) << c.what;
  }
}

TEST(Authority, MustBeOne) {
  const std::string key = make_key().value();
  const std::string csr = make_csr(key, "x").value();
  const std::string leaf = issue(authority(), csr, node_request()).value();
  EXPECT_FALSE(issue({.certificate = leaf, .key = key}, csr, node_request()));
  EXPECT_FALSE(issue({.certificate = authority().certificate, .key = key}, csr, node_request()));
  EXPECT_FALSE(issue({}, csr, node_request()));
  EXPECT_FALSE(make_authority("", now, year));
  EXPECT_FALSE(make_authority(std::string(65, 'a'), now, year));
  EXPECT_FALSE(make_authority("\xff", now, year));
  EXPECT_FALSE(make_authority("CA", now, {}));
}

TEST(Certificate, RefusesMalformedPem) {
  const std::string good = issue_to_new_key(node_request());
  const std::string key = make_key().value();
  std::string flipped = good;
  flipped[good.size() / 2] = flipped[good.size() / 2] == '/' ? '!' : '/';
  std::string encrypted =
      "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n";
  encrypted += good.substr(good.find('\n') + 1);
  const struct {
    const char* what;
    std::string pem;
  } cases[] = {
      {"empty", ""},
      {"text", "hello"},
      {"a NUL", std::string(1, '\0')},
      {"a header alone", "-----BEGIN CERTIFICATE-----\n"},
      {"no body", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
      {"not base64", "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"},
      {"not DER", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
      {"cut short", good.substr(0, good.size() / 2)},
      {"a key", key},
      {"a request", make_csr(key, "x").value()},
      {"encrypted", encrypted},
      {"too long", std::string(max_pem_bytes, '\n') + good},
  };
  for (const auto& c : cases) {
    const auto info = read_certificate(c.pem);
    ASSERT_FALSE(info) << c.what;
    EXPECT_EQ(info.error().code, base::Code::invalid_input) << c.what;
    EXPECT_FALSE(fingerprint(c.pem)) << c.what;
    EXPECT_FALSE(check_pair(c.pem, key)) << c.what;
    if (std::string_view(c.what) != "a request") {
      EXPECT_FALSE(issue(authority(), c.pem, node_request())) << c.what;
    }
    if (std::string_view(c.what) != "a key") {
      EXPECT_FALSE(make_csr(c.pem, "x")) << c.what;
    }
    EXPECT_EQ(ERR_peek_error(), 0U) << c.what;  // nothing left for a TLS user of this thread
  }
  base::ignore(read_certificate(flipped), "may still parse; must not crash");
}

TEST(Certificate, IsReadFromTheFrontOfAChain) {
  const std::string leaf = issue_to_new_key(node_request());
  EXPECT_EQ(read_certificate(leaf + authority().certificate).value().common_name, "gate-7");
  EXPECT_EQ(fingerprint(leaf + authority().certificate).value(), fingerprint(leaf).value());
}

TEST(Certificate, RefusesANameWithANulInside) {
  const CertificatePtr certificate = parse_certificate(authority().certificate).value();
  const AlternativeNamesPtr names(GENERAL_NAMES_new());
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  ASN1_STRING_set(value, "bank.example\0.evil.example", 26);
  GENERAL_NAME_set0_value(name, GEN_DNS, value);
  sk_GENERAL_NAME_push(names.get(), name);
  ASSERT_EQ(X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, 0), 1);
  const std::string pem = sign_again(certificate.get());
  EXPECT_FALSE(read_certificate(pem));
}

TEST(Certificate, WithoutEndEndsAtTheLastTimeThereIs) {
  const CertificatePtr certificate = parse_certificate(authority().certificate).value();
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "99991231235959Z");
  const std::string pem = sign_again(certificate.get());
  EXPECT_EQ(read_certificate(pem).value().not_after.ns, INT64_MAX);
}

}  // namespace
}  // namespace selvedge::crypto
