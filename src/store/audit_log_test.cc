#include "store/audit_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "os/fake/simulation.h"

namespace selvedge::store {
namespace {

using base::Result;

// A seal that anyone can make, and that a change of the text breaks.
AuditSeal seal_with(std::string key) {
  return {[key](std::string_view text) -> Result<std::string> {
            return audit_hash(key + std::string(text));
          },
          [key](std::string_view text, std::string_view signature) -> Result<void> {
            if (signature != audit_hash(key + std::string(text)))
              return base::fail(base::Code::denied, "the signature does not fit");
            return {};
          }};
}

class AuditLogTest : public testing::Test {
 protected:
  void open(AuditLimits limits = {}) {
    log.reset();
    auto opened = AuditLog::open(machine, "audit", 1, limits, seal_with("k"));
    ASSERT_TRUE(opened) << opened.error().message;
    log = std::move(*opened);
  }
  Result<void> add(const std::string& target, std::string after = "") {
    Result<void> outcome = base::fail(base::Code::internal, "never answered");
    bool done = false;
    log->append({"operator:alice", "192.0.2.7", "twin.edit", target, "1", std::move(after)},
                [&](Result<void> written) {
                  outcome = std::move(written);
                  done = true;
                });
    EXPECT_TRUE(sim.run_until([&] { return done; }, std::chrono::minutes(1)));
    return outcome;
  }
  AuditVerdict verify() {
    std::optional<AuditVerdict> verdict;
    log->verify([&](AuditVerdict found) { verdict = std::move(found); });
    EXPECT_TRUE(sim.run_until([&] { return verdict.has_value(); }, std::chrono::minutes(1)));
    return std::move(*verdict);
  }
  std::vector<std::string> list(AuditFilter filter = {}) {
    std::optional<std::vector<std::string>> lines;
    log->list(std::move(filter), [&](std::vector<std::string> found) { lines = std::move(found); });
    EXPECT_TRUE(sim.run_until([&] { return lines.has_value(); }, std::chrono::minutes(1)));
    return std::move(*lines);
  }
  void wait(base::Duration time) {
    bool over = false;
    machine.loop().after(time, [&] { over = true; });
    sim.run_until([&] { return over; }, std::chrono::minutes(5));
  }
  void close() {
    bool closed = false;
    log->close([&] { closed = true; });
    EXPECT_TRUE(sim.run_until([&] { return closed; }, std::chrono::minutes(1)));
    log.reset();
  }
  void restart() {
    log.reset();
    machine.crash();
    machine.restart();
  }
  std::unique_ptr<os::Dir> dir() { return machine.directory("audit", true).value(); }
  std::string first_file() {
    const auto names = dir()->list().value();
    return *std::ranges::find_if(names, [](const auto& name) { return name.ends_with(".log"); });
  }
  void put(std::string_view name, base::BytesView bytes) {
    ASSERT_TRUE(os::write_file(*dir(), name, bytes));
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<AuditLog> log;
};

TEST_F(AuditLogTest, RecordsSurviveAPowerCutInTheirOrder) {
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i)));
  restart();
  open();
  const auto lines = list();
  ASSERT_EQ(lines.size(), 20u);
  EXPECT_EQ(read_audit_line(lines.front())->target, "pump-19");
  EXPECT_EQ(read_audit_line(lines.back())->target, "pump-0");
  EXPECT_TRUE(verify().whole());
  ASSERT_TRUE(add("pump-20"));
  EXPECT_EQ(verify().last, 21u);
}

TEST_F(AuditLogTest, TheHeadIsSignedWithinASecondAndAtClose) {
  open();
  ASSERT_TRUE(add("a"));
  wait(std::chrono::seconds(2));
  EXPECT_EQ(log->head()->seq, 1u);
  ASSERT_TRUE(add("b"));
  close();
  open();
  EXPECT_EQ(log->head()->seq, 2u);
  EXPECT_EQ(verify().covered, 2u);
}

TEST_F(AuditLogTest, ListsByWhoWhatAndLimit) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i)));
  ASSERT_TRUE(log->append({"operator:bob", "", "node.revoke", "edge-1", "", ""}));
  EXPECT_EQ(list({.who = "operator:bob"}).size(), 0u);   // not on disk yet
  ASSERT_TRUE(add("pump-10"));
  EXPECT_EQ(list({.who = "operator:bob"}).size(), 1u);
  EXPECT_EQ(list({.action = "node."}).size(), 1u);
  EXPECT_EQ(list({.target = "pump-1"}).size(), 2u);
  AuditFilter few;
  few.limit = 3;
  EXPECT_EQ(list(few).size(), 3u);
}

TEST_F(AuditLogTest, OldSegmentsGoAndTheChainStaysWhole) {
  AuditLimits limits;
  limits.total_bytes = 64 << 10;
  limits.segment_bytes = 16 << 10;
  open(limits);
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i), std::string(500, 'x')));
  wait(std::chrono::seconds(3));
  AuditVerdict verdict = verify();
  EXPECT_TRUE(verdict.whole()) << verdict.faults[0].what;
  EXPECT_GT(verdict.first, 200u);
  EXPECT_EQ(verdict.last, 400u);
  EXPECT_LE(log->segments(), 7u);
  EXPECT_EQ(log->head()->first, verdict.first);
  restart();
  open(limits);
  EXPECT_TRUE(verify().whole());
  EXPECT_EQ(log->stats().faults_at_open, 0u);
  // Taking away a segment more is not the same.
  close();
  ASSERT_TRUE(dir()->remove(first_file()));
  open(limits);
  EXPECT_FALSE(verify().whole());
  EXPECT_GT(log->stats().faults_at_open, 0u);
}

TEST_F(AuditLogTest, CuttingOffTheEndShowsForEver) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i)));
  close();
  const auto bytes = os::read_file(*dir(), first_file(), 1 << 20).value();
  const auto cut = base::as_text(bytes).find("pump-7");
  ASSERT_NE(cut, std::string_view::npos);
  // Up to somewhere in the record: a torn tail, which any log cuts off.
  put(first_file(), base::BytesView(bytes).first(cut));
  open();
  EXPECT_EQ(log->stats().faults_at_open, 1u);
  ASSERT_TRUE(add("later"));
  wait(std::chrono::seconds(2));
  restart();
  open();
  const AuditVerdict verdict = verify();
  EXPECT_FALSE(verdict.whole());
  EXPECT_EQ(read_audit_line(list({.action = "audit.damaged"}).at(0))->seq, 11u);
}

TEST_F(AuditLogTest, ADamagedByteShows) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i)));
  close();
  auto bytes = os::read_file(*dir(), first_file(), 1 << 20).value();
  bytes[base::as_text(bytes).find("pump-4")] ^= 1;
  put(first_file(), bytes);
  open();
  EXPECT_FALSE(verify().whole());
}

TEST_F(AuditLogTest, AHeadThatWasChangedOrTakenAwayShows) {
  open();
  ASSERT_TRUE(add("a"));
  close();
  const auto good = os::read_file(*dir(), "head.json", 1 << 20).value();
  auto head = read_audit_head(base::as_text(good)).value();
  head.seq = 0;
  head.hash = no_audit_hash();
  put("head.json", base::as_bytes(write_audit_head(head)));
  open();
  EXPECT_GT(log->stats().faults_at_open, 0u);
  log.reset();
  ASSERT_TRUE(dir()->remove("head.json"));
  open();
  EXPECT_GT(log->stats().faults_at_open, 0u);
}

TEST_F(AuditLogTest, RefusesChangesWhileTheDiskIsFullAndSaysHowManyItMissed) {
  open();
  ASSERT_TRUE(add("a"));
  EXPECT_TRUE(log->writable());
  machine.disk().fill_up();
  const auto refused = log->append({"operator:alice", "", "twin.edit", "b", "", ""});
  bool seen = !refused.has_value();
  for (int i = 0; i < 50 && !seen; ++i) {
    wait(std::chrono::milliseconds(200));
    seen = !log->writable().has_value();
  }
  EXPECT_TRUE(seen);
  EXPECT_FALSE(log->writable());
  EXPECT_FALSE(add("c"));
  machine.disk().model.capacity = 1 << 30;
  wait(std::chrono::minutes(1));
  EXPECT_TRUE(log->writable());
  ASSERT_TRUE(add("d"));
  EXPECT_TRUE(verify().whole());
}

TEST_F(AuditLogTest, ReadsItselfASegmentAtATime) {
  AuditLimits limits;
  limits.segment_bytes = 8 << 10;
  open(limits);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(add("pump-" + std::to_string(i), std::string(300, 'x')));
  std::size_t calls = 0, lines = 0;
  bool done = false;
  log->each(
      [&](const std::vector<std::string>& some, const AuditLog::More& more) {
        ++calls;
        lines += some.size();
        more();
      },
      [&] { done = true; });
  ASSERT_TRUE(sim.run_until([&] { return done; }, std::chrono::minutes(1)));
  EXPECT_EQ(lines, 60u);
  EXPECT_GT(calls, 2u);
}

}  // namespace
}  // namespace selvedge::store
