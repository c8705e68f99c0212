#include "node/task_log_link.h"

#include <gmock/gmock.h>

#include "codec/json/value.h"
#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TaskLogLinkTest : public testing::Test {
 protected:
  struct Said {
    int status = 0;
    std::string id, text;
    bool ended = false;
    std::int64_t missed = 0;
  };
  // What is answered, at once or later.
  std::shared_ptr<std::optional<Said>> send(const std::string& request, base::Duration deadline = 20s) {
    things::Command command;
    command.id = "edge:_node";
    command.feature = "tasks";
    command.subject = "logs";
    command.payload = base::to_bytes(request);
    command.deadline = deadline;
    EXPECT_TRUE(TaskLogLink::is_for_logs(command));
    auto said = std::make_shared<std::optional<Said>>();
    link->answer(command, [said](const things::CommandAnswer& answer) {
      EXPECT_FALSE(said->has_value()) << "answered twice";
      const std::string all(base::as_text(answer.payload));
      Said one{answer.status, {}, all, false, 0};
      if (answer.status == 200) {
        const std::size_t line = all.find('\n');
        const auto head = codec::json::parse(all.substr(0, line)).value();
        one = {200, head["id"].text(), all.substr(line + 1), head["ended"].boolean(), head["missed"].integer()};
      }
      *said = one;
    });
    return said;
  }
  Said ask(const std::string& request) {
    const auto said = send(request);
    EXPECT_TRUE(sim.run_until([&] { return said->has_value(); }, 1min)) << request;
    return said->value_or(Said{});
  }
  Said next(const Said& after) { return ask(R"({"id":")" + after.id + "\"}"); }

  os::fake::Simulation sim{1};
  os::fake::Machine& machine = sim.machine("a");
  std::map<std::string, std::shared_ptr<TaskLog>> logs{{"web.front.0", std::make_shared<TaskLog>(machine, "t", 1U, 8U << 20)}};
  TaskLog& log = *logs.at("web.front.0");
  std::unique_ptr<TaskLogLink> link = std::make_unique<TaskLogLink>(machine, [this](const std::string& task) {
    const auto at = logs.find(task);
    return at == logs.end() ? nullptr : at->second;
  });
};

TEST_F(TaskLogLinkTest, GivesTheLastLinesAndEnds) {
  for (int i = 0; i < 10; ++i) log.line("out", "line " + std::to_string(i));
  const Said said = ask(R"({"task":"web.front.0","tail":2})");
  EXPECT_THAT(said.text, HasSubstr(" out line 8\n"));
  EXPECT_THAT(said.text, testing::Not(HasSubstr("line 7")));
  EXPECT_TRUE(said.ended);
  EXPECT_EQ(link->readings(), 0U);
  EXPECT_EQ(next(said).status, 410);
}

TEST_F(TaskLogLinkTest, GivesALongOnePageByPage) {
  for (int i = 0; i < 3'000; ++i) {
    log.line("out", "line " + std::to_string(i) + std::string(100, '.'));
    if (i % 100 == 0) sim.run_for(50ms);
  }
  std::string all;
  Said said = ask(R"({"task":"web.front.0","tail":3000})");
  for (int pages = 0; pages < 100; ++pages) {
    EXPECT_LE(said.text.size(), TaskLogLink::page_bytes);
    EXPECT_TRUE(said.text.ends_with('\n')) << "lines are not cut";
    all += said.text;
    if (said.ended) break;
    said = next(said);
  }
  EXPECT_THAT(all, HasSubstr(" out line 0."));
  EXPECT_THAT(all, HasSubstr(" out line 2999."));
  EXPECT_EQ(std::ranges::count(all, '\n'), 3'000);
}

TEST_F(TaskLogLinkTest, FollowsUntilTheLogGoes) {
  log.line("out", "old");
  Said said = ask(R"({"task":"web.front.0","tail":1,"follow":true})");
  EXPECT_THAT(said.text, HasSubstr(" out old\n"));
  EXPECT_FALSE(said.ended);
  const auto waits = send(R"({"id":")" + said.id + "\"}");
  sim.run_for(1s);
  EXPECT_FALSE(waits->has_value()) << "held until a line comes";
  EXPECT_EQ(ask(R"({"id":")" + said.id + "\"}").status, 409);
  log.line("out", "new");
  log.line("out", "newer");
  sim.run_for(10ms);
  ASSERT_TRUE(waits->has_value());
  EXPECT_THAT((*waits)->text, testing::AllOf(HasSubstr(" out new\n"), HasSubstr(" out newer\n")));
  said = next(said);
  EXPECT_EQ(said.text, "") << "the time was up";
  EXPECT_FALSE(said.ended);
  logs.clear();
  EXPECT_TRUE(next(said).ended);
  EXPECT_EQ(link->readings(), 0U);
}

TEST_F(TaskLogLinkTest, IsBoundedInReadingsAndLines) {
  Said said;
  for (std::size_t i = 0; i < TaskLogLink::most_readings; ++i) said = ask(R"({"task":"web.front.0","tail":0,"follow":true})");
  EXPECT_EQ(ask(R"({"task":"web.front.0"})").status, 429);
  for (int i = 0; i < 1'000; ++i) {
    log.line("out", std::string(8'000, 'x'));
    sim.run_for(5ms);
  }
  std::int64_t missed = 0;
  std::size_t lines = 0;
  for (int pages = 0; pages < 100 && missed == 0; ++pages) {
    said = next(said);
    missed += said.missed;
    lines += static_cast<std::size_t>(std::ranges::count(said.text, '\n'));
  }
  EXPECT_GT(missed, 500);
  EXPECT_EQ(static_cast<std::size_t>(missed) + lines, 1'000U);
  sim.run_for(TaskLogLink::patience + 1s);
  EXPECT_EQ(link->readings(), 0U) << "nobody fetches them";
}

TEST_F(TaskLogLinkTest, RefusesWhatMakesNoSense) {
  for (const char* wrong : {"", "[]", "{\"task\":\"web.front.0\",\"tail\":-1}", R"({"task":"web.front.0","tail":10001})",
                            R"({"task":"web.front.0","tail":"x"})"})
    EXPECT_EQ(ask(wrong).status, 400) << wrong;
  EXPECT_EQ(ask("{}").status, 404);
  EXPECT_EQ(ask(R"({"task":"other.front.0"})").status, 404);
  EXPECT_EQ(ask(R"({"id":"0123456789abcdef"})").status, 410);
}

TEST_F(TaskLogLinkTest, GoesWhileSomebodyReads) {
  const Said said = ask(R"({"task":"web.front.0","tail":0,"follow":true})");
  const auto waits = send(R"({"id":")" + said.id + "\"}");
  const auto begins = send(R"({"task":"web.front.0","tail":10})");
  link.reset();
  log.line("out", "later");
  sim.run_for(1min);
  EXPECT_FALSE(waits->has_value());
}

}  // namespace
}  // namespace selvedge::node
