#include "cloud/operators.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::cloud {
namespace {

using base::Code;
using net::api::Right;
using namespace std::chrono_literals;

class OperatorsTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    auto opened = Operators::open(machine, "state");
    ASSERT_TRUE(opened) << opened.error().message;
    operators = std::move(*opened);
  }
  std::string file() {
    return std::string(base::as_text(
        os::read_file(*machine.directory("state", true).value(), "operators.json", 1 << 20).value()));
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<Operators> operators;
};

TEST_F(OperatorsTest, ATokenNamesItsHolderAndTheRoleOfThat) {
  const auto added = operators->add("alice", Right::operate, 90 * 24h);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_TRUE(added->token.starts_with("slv_"));
  const auto caller = operators->check(added->token);
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_EQ(caller->text(), "operator:alice");
  EXPECT_TRUE(caller->may(Right::operate));
  EXPECT_FALSE(caller->may(Right::administer));
}

TEST_F(OperatorsTest, SecretsAreNotKept) {
  const auto added = operators->add("alice", Right::view, 1h);
  const std::string secret = added->token.substr(added->token.rfind('_') + 1);
  EXPECT_EQ(secret.size(), 64u);
  EXPECT_EQ(file().find(secret), std::string::npos);
}

TEST_F(OperatorsTest, EveryWrongTokenIsRefusedInTheSameWords) {
  const auto added = operators->add("alice", Right::view, 1h);
  const std::string right = added->token;
  std::string words;
  for (std::size_t i = 0; i <= right.size(); ++i) {
    std::string wrong = right;
    if (i < right.size()) wrong[i] = wrong[i] == '0' ? '1' : '0';
    else wrong += '0';
    const auto caller = operators->check(wrong);
    ASSERT_FALSE(caller) << i;
    if (words.empty()) words = caller.error().message;
    EXPECT_EQ(caller.error().message, words);
    EXPECT_EQ(caller.error().code, Code::denied);
  }
  for (const char* wrong : {"", "slv_", "slv__", "slv_x_y", "Bearer"}) EXPECT_FALSE(operators->check(wrong));
}

TEST_F(OperatorsTest, TokensExpire) {
  const auto added = operators->add("alice", Right::view, 1h);
  machine.jump_wall(59min);
  EXPECT_TRUE(operators->check(added->token));
  machine.jump_wall(1min);
  EXPECT_FALSE(operators->check(added->token));
}

TEST_F(OperatorsTest, SurviveARestart) {
  const auto added = operators->add("alice", Right::view, 1h);
  ASSERT_TRUE(operators->add("bob", Right::administer, std::nullopt));
  ASSERT_TRUE(operators->revoke("carol"));
  open();
  EXPECT_TRUE(operators->check(added->token));
  EXPECT_EQ(operators->right_of("bob").value(), Right::administer);
  EXPECT_FALSE(operators->right_of("carol"));
  EXPECT_EQ(operators->list().size(), 3u);
}

TEST_F(OperatorsTest, RevokingTakesTokensAndCertificates) {
  const auto one = operators->add("alice", Right::view, 1h), two = operators->add("alice", Right::view, 2h);
  const std::string id = one->token.substr(4, 12);
  ASSERT_TRUE(operators->revoke_token("alice", id));
  EXPECT_FALSE(operators->revoke_token("alice", id));
  EXPECT_FALSE(operators->check(one->token));
  EXPECT_TRUE(operators->check(two->token));
  ASSERT_TRUE(operators->revoke("alice"));
  EXPECT_FALSE(operators->check(two->token));
  EXPECT_EQ(operators->right_of("alice").error().code, Code::denied);
  ASSERT_TRUE(operators->add("alice", Right::view, std::nullopt));
  EXPECT_FALSE(operators->check(two->token));
  EXPECT_EQ(operators->right_of("alice").value(), Right::view);
}

TEST_F(OperatorsTest, ACertificateThatIsNotListedIsAnAdmins) {
  EXPECT_EQ(operators->right_of("operator").value(), Right::administer);
}

TEST_F(OperatorsTest, WhatCannotBeSavedIsNotSo) {
  const auto added = operators->add("alice", Right::view, 1h);
  machine.disk().fill_up();
  EXPECT_FALSE(operators->revoke("alice"));
  EXPECT_TRUE(operators->check(added->token));
  EXPECT_FALSE(operators->add("bob", Right::administer, 1h));
  EXPECT_EQ(operators->find("bob"), nullptr);
}

TEST_F(OperatorsTest, BoundsAndBadNames) {
  EXPECT_FALSE(operators->add("../x", Right::view, 1h));
  EXPECT_FALSE(operators->add("alice", Right::view, 0h));
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(operators->add("alice", Right::view, 1h));
  EXPECT_EQ(operators->add("alice", Right::view, 1h).error().code, Code::exhausted);
}

TEST_F(OperatorsTest, ADamagedFileStopsTheStart) {
  ASSERT_TRUE(os::write_file(*machine.directory("state", true).value(), "operators.json",
                             base::as_bytes("{\"operators\":[{\"name\":\"a\",\"role\":\"root\"}]}")));
  EXPECT_FALSE(Operators::open(machine, "state"));
}

}  // namespace
}  // namespace selvedge::cloud
