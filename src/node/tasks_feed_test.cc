// What goes into tasks and comes out of them: readings, messages, and bounds.

#include "node/tasks_fixture.h"

namespace selvedge::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

class TaskFeedTest : public TaskNodeTest {
 protected:
  // Says what it was fed, and makes Fahrenheit of what it can.
  void fahrenheit(const std::shared_ptr<std::string>& heard) {
    programs().program("/bin/f", [heard](Process& p) {
      p.on_input = [heard, &p](std::string_view text) {
        *heard += text;
        while (!text.empty()) {
          const std::string_view line = text.substr(0, text.find('\n'));
          text.remove_prefix(line.size() + 1);
          const auto document = codec::json::parse(line);
          if (!document || !(*document)["value"].is_number()) continue;
          base::JsonWriter json;
          json.begin_object()
              .field("series", (*document)["series"].text())
              .field("time", (*document)["time"].text())
              .field("value", (*document)["value"].number() * 1.8 + 32)
              .end_object();
          p.out(json.text() + "\n");
        }
      };
    });
  }
};

TEST_F(TaskFeedTest, ReadingsGoInAndOthersComeOutAndNeverGoRound) {
  const auto heard = std::make_shared<std::string>();
  fahrenheit(heard);
  start();
  wish("f", R"({"command":["/bin/f"],"feeds":[{"series":"#"}],"output":"fahrenheit"})");
  until_said("f/state", "\"running\"");
  client::Device& boiler = device("boiler");
  publish(boiler, "plant/7", R"({"ts":1764144000000,"t":100})");
  run_until([&] { return values("fahrenheit/plant/7/t").size() == 1; });
  EXPECT_THAT(values("fahrenheit/plant/7/t"), ElementsAre(212));
  each_reading("fahrenheit/plant/7/t", [](std::int64_t time, const model::ValueView&) { EXPECT_EQ(time, 1'764'144'000'000'000'000); });
  sim.run_for(10s);
  EXPECT_EQ(std::ranges::count(*heard, '\n'), 1) << *heard;
  EXPECT_EQ(*heard, "{\"series\":\"plant/7/t\",\"time\":\"2025-11-26T08:00:00Z\",\"value\":100}\n");
  EXPECT_EQ(node->store().find("fahrenheit/plant/7/t")->device, "f");
  EXPECT_EQ(metric("selvedge_task_readings_total"), 1);
}

TEST_F(TaskFeedTest, MessagesGoInByTopic) {
  const auto heard = std::make_shared<std::string>();
  fahrenheit(heard);
  start();
  wish("f", R"({"command":["/bin/f"],"feeds":[{"topic":"a/+"}]})");
  until_said("f/state", "\"running\"");
  client::Device& boiler = device("boiler");
  publish(boiler, "a/1", "text \"x\"");
  publish(boiler, "b/1", "21");
  publish(boiler, "a/2", std::string_view("\xff\x00", 2));
  sim.run_for(1s);
  EXPECT_THAT(*heard, HasSubstr(R"("payload":"text \"x\"")"));
  EXPECT_THAT(*heard, HasSubstr(R"("payload_base64":"/wA=")"));
  EXPECT_THAT(*heard, testing::Not(HasSubstr("b/1")));
}

TEST_F(TaskFeedTest, WhatIsNotReadGoesTheOldestFirstAndIsCounted) {
  std::string last;
  std::uint64_t lines = 0;
  Process* stuck = nullptr;
  programs().program("/bin/stuck", [&](Process& p) {
    stuck = &p;
    p.set_reading(false);
    p.on_input = [&](std::string_view text) {
      lines += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
      last = text.substr(text.rfind('\n', text.size() - 2) + 1);
    };
  });
  start();
  wish("t", R"({"command":["/bin/stuck"],"feeds":[{"topic":"a"}]})");
  until_said("t/state", "\"running\"");
  client::Device& boiler = device("boiler");
  const std::string big(100'000, 'x');
  for (int i = 0; i < 30; ++i) publish(boiler, "a", big + std::to_string(i));
  const double unread = metric("selvedge_task_unread_total");
  EXPECT_GT(unread, 15);
  EXPECT_LT(unread, 25);
  EXPECT_THAT(ask("GET", "/api/v1/tasks/t").body, HasSubstr("\"unread_lines\":" + std::to_string(static_cast<int>(unread))));
  stuck->set_reading(true);
  sim.run_for(5s);
  EXPECT_EQ(static_cast<double>(lines), 30 - unread);
  EXPECT_THAT(last, HasSubstr("x29\""));
}

TEST_F(TaskFeedTest, LinesThatAreNoReadingsAreLog) {
  programs().program("/bin/p", [](Process& p) {
    p.out("[info] starting\n42\n{\"level\":3,\"on\":true}\n{\"value\":7}\nhello\n{broken\n{\"name\":\"x\",\"value\":1");
    p.after(1s, [&p] { p.exit(0); });
  });
  start();
  wish("p", R"({"command":["/bin/p"],"mode":"job","output":"out"})");
  until_said("p/state", "\"done\"");
  sim.run_for(1s);
  EXPECT_THAT(values("out"), ElementsAre(42, 7));
  EXPECT_THAT(values("out/level"), ElementsAre(3));
  EXPECT_TRUE(node->store().find("out/on"));
  const std::string log = content("state/tasks/p/log");
  EXPECT_THAT(log, HasSubstr(" out [info] starting\n"));
  EXPECT_THAT(log, HasSubstr(" out hello\n"));
  EXPECT_THAT(log, HasSubstr(" out {broken\n"));
  EXPECT_THAT(log, testing::Not(HasSubstr("42")));
}

}  // namespace
}  // namespace selvedge::node
