#include "cloud/task_logs.h"

#include <deque>

#include "cloud/jobs_fixture.h"

namespace selvedge::cloud {
namespace {

using testing::HasSubstr;

// A node's answers, given by the test.
class TaskLogsTest : public JobsTest {
 protected:
  struct Asked {
    things::Command command;
    things::CommandDone done;
    std::string payload() const { return std::string(base::as_text(command.payload)); }
  };
  TaskLogsTest() {
    send = [this](things::Command command, things::CommandDone done) { asked.push_back({std::move(command), std::move(done)}); };
  }
  ~TaskLogsTest() override {
    machine.crash();
    desk.crash();
    client.reset();
  }
  void get_log(const std::string& path) {
    net::http::Fetch fetch{"GET", "http://cloud:80" + path, {{"authorization", "viewer"}}, {}};
    fetch.on_head = [this](const net::http::Fetched& head) { status = head.status; };
    fetch.on_body = [this](base::BytesView piece) { body += base::as_text(piece); };
    status = 0;
    body.clear();
    over = false;
    client->fetch(std::move(fetch), [this](auto) { over = true; });
    sim.run_for(100ms);
  }
  void page(const std::string& text, bool ended = false, int missed = 0) {
    ASSERT_FALSE(asked.empty());
    const Asked one = std::move(asked.front());
    asked.pop_front();
    one.done({200, "text/plain",
              base::to_bytes(R"({"id":"0123456789abcdef","ended":)" + std::string(ended ? "true" : "false") + ",\"missed\":" +
                             std::to_string(missed) + "}\n" + text), true});
    sim.run_for(100ms);
  }
  void refuse(int with, const std::string& why) {
    ASSERT_FALSE(asked.empty());
    const Asked one = std::move(asked.front());
    asked.pop_front();
    one.done(things::refusal(with, why));
    sim.run_for(100ms);
  }

  std::deque<Asked> asked;
  std::unique_ptr<net::http::Client> client = std::make_unique<net::http::Client>(desk, net::http::ClientLimits{}, nullptr);
  int status = 0;
  std::string body;
  bool over = false;
};

TEST_F(TaskLogsTest, ComeFromTheNodeOfTheTaskUntilTheyEnd) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  get_log("/api/v1/tasks/web.front.0/logs?tail=7&follow=true");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].command.id, "a:_node");
  EXPECT_EQ(asked[0].command.subject, "logs");
  EXPECT_EQ(asked[0].payload(), R"({"task":"web.front.0","tail":7,"follow":true})");
  page("one\n");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body, "one\n");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].payload(), R"({"id":"0123456789abcdef"})");
  page("");
  page("two\n", false, 3);
  page("three\n", true);
  EXPECT_TRUE(over);
  EXPECT_EQ(body, "one\ntwo\n... 3 lines were left out\nthree\n");
  EXPECT_TRUE(asked.empty());
}

TEST_F(TaskLogsTest, SayWhyThereAreNone) {
  open();
  add_node("a");
  get_log("/api/v1/tasks/web.front.0/logs");
  EXPECT_EQ(status, 404) << "no such task";
  submit(job(3));
  turns();
  get_log("/api/v1/tasks/web.front.2/logs");
  EXPECT_EQ(status, 404) << "it is on no node";
  for (const char* wrong : {"/api/v1/tasks/web.front.0", "/api/v1/tasks/web.front.0/log"}) {
    get_log(wrong);
    EXPECT_EQ(status, 404) << wrong;
  }
  get_log("/api/v1/tasks/web.front.0/logs?tail=x");
  EXPECT_EQ(status, 400);
  get_log("/api/v1/tasks/web.front.0/logs?node=a/b");
  EXPECT_EQ(status, 400);
  EXPECT_TRUE(asked.empty());
  get_log("/api/v1/tasks/web.front.0/logs");
  refuse(404, "the node is not connected");
  EXPECT_EQ(status, 503);
  get_log("/api/v1/tasks/old.front.0/logs?node=a");
  refuse(404, "there is no task 'old.front.0' on this node");
  EXPECT_EQ(status, 404);
  get_log("/api/v1/tasks/web.front.0/logs");
  refuse(429, "too many");
  EXPECT_EQ(status, 429);
  get_log("/api/v1/tasks/web.front.0/logs");
  ASSERT_FALSE(asked.empty());
  asked.front().done({200, "", base::to_bytes("nonsense"), true});
  asked.pop_front();
  sim.run_for(100ms);
  EXPECT_EQ(status, 503);
}

TEST_F(TaskLogsTest, SayThatTheConnectionOfTheNodeWasLost) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  get_log("/api/v1/tasks/web.front.0/logs?follow=true");
  page("one\n");
  refuse(408, "the node's connection was lost before an answer came");
  EXPECT_TRUE(over);
  EXPECT_THAT(body, HasSubstr("one\n... node a: the node's connection was lost"));
}

TEST_F(TaskLogsTest, AskNothingMoreForAReaderWhoIsGone) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  get_log("/api/v1/tasks/web.front.0/logs?follow=true");
  page("one\n");
  client.reset();
  sim.run_for(100ms);
  page("two\n");
  EXPECT_TRUE(asked.empty());
}

TEST_F(TaskLogsTest, AreBounded) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  for (long i = 0; i < TaskLogs::most; ++i) get_log("/api/v1/tasks/web.front.0/logs?follow=true");
  EXPECT_EQ(asked.size(), static_cast<std::size_t>(TaskLogs::most));
  get_log("/api/v1/tasks/web.front.0/logs");
  EXPECT_EQ(status, 429);
  page("", true);
  get_log("/api/v1/tasks/web.front.0/logs");
  EXPECT_EQ(asked.size(), static_cast<std::size_t>(TaskLogs::most)) << "there is room for one more";
}

}  // namespace
}  // namespace selvedge::cloud
