#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "crypto/signature.h"

namespace selvedge::crypto {
namespace {

using namespace std::chrono_literals;

constexpr base::Time now{1'800'000'000'000'000'000};

struct Fleet {
  Authority authority = make_authority("CA", now, 24h * 365).value();
  std::string key = make_key().value();
  std::string certificate = issued(now, 24h);

  std::string issued(base::Time from, base::Duration valid) const {
    return issue(authority, make_csr(key, "d").value(),
                 {.role = Role::device, .name = "d", .hosts = {}, .not_before = from, .valid = valid}).value();
  }
};

const Fleet& own() {
  static const Fleet fleet;
  return fleet;
}
const Fleet& foreign() {
  static const Fleet fleet;
  return fleet;
}

bool passes(std::string_view certificate, std::string_view authority, base::Time at = now) {
  const Checked checked = verify_device_certificate(certificate, authority, at);
  EXPECT_EQ(checked.passed, checked.for_log.empty());
  return checked.passed;
}

TEST(DeviceCertificate, IsTakenWhileValidAndFromItsAuthority) {
  EXPECT_TRUE(passes(own().certificate, own().authority.certificate));
  EXPECT_FALSE(passes(own().certificate, own().authority.certificate, now - 1h));
  EXPECT_FALSE(passes(own().certificate, own().authority.certificate, now + 25h));
  EXPECT_FALSE(passes(own().certificate, foreign().authority.certificate)) << "same name, another key";
}

TEST(DeviceCertificate, AnOldAndANewAuthorityOverlap) {
  const std::string both = foreign().authority.certificate + own().authority.certificate;
  EXPECT_TRUE(passes(own().certificate, both));
  EXPECT_TRUE(passes(foreign().certificate, both));
}

TEST(DeviceCertificate, AnAuthorityIsNoDevice) {
  EXPECT_FALSE(passes(own().authority.certificate, own().authority.certificate));
}

TEST(DeviceCertificate, ExpiresWithItsAuthority) {
  Fleet brief;
  brief.authority = make_authority("CA", now, 24h).value();
  const std::string leaf = brief.issued(now, 24h * 365);
  EXPECT_TRUE(passes(leaf, brief.authority.certificate, now + 23h));
  EXPECT_FALSE(passes(leaf, brief.authority.certificate, now + 25h));
}

TEST(DeviceCertificate, AnyDamageIsAFailure) {
  for (std::size_t i = 40; i + 40 < own().certificate.size(); i += 23) {
    std::string changed = own().certificate;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed != own().certificate) { EXPECT_FALSE(passes(changed, own().authority.certificate)) << i; }
  }
  const std::string_view nothing[] = {"", "x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"};
  for (const std::string_view text : nothing) {
    EXPECT_FALSE(passes(text, own().authority.certificate));
    EXPECT_FALSE(passes(own().certificate, text));
  }
  EXPECT_FALSE(passes(own().certificate, own().authority.key)) << "a key is no authority";
  EXPECT_FALSE(passes(own().certificate, std::string(1 << 20, 'A')));
}

}  // namespace
}  // namespace selvedge::crypto
