#include "crypto/est.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace selvedge::crypto {
namespace {

using namespace std::chrono_literals;

constexpr base::Time day_one{1'700'000'000'000'000'000};

class Est : public testing::Test {
 protected:
  Authority authority = make_authority("Fleet", day_one, 24h * 3650).value();
  std::string key = make_key().value();
  std::string csr = make_csr(key, "boiler-7").value();

  std::string certificate(const Authority& by) {
    return issue(by, csr,
                 {.role = Role::device,
                  .name = "boiler-7",
                  .hosts = {},
                  .not_before = day_one,
                  .valid = 24h})
        .value();
  }
  static std::string body_of(const std::string& pem) {  // between the marks, without line breaks
    std::string body;
    std::string_view rest = pem;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (!rest.starts_with("-----")) body += rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return body;
  }
};

TEST_F(Est, CarriesCertificatesWithoutContent) {
  const Authority second = make_authority("Fleet 2", day_one, 24h).value();
  const std::string bundle = authority.certificate + second.certificate;
  const base::Bytes der = certificates_only(bundle).value();
  EXPECT_EQ(read_certificates_only(der).value(), bundle);
  EXPECT_EQ(split_certificates(bundle).value(),
            (std::vector{authority.certificate, second.certificate}));
}

TEST_F(Est, RefusesWhatIsNoListOfCertificates) {
  EXPECT_FALSE(certificates_only(""));
  EXPECT_FALSE(certificates_only("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"));
  EXPECT_FALSE(read_certificates_only({}));
  EXPECT_FALSE(read_certificates_only(base::as_bytes("\x30\x03\x02\x01\x00")));
  base::Bytes cut = certificates_only(authority.certificate).value();
  cut.resize(cut.size() / 2);
  EXPECT_FALSE(read_certificates_only(cut));
  std::string many;
  for (std::size_t i = 0; i <= max_certificates; ++i) many += authority.certificate;
  EXPECT_EQ(certificates_only(many).error().code, base::Code::exhausted);
}

TEST_F(Est, ReadsARequestHoweverItWasPosted) {
  const std::string body = body_of(csr);
  std::string lines;
  for (std::size_t at = 0; at < body.size(); at += 64) lines += body.substr(at, 64) + "\r\n";
  const base::Bytes der = base::from_base64(body).value();
  for (const std::string& posted : {csr, body, lines, std::string(base::as_text(der))})
    EXPECT_EQ(read_posted_request(posted).value(), csr);
  EXPECT_EQ(read_request(csr)->common_name, "boiler-7");
  EXPECT_TRUE(read_request(csr)->dns_names.empty());
}

TEST_F(Est, RefusesWhatIsNoRequest) {
  for (const char* posted : {"", "!", "AAAA", "-----BEGIN CERTIFICATE REQUEST-----", "0"})
    EXPECT_FALSE(read_posted_request(posted)) << posted;
  EXPECT_FALSE(read_posted_request(std::string(max_request_bytes + 1, 'A')));
}

TEST_F(Est, ReadsTheNamesARequestAsksFor) {
  // openssl req -new -newkey ed25519 -subj /CN=gate -addext
  // subjectAltName=DNS:gate.example,IP:10.0.0.7,URI:urn:selvedge:device:gate
  const std::string posted =
      "MIHZMIGMAgEAMA8xDTALBgNVBAMMBGdhdGUwKjAFBgMrZXADIQA1y72CfPeCEjoqW2cf9uTzaKHQ"
      "pWx3DyRokCFBKyj81aBKMEgGCSqGSIb3DQEJDjE7MDkwNwYDVR0RBDAwLoIMZ2F0ZS5leGFtcGxl"
      "hwQKAAAHhhh1cm46c2VsdmVkZ2U6ZGV2aWNlOmdhdGUwBQYDK2VwA0EAM9rRW6BeMnFly+3DLqXO"
      "OpdjCWxSACbsOvL9HONqUr/NVcrbAHiwmFNQs8emfQ/d68+fU4+VEwpwhI3lHKLbCA==";
  const RequestInfo info = read_request(read_posted_request(posted).value()).value();
  EXPECT_EQ(info.common_name, "gate");
  EXPECT_EQ(info.dns_names, std::vector<std::string>{"gate.example"});
  EXPECT_EQ(info.addresses, std::vector<std::string>{"10.0.0.7"});
  EXPECT_EQ(info.uris, std::vector<std::string>{"urn:selvedge:device:gate"});
  EXPECT_FALSE(read_posted_request(posted.substr(0, 100)));
}

TEST_F(Est, ProvesThatOneHoldsAKey) {
  const std::string held = certificate(authority);
  const base::Bytes proof = prove_key(key, base::as_bytes("renew")).value();
  EXPECT_TRUE(check_proof(held, base::as_bytes("renew"), proof));
  EXPECT_EQ(check_proof(held, base::as_bytes("other"), proof).error().code, base::Code::denied);
  const base::Bytes foreign = prove_key(make_key().value(), base::as_bytes("renew")).value();
  EXPECT_EQ(check_proof(held, base::as_bytes("renew"), foreign).error().code, base::Code::denied);
  EXPECT_FALSE(check_proof(held, base::as_bytes("renew"), {}));
}

TEST_F(Est, SaysWhoIssuedACertificateAndIsNotFooledByAName) {
  const Authority second = make_authority("Fleet 2", day_one, 24h * 365).value();
  const Authority namesake = make_authority("Fleet", day_one, 24h * 365).value();
  const std::string bundle = authority.certificate + second.certificate;
  EXPECT_EQ(issuer_of(certificate(authority), bundle).value(), 0U);
  EXPECT_EQ(issuer_of(certificate(second), bundle).value(), 1U);
  EXPECT_EQ(issuer_of(certificate(namesake), bundle).error().code, base::Code::denied);
}

TEST_F(Est, AsksForAnEcKeyInDer) {
  const base::Bytes attributes = request_attributes();
  ASSERT_EQ(attributes[1] + 2U, attributes.size());
}

}  // namespace
}  // namespace selvedge::crypto
