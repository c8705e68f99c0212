#include "cloud/authority.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/est.h"
#include "os/fake/simulation.h"

namespace selvedge::cloud {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration day = 24h;
constexpr base::Duration year = 365 * day;

class AuthorityTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<Authority>> open(std::vector<std::string> hosts = {"localhost"}) {
    options.state = "state";
    options.hosts = std::move(hosts);
    return Authority::open(machine, options);
  }

  os::Dir& identity() {
    if (!dir) dir = machine.directory("state/identity", true).value();
    return *dir;
  }

  std::string certify(Authority& authority, crypto::Role role, const std::string& name,
                      base::Duration valid) {
    base::Result<Issued> got = base::fail(base::Code::internal, "no answer");
    bool answered = false;
    authority.certify({csr, role, name, {}, valid}, [&](base::Result<Issued> issued) {
      got = std::move(issued);
      answered = true;
    });
    EXPECT_TRUE(sim.run_until([&] { return answered; }, 1min));
    EXPECT_TRUE(got) << got.error().message;
    return got ? got->certificate : "";
  }

  // Lets time pass as the cloud's timer does: a look every ten minutes.
  void live(Authority& authority, base::Duration time) {
    for (base::Duration passed{}; passed < time; passed += 10min) {
      sim.run_for(10min);
      ASSERT_TRUE(authority.tick());
    }
  }
  // Time passes without anybody looking every ten minutes, and the clock is found steady after it.
  void jump(Authority& authority, base::Duration time) {
    machine.jump_wall(time);
    ASSERT_TRUE(authority.tick());
    live(authority, 2h);
  }

  AuthorityPhase phase(const Authority& authority, std::size_t at) {
    return authority.status().generations.at(at).phase;
  }

  os::fake::Simulation sim{2};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<os::Dir> dir;
  AuthorityOptions options;
  std::string key = crypto::make_key().value();
  std::string csr = crypto::make_csr(key, "somebody").value();
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
  ASSERT_TRUE(identity().remove("ca-1.key"));
  const auto again = open();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::Code::corrupt);
}

TEST_F(AuthorityTest, SurvivesAPowerCutAtEveryWriteOfItsFirstStart) {
  for (std::uint64_t at = 1; at < 80; ++at) {
    os::fake::Simulation own(at);
    os::fake::Machine& cloud = own.machine("cloud");
    options.state = "state";
    options.hosts = {"localhost"};
    cloud.crash_at_write(at);
    base::ignore(Authority::open(cloud, options), "it may have been cut off");
    const bool crashed = !cloud.alive();
    if (crashed) cloud.restart();
    cloud.crash_at_write(0);
    const auto first = Authority::open(cloud, options);
    ASSERT_TRUE(first) << at << ": " << first.error().message;
    const std::string kept = (*first)->certificate();
    const auto second = Authority::open(cloud, options);
    ASSERT_TRUE(second) << at << ": " << second.error().message;
    EXPECT_EQ((*second)->certificate(), kept);
    EXPECT_TRUE(crypto::check_pair((*second)->cloud_certificate(), (*second)->cloud_key()));
    if (!crashed) return;
  }
  FAIL() << "the first start never came to an end";
}

TEST_F(AuthorityTest, TakesOverTheFilesOfAnEarlierVersion) {
  const auto old =
      crypto::make_authority("Selvedge fleet", machine.wall_now(), 10 * year).value();
  ASSERT_TRUE(os::write_file(identity(), "ca.key", base::as_bytes(old.key)));
  ASSERT_TRUE(os::write_file(identity(), "ca.crt", base::as_bytes(old.certificate)));
  EXPECT_EQ((*open())->certificate(), old.certificate);
  EXPECT_EQ((*open())->trust(), old.certificate);
  EXPECT_FALSE(os::read_file(identity(), "ca.key", 10000));
}

TEST_F(AuthorityTest, MakesItsOwnCertificateAnewForNewHostsAndInTime) {
  const std::string first = (*open())->cloud_certificate();
  EXPECT_EQ((*open())->cloud_certificate(), first);
  const std::string wider = (*open({"localhost", "cloud.example"}))->cloud_certificate();
  EXPECT_NE(wider, first);
  auto authority = *open({"localhost", "cloud.example"});
  jump(*authority, 200 * day);
  EXPECT_EQ(authority->cloud_certificate(), wider);
  jump(*authority, 80 * day);
  EXPECT_NE(authority->cloud_certificate(), wider);
  const std::string renewed = authority->cloud_certificate();
  ASSERT_TRUE(authority->set_hosts({"localhost", "other.example"}));
  EXPECT_NE(authority->cloud_certificate(), renewed);
}

TEST_F(AuthorityTest, CertifiesTheNameItWasAskedForAndNotTheOneInTheRequest) {
  auto authority = *open();
  const std::string certificate = certify(*authority, crypto::Role::node, "gateway-7", year);
  const auto info = crypto::read_certificate(certificate).value();
  EXPECT_EQ(crypto::role_of(info.uris)->name, "gateway-7");
  EXPECT_TRUE(crypto::check_pair(certificate, key));
  ASSERT_NE(authority->ledger().find(info.serial), nullptr);
  EXPECT_EQ(authority->ledger().find(info.serial)->name, "gateway-7");
}

TEST_F(AuthorityTest, AnnouncesSwitchesAndRetires) {
  auto authority = *open();
  const std::string old = authority->certificate();
  certify(*authority, crypto::Role::node, "gate", 90 * day);
  ASSERT_TRUE(authority->rotate(""));
  EXPECT_EQ(authority->rotate("").error().code, base::Code::conflict);
  EXPECT_EQ(phase(*authority, 1), AuthorityPhase::announced);
  EXPECT_EQ(authority->trust(), old + authority->status().generations[1].pair.certificate);
  EXPECT_EQ(authority->signing_certificate(), old);

  // Nothing is signed by it before the node has heard of it.
  live(*authority, 1h);
  EXPECT_EQ(phase(*authority, 1), AuthorityPhase::announced);
  EXPECT_EQ(authority->status().nodes_unaware, 1U);
  authority->confirm("gate", authority->trust_version());
  ASSERT_TRUE(authority->tick());
  EXPECT_EQ(phase(*authority, 0), AuthorityPhase::retiring);
  EXPECT_EQ(phase(*authority, 1), AuthorityPhase::active);

  // The cloud itself stays with the one that everybody knows.
  EXPECT_EQ(crypto::issuer_of(authority->cloud_certificate(), old).value(), 0U);
  ASSERT_EQ(authority->status().holders.size(), 1U);
  EXPECT_EQ(authority->status().holders[0].name, "gate");
  live(*authority, 1h);
  EXPECT_EQ(authority->status().generations.size(), 2U);

  const std::string moved = certify(*authority, crypto::Role::node, "gate", 90 * day);
  EXPECT_EQ(authority->generation_of(moved).value(), 2U);
  ASSERT_TRUE(authority->tick().value());
  ASSERT_EQ(authority->status().generations.size(), 1U);
  EXPECT_NE(authority->certificate(), old);
  EXPECT_EQ(authority->generation_of(authority->cloud_certificate()).value(), 2U);
  EXPECT_FALSE(os::read_file(identity(), "ca-1.key", 10000));
  const std::string trust = authority->trust();
  authority = *open();
  EXPECT_EQ(authority->trust(), trust);
}

TEST_F(AuthorityTest, DoesNotWaitForEverForNodesThatAreAway) {
  auto authority = *open();
  certify(*authority, crypto::Role::node, "away", 90 * day);
  ASSERT_TRUE(authority->rotate(""));
  live(*authority, 25h);
  EXPECT_EQ(phase(*authority, 1), AuthorityPhase::active);
  jump(*authority, 89 * day);
  EXPECT_EQ(authority->status().generations.size(), 2U);   // it may come back yet
  jump(*authority, 40 * day);
  EXPECT_EQ(authority->status().generations.size(), 1U);
}

TEST_F(AuthorityTest, IsNotRetiredByAClockThatJumpsAndComesBack) {
  auto authority = *open();
  certify(*authority, crypto::Role::node, "gate", 90 * day);
  ASSERT_TRUE(authority->rotate(""));
  ASSERT_TRUE(authority->advance());
  machine.jump_wall(5 * year);
  for (int i = 0; i < 5; ++i) {
    sim.run_for(10min);
    ASSERT_TRUE(authority->tick());
  }
  EXPECT_EQ(authority->status().generations.size(), 2U);
  machine.jump_wall(-5 * year);
  live(*authority, 3h);
  EXPECT_EQ(authority->status().generations.size(), 2U);
}

TEST_F(AuthorityTest, FollowsItselfThroughDecades) {
  auto authority = *open();
  std::set<std::string> seen;
  for (int step = 0; step < 6 * 40; ++step) {
    jump(*authority, 60 * day);
    seen.insert(authority->signing_certificate());
    const auto now = machine.wall_now();
    EXPECT_GT(authority->status().own.not_after, now);
    EXPECT_GT(authority->status().generations.back().info.not_after, now);
    EXPECT_TRUE(authority->generation_of(authority->cloud_certificate()));
  }
  EXPECT_GE(seen.size(), 5U);
  EXPECT_LE(seen.size(), 8U);
}

TEST_F(AuthorityTest, RotationSurvivesAPowerCutAtEveryWrite) {
  for (std::uint64_t at = 1; at < 60; ++at) {
    os::fake::Simulation own(at);
    os::fake::Machine& cloud = own.machine("cloud");
    options.state = "state";
    options.hosts = {"localhost"};
    auto authority = *Authority::open(cloud, options);
    const std::string old = authority->certificate();
    cloud.crash_at_write(at);
    if (authority->rotate(""))
      if (authority->advance()) base::ignore(authority->advance(), "it may be cut off");
    const bool crashed = !cloud.alive();
    if (crashed) cloud.restart();
    cloud.crash_at_write(0);
    const auto again = Authority::open(cloud, options);
    ASSERT_TRUE(again) << at << ": " << again.error().message;
    EXPECT_TRUE((*again)->generation_of((*again)->cloud_certificate()));
    if (!crashed) return;
  }
  FAIL() << "the rotation never came to an end";
}

}  // namespace
}  // namespace selvedge::cloud
