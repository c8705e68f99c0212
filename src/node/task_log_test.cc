#include "node/task_log.h"

#include <gmock/gmock.h>

#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

using testing::HasSubstr;

class TaskLogTest : public testing::Test {
 protected:
  std::string tail(std::size_t lines) {
    std::optional<base::Result<std::string>> text;
    log->tail(lines, [&](base::Result<std::string> found) { text = std::move(found); });
    EXPECT_TRUE(sim.run_until([&] { return text.has_value(); }, std::chrono::seconds(10)));
    return text->value();
  }

  os::fake::Simulation sim{1};
  os::fake::Machine& machine = sim.machine("a");
  std::shared_ptr<TaskLog> log = std::make_shared<TaskLog>(machine, "t", 1U, 4096U);
};

TEST_F(TaskLogTest, KeepsTheLastLinesWithinItsBytes) {
  for (int i = 0; i < 1000; ++i) {
    log->line("out", "line " + std::to_string(i));
    if (i % 10 == 0) sim.run_for(std::chrono::milliseconds(20));
  }
  EXPECT_THAT(tail(1), HasSubstr(" out line 999\n"));
  const std::string many = tail(10'000);
  EXPECT_THAT(many, HasSubstr(" out line 950\n"));
  EXPECT_LE(many.size(), 4096u);
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(log->lost(), 0u);
}

TEST_F(TaskLogTest, LinesAreMadePrintableAndCut) {
  log->line("err", "a\x1b[31m" + std::string(100'000, 'x'));
  const std::string line = tail(1);
  EXPECT_THAT(line, testing::Not(HasSubstr("\x1b")));
  EXPECT_LT(line.size(), TaskLog::most_line + 200);
}

TEST_F(TaskLogTest, WhatTheDiskCannotTakeIsCountedAndSaid) {
  log->set_bytes(1 << 20);
  machine.disk().model.sync_latency = std::chrono::seconds(1);
  for (int i = 0; i < 100; ++i) log->line("out", std::string(8000, 'x'));
  EXPECT_GT(log->lost(), 50u);
  sim.run_for(std::chrono::seconds(10));
  EXPECT_THAT(tail(1), HasSubstr(" lines were lost"));
}

TEST_F(TaskLogTest, FollowersHearEachLineAndTheEnd) {
  std::vector<std::string> heard;
  auto following = log->follow([&](std::string_view line) { heard.emplace_back(line); });
  log->line("out", "one");
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_THAT(heard[0], HasSubstr(" out one\n"));
  following.reset();
  log->line("out", "two");
  EXPECT_EQ(heard.size(), 1u);
  following = log->follow([&](std::string_view line) { heard.emplace_back(line); });
  log.reset();
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[1], "");
}

}  // namespace
}  // namespace selvedge::node
