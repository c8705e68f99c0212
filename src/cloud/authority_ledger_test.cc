#include "cloud/authority_ledger.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::cloud {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration day = 24h;

class LedgerTest : public testing::Test {
 protected:
  void open() {
    dir = machine.directory("identity", true).value();
    ledger = AuthorityLedger::open(machine, *dir, 30 * day).value();
  }
  IssuedCertificate one(std::string serial, std::string name, std::uint32_t generation = 1,
                        base::Duration valid = 90 * day, crypto::Role role = crypto::Role::node) {
    return {std::move(serial), role, std::move(name), generation, machine.wall_now() + valid, {}};
  }
  // Calls back within the simulation's time; says what came of it.
  template <typename Start>
  base::Result<void> wait(Start start) {
    std::optional<base::Result<void>> outcome;
    start([&](base::Result<void> result) { outcome = std::move(result); });
    EXPECT_TRUE(sim.run_until([&] { return outcome.has_value(); }, 1min));
    return outcome.value_or(base::fail(base::Code::internal, "no answer"));
  }
  base::Result<void> record(IssuedCertificate c) {
    return wait([&](auto done) { ledger->record(c, done); });
  }
  base::Result<void> revoke(const std::string& serial) {
    return wait([&](auto done) { ledger->revoke(serial, done); });
  }
  void power_cut() {
    machine.crash();
    ledger.reset();
    dir.reset();
    machine.restart();
    open();
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<os::Dir> dir;
  std::unique_ptr<AuthorityLedger> ledger;
};

TEST_F(LedgerTest, KeepsWhatWasIssuedAndRevokedThroughAPowerCut) {
  open();
  ASSERT_TRUE(record(one("01", "a")));
  ASSERT_TRUE(record(one("02", "b", 1, 90 * day, crypto::Role::device)));
  ASSERT_TRUE(revoke("02"));
  EXPECT_EQ(revoke("03").error().code, base::Code::not_found);
  EXPECT_EQ(ledger->revocations(), 1U);
  power_cut();
  EXPECT_FALSE(ledger->is_revoked("01"));
  EXPECT_TRUE(ledger->is_revoked("02"));
  EXPECT_EQ(ledger->revoked(machine.wall_now()), std::vector<std::string>{"02"});
  EXPECT_EQ(ledger->find("01")->name, "a");
  EXPECT_EQ(ledger->serials_of(crypto::Role::device, "b"), std::vector<std::string>{"02"});
}

TEST_F(LedgerTest, LosesOnlyWhatWasNotConfirmed) {
  for (std::uint64_t at = 1; at < 12; ++at) {
    open();
    const std::string serial = "a" + std::to_string(at);
    ASSERT_TRUE(record(one(serial, "n")));
    machine.crash_at_write(at % 4 + 1);
    ledger->record(one(serial + "x", "n"), [](const base::Result<void>&) {});
    sim.run_for(1s);
    if (machine.alive()) machine.crash();
    ledger.reset();
    machine.crash_at_write(0);
    machine.restart();
    open();
    EXPECT_NE(ledger->find(serial), nullptr) << at;
    ASSERT_TRUE(record(one(serial + "y", "n")));
    power_cut();
    EXPECT_NE(ledger->find(serial + "y"), nullptr) << at;
  }
}

TEST_F(LedgerTest, SaysWhenItCannotWriteAndGoesOn) {
  open();
  ASSERT_TRUE(record(one("01", "a")));
  machine.disk().fail_next_appends(1);
  EXPECT_FALSE(record(one("02", "b")));
  ASSERT_TRUE(record(one("03", "c")));
  power_cut();
  EXPECT_NE(ledger->find("01"), nullptr);
  EXPECT_NE(ledger->find("03"), nullptr);
}

TEST_F(LedgerTest, KnowsWhoStillHoldsAnOldCertificate) {
  open();
  ASSERT_TRUE(record(one("01", "moved")));
  ASSERT_TRUE(record(one("02", "moved", 2)));
  ASSERT_TRUE(record(one("03", "stays")));
  ASSERT_TRUE(record(one("04", "revoked")));
  ASSERT_TRUE(revoke("04"));
  ASSERT_TRUE(record(one("05", "device", 1, 10 * day, crypto::Role::device)));
  ASSERT_TRUE(record(one("06", "cloud", 1, 90 * day, crypto::Role::cloud)));
  const auto names = [&](base::Duration later) {
    std::vector<std::string> all;
    for (const auto& c : ledger->holders(1, machine.wall_now() + later, 30 * day))
      all.push_back(c.name);
    return all;
  };
  EXPECT_EQ(names({}), (std::vector<std::string>{"stays", "device"}));
  EXPECT_EQ(names(11 * day), std::vector<std::string>{"stays"});
  EXPECT_EQ(names(119 * day), std::vector<std::string>{"stays"});   // its grace
  EXPECT_TRUE(names(121 * day).empty());
}

TEST_F(LedgerTest, ForgetsWhatEndedLongAgo) {
  open();
  ASSERT_TRUE(record(one("01", "a", 1, day)));
  ASSERT_TRUE(record(one("02", "a", 1, 900 * day)));
  ASSERT_TRUE(record(one("03", "b", 1, day)));
  ASSERT_TRUE(revoke("03"));
  machine.jump_wall(40 * day);
  open();
  EXPECT_EQ(ledger->find("01"), nullptr);
  EXPECT_NE(ledger->find("02"), nullptr);
  EXPECT_TRUE(ledger->is_revoked("03"));
  EXPECT_TRUE(ledger->revoked(machine.wall_now()).empty());   // nobody needs to hear of it
  machine.jump_wall(5000 * day);
  open();
  EXPECT_TRUE(ledger->is_revoked("03"));   // the clock may be wrong
}

TEST_F(LedgerTest, LeavesOutDamagedLines) {
  open();
  ASSERT_TRUE(record(one("01", "a")));
  auto file = dir->open("issued", os::Open::existing).value();
  ASSERT_TRUE(file->append(base::as_bytes("issued 02 king b 1 5\nnonsense\nissued 03 node c 1 99999999999")));
  ASSERT_TRUE(file->sync());
  open();
  EXPECT_EQ(ledger->all().size(), 1U);
}

}  // namespace
}  // namespace selvedge::cloud
