#include "cloud/authority.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::cloud {
namespace {

constexpr base::Duration year = std::chrono::hours(24 * 365);

class AuthorityTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<Authority>> open(std::vector<std::string> hosts = {"localhost"}) {
    return Authority::open(machine, "state", hosts, year);
  }

  os::Dir& identity() {
    if (!dir) dir = machine.directory("state/identity", true).value();
    return *dir;
  }

  os::fake::Simulation sim{2};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<os::Dir> dir;
};

TEST_F(AuthorityTest, IsMadeOnceAndKept) {
  const std::string first = (*open())->certificate();
  EXPECT_EQ((*open())->certificate(), first);
  machine.crash();
  machine.restart();
  EXPECT_EQ((*open())->certificate(), first);
}

TEST_F(AuthorityTest, IsNeverWrittenOverWhenItsKeyIsMissing) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(identity().remove("ca.key"));
  const auto again = open();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::Code::corrupt);
}

TEST_F(AuthorityTest, MakesItsOwnCertificateAnewForNewHostsAndInTime) {
  const std::string first = (*open())->cloud_certificate();
  EXPECT_EQ((*open())->cloud_certificate(), first);
  const std::string wider = (*open({"localhost", "cloud.example"}))->cloud_certificate();
  EXPECT_NE(wider, first);
  machine.jump_wall(year - std::chrono::hours(24 * 20));
  EXPECT_NE((*open({"localhost", "cloud.example"}))->cloud_certificate(), wider);
}

TEST_F(AuthorityTest, CertifiesTheNameItWasAskedForAndNotTheOneInTheRequest) {
  const auto authority = open();
  const std::string key = crypto::make_key().value();
  const auto certificate = (*authority)->issue(crypto::make_csr(key, "somebody-else").value(),
                                               crypto::Role::node, "gateway-7", {}, year);
  ASSERT_TRUE(certificate) << certificate.error().message;
  const auto info = crypto::read_certificate(*certificate).value();
  EXPECT_EQ(crypto::role_of(info.uris)->name, "gateway-7");
  EXPECT_TRUE(crypto::check_pair(*certificate, key));
}

}  // namespace
}  // namespace selvedge::cloud
