#include "audit/trail.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "os/fake/simulation.h"

namespace selvedge::audit {
namespace {

using base::Result;
using net::api::Caller;

struct Fleet {
  crypto::Authority authority =
      crypto::make_authority("fleet", {1'700'000'000'000'000'000}, std::chrono::hours(24 * 365)).value();

  Voucher voucher(crypto::Role role, const std::string& name) const {
    Voucher made;
    made.key = crypto::make_key().value();
    crypto::CertificateRequest request;
    request.role = role;
    request.name = name;
    request.not_before = {1'700'000'000'000'000'000};
    request.valid = std::chrono::hours(24 * 90);
    made.certificate =
        crypto::issue(authority, crypto::make_csr(made.key, name).value(), request).value();
    made.trusted = authority.certificate;
    made.role_uri = crypto::role_uri(role, name);
    return made;
  }
};

TEST(Seal, VouchesAndIsChecked) {
  const Fleet fleet;
  const Voucher voucher = fleet.voucher(crypto::Role::cloud, "cloud");
  const auto seal = seal_with(voucher);
  const auto signature = seal.sign("text");
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_TRUE(seal.check("text", *signature));
  EXPECT_FALSE(seal.check("texT", *signature));
  EXPECT_FALSE(seal.check("text", ""));
  EXPECT_FALSE(seal.check("text", "x"));
  EXPECT_FALSE(seal.check("text", "AAAA AAAA"));
  // After a renewal the old signature still counts.
  const auto renewed = seal_with(fleet.voucher(crypto::Role::cloud, "cloud"));
  EXPECT_TRUE(renewed.check("text", *signature));
}

TEST(Seal, OthersCannotVouch) {
  const Fleet fleet, other;
  const auto cloud = seal_with(fleet.voucher(crypto::Role::cloud, "cloud"));
  const auto node = seal_with(fleet.voucher(crypto::Role::node, "edge-1"));
  const auto foreign = seal_with(other.voucher(crypto::Role::cloud, "cloud"));
  EXPECT_FALSE(cloud.check("text", node.sign("text").value()));
  EXPECT_FALSE(cloud.check("text", foreign.sign("text").value()));
}

TEST(Seal, WithoutACertificateThereIsNone) {
  const auto seal = seal_with({});
  EXPECT_FALSE(seal.sign);
  EXPECT_FALSE(seal.check);
}

class TrailTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Trail::open(machine, "state", 64 << 20, fleet.voucher(crypto::Role::cloud, "cloud"),
                              metrics);
    ASSERT_TRUE(opened) << opened.error().message;
    trail = std::move(*opened);
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("cloud");
  Fleet fleet;
  base::Registry metrics;
  std::unique_ptr<Trail> trail;
  const Caller alice{Caller::Kind::operator_, "alice", net::api::Right::administer, "192.0.2.7"};
};

TEST_F(TrailTest, WhatIsRecordedFirstIsOnDiskBeforeItIsDone) {
  bool ran = false;
  const auto handler = recorded(
      [this](const Caller& who, net::api::Change what, auto then) {
        trail->first(who, std::move(what), std::move(then));
      },
      [](const net::http::Request& request) {
        return net::api::Change{"node.revoke", request.path, "", ""};
      },
      [&](const Caller& who, const net::http::Request& request, const net::http::Respond& respond) {
        ran = who.name == "alice" && request.path == "edge-1";
        respond(net::http::Response::json("{}"));
      });
  net::http::Request request;
  request.path = "edge-1";
  int status = 0;
  handler(alice, std::move(request), [&](const net::http::Response& response) { status = response.status; });
  EXPECT_FALSE(ran);
  ASSERT_TRUE(sim.run_until([&] { return status != 0; }, std::chrono::minutes(1)));
  EXPECT_TRUE(ran);
  std::optional<store::AuditVerdict> verdict;
  trail->log().verify([&](store::AuditVerdict found) { verdict = std::move(found); });
  ASSERT_TRUE(sim.run_until([&] { return verdict.has_value(); }, std::chrono::minutes(1)));
  EXPECT_TRUE(verdict->whole()) << verdict->faults[0].what;
  EXPECT_EQ(verdict->last, 1u);
}

TEST_F(TrailTest, WithoutARecordNothingIsChanged) {
  machine.disk().fill_up();
  bool ran = false;
  const auto handler = recorded(
      [this](const Caller& who, net::api::Change what, auto then) {
        trail->first(who, std::move(what), std::move(then));
      },
      [](const net::http::Request&) { return net::api::Change{"node.revoke", "edge-1", "", ""}; },
      [&](const Caller&, const net::http::Request&, const net::http::Respond&) { ran = true; });
  int status = 0;
  handler(alice, {}, [&](const net::http::Response& response) { status = response.status; });
  ASSERT_TRUE(sim.run_until([&] { return status != 0; }, std::chrono::minutes(1)));
  EXPECT_EQ(status, 503);
  EXPECT_FALSE(ran);
  net::http::Request post, get;
  post.method = "POST";
  get.method = "GET";
  EXPECT_FALSE(trail->may_change(post));
  EXPECT_TRUE(trail->may_change(get));
}

}  // namespace
}  // namespace selvedge::audit
