#include "node/session_log.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;

class SessionLogTest : public testing::Test {
 protected:
  // The records an earlier run left, as text.
  std::string open() {
    log.reset();
    if (opened_before) machine.restart();
    opened_before = true;
    log = SessionLog::open(machine, "state").value();
    const std::string left(base::as_text(log->take_records()));
    log->set_snapshot([this](base::Bytes& into) { base::append(into, base::as_bytes(snapshot)); });
    return left;
  }
  void append(std::string_view records) { log->append(base::as_bytes(records)); }
  bool commit() {
    auto done = std::make_shared<bool>(false);  // may be called after we gave up waiting
    log->commit([done] { *done = true; });
    sim.run_for(1s);
    return *done;
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("node");
  std::unique_ptr<SessionLog> log;
  std::string snapshot = "snapshot;";
  bool opened_before = false;
};

TEST_F(SessionLogTest, GivesBackASnapshotAndWhatCameAfterIt) {
  EXPECT_EQ(open(), "");
  append("in the snapshot;");
  append("a;");
  append("b;");
  ASSERT_TRUE(commit());
  EXPECT_EQ(open(), "snapshot;a;b;");
  snapshot = "snapshot 2;";
  append("in it too;");
  append("c;");
  ASSERT_TRUE(commit());
  EXPECT_EQ(open(), "snapshot 2;c;");
}

TEST_F(SessionLogTest, KeepsTheOldSnapshotWhileThereIsNoRoomForANewOne) {
  open();
  append("in the snapshot;");
  append("a;");
  ASSERT_TRUE(commit());
  const std::uint64_t capacity = machine.disk().model.capacity;
  for (int restart = 0; restart < 3; ++restart) {
    EXPECT_EQ(open(), "snapshot;a;") << restart;
    machine.disk().fill_up();
    append("cannot be written;");
    append("waits;");
    EXPECT_FALSE(commit());
    sim.run_for(1min);
  }
  bool done = false;
  log->when_durable([&] { done = true; });
  machine.disk().model.capacity = capacity;
  sim.run_for(10s);
  EXPECT_TRUE(done);
  EXPECT_EQ(open(), "snapshot;waits;");
}

}  // namespace
}  // namespace selvedge::node
