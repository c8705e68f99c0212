// Tasks on a whole node: from a wish in its twin to a process, and what is said of it.

#include "engine/task/supervisor.h"
#include "node/tasks_fixture.h"

namespace selvedge::node {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class TasksTest : public TaskNodeTest {};

constexpr std::string_view converter = R"({"generation":1,"command":["bin/convert","-v"],"artifacts":[{"name":"convert","version":1}],
  "environment":{"UNIT":"F"},"resources":{"memory":"32MiB"}})";

TEST_F(TasksTest, AWishBecomesAProcessInItsUnpackedArtifact) {
  bring("convert", tar({{"bin/convert", "#!/bin/sh"}, {"data/table", "42"}}), "task");
  programs().program("bin/convert", [](Process&) {});
  start();
  wish("conv.a.0", converter);
  until_said("conv.a.0/state", "\"running\"");
  EXPECT_EQ(said("conv.a.0/run"), "1");
  EXPECT_EQ(said("conv.a.0/generation"), "1");
  EXPECT_EQ(said("conv.a.0/limits"), "\"sandbox: simulated\"");
  ASSERT_EQ(running("bin/convert"), 1u);
  const os::ChildOptions& options = process("bin/convert")->options();
  EXPECT_THAT(options.arguments, testing::ElementsAre("-v"));
  EXPECT_EQ(options.environment.at("UNIT"), "F");
  EXPECT_EQ(options.environment.at("SELVEDGE_TASK"), "conv.a.0");
  EXPECT_EQ(options.limits.memory, 32 << 20);
  EXPECT_THAT(options.group, testing::MatchesRegex("selvedge-[0-9a-f]{8}/conv.a.0"));
  EXPECT_TRUE(options.folder.starts_with('/') && options.folder.ends_with("/state/tasks/conv.a.0/1")) << options.folder;
  ASSERT_TRUE(options.sandbox);
  EXPECT_TRUE(options.folder.starts_with(options.sandbox->hidden.at(0)));
  EXPECT_EQ(content("state/tasks/conv.a.0/1/bin/convert"), "#!/bin/sh");
  EXPECT_EQ(content("state/tasks/conv.a.0/1/data/table"), "42");
  EXPECT_EQ(metric("selvedge_task_starts_total"), 1);
  // Withdrawn: it ends, and nothing stays.
  wish("conv.a.0", "");
  until_said("conv.a.0/state", "");
  EXPECT_EQ(running("bin/convert"), 0u);
  sim.run_for(1s);
  for (const std::string& file : machine.disk().files()) EXPECT_THAT(file, testing::Not(HasSubstr("conv.a.0")));
}

TEST_F(TasksTest, ARunIsNotedOnDiskBeforeItStarts) {
  std::map<std::string, std::uint64_t> noted;
  programs().start_delay = {};
  programs().program("/bin/x", [&](Process& p) {
    engine::TaskSupervisor known({}, 1U);
    const auto saved = machine.disk().contents("state/tasks/.supervisor");
    ASSERT_TRUE(saved && known.load(*saved));
    known.each([&](const std::string& name, const model::TaskStatus& status) {
      if (name == p.options().environment.at("SELVEDGE_TASK")) noted[name] = status.run;
    });
  });
  start();
  machine.disk().model.sync_latency = 500ms;
  for (int i = 0; i < 8; ++i) wish("t" + std::to_string(i), R"({"command":["/bin/x"]})");
  run_until([&] { return running("/bin/x") == 8; });
  sim.run_for(1s);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(noted["t" + std::to_string(i)], 1u) << i;
}

TEST_F(TasksTest, ANewValueIsMadeReadyBesideTheOldOneWhichThenEnds) {
  programs().program("/bin/one", [](Process&) {});
  programs().program("/bin/two", [](Process&) {});
  start();
  wish("t", R"({"command":["/bin/one"]})");
  until_said("t/state", "\"running\"");
  wish("t", R"({"command":["/bin/two"],"artifacts":[{"name":"nowhere","version":9}]})");
  sim.run_for(30s);
  EXPECT_EQ(running("/bin/one"), 1u) << "what the new one needs is not there";
  EXPECT_EQ(said("t/state"), "\"running\"");
  EXPECT_THAT(said("t/reason"), HasSubstr("generation 0"));
  wish("t", R"({"command":["/bin/two"],"generation":2})");
  until_said("t/generation", "2");
  until_said("t/state", "\"running\"");
  EXPECT_EQ(running("/bin/one"), 0u);
  EXPECT_EQ(running("/bin/two"), 1u);
  EXPECT_EQ(said("t/run"), "2");
}

TEST_F(TasksTest, GoesOnOverARestartOfTheProgramWithoutACloud) {
  bring("convert", tar({{"bin/convert", "x"}}), "task");
  programs().program("bin/convert", [](Process& p) {
    p.after(1min, [&p] { p.out("after a minute\n"); });
  });
  start();
  wish("conv.a.0", converter);
  until_said("conv.a.0/state", "\"running\"");
  const std::int64_t id = process("bin/convert")->id();
  program_restart();
  until_said("conv.a.0/state", "\"running\"");
  sim.run_for(10s);
  ASSERT_EQ(running("bin/convert"), 1u);
  EXPECT_EQ(process("bin/convert")->id(), id) << "a task that is as wished is never started again";
  EXPECT_EQ(programs().started(), 1u);
  EXPECT_EQ(said("conv.a.0/run"), "1");
  EXPECT_EQ(metric("selvedge_task_adopted_total"), 1);
  sim.run_for(1min);
  EXPECT_THAT(content("state/tasks/conv.a.0/log"), HasSubstr(" out after a minute\n"));
  // After a power cut it starts anew, from what is on this disk.
  power_cut_and_restart();
  run_until([&] { return running("bin/convert") == 1; });
  until_said("conv.a.0/run", "2");
  EXPECT_EQ(content("state/tasks/conv.a.0/2/bin/convert"), "x");
  EXPECT_EQ(content("state/tasks/conv.a.0/1/bin/convert"), "(none)");
}

TEST_F(TasksTest, AJobThatEndedWhileTheProgramWasAwayIsNotRunAgain) {
  programs().program("/bin/job", [](Process& p) { p.after(1s, [&p] { p.exit(0); }); });
  start();
  wish("j", R"({"command":["/bin/job"],"mode":"job"})");
  run_until([&] { return running("/bin/job") == 1; });
  sim.run_for(500ms);
  program_restart();
  until_said("j/state", "\"done\"");
  EXPECT_EQ(said("j/exit"), "0");
  program_restart();
  sim.run_for(1min);
  EXPECT_EQ(programs().started(), 1u);
  EXPECT_EQ(said("j/state"), "\"done\"");
}

TEST_F(TasksTest, SaysWhyItCannotBe) {
  bring("evil", tar({{"ok", "1"}}), "task");
  start();
  wish("c", R"({"kind":"container","image":"img"})");
  until_said("c/state", "\"failed\"");
  EXPECT_THAT(said("c/reason"), HasSubstr("kind container"));
  wish("m", R"({"kind":"model","model":"finder","mode":"job"})");
  until_said("m/state", "\"failed\"");
  EXPECT_THAT(said("m/reason"), HasSubstr("kind model"));
  wish("x", R"({"comand":["/bin/x"]})");
  until_said("x/state", "\"failed\"");
  EXPECT_THAT(said("x/reason"), HasSubstr("comand"));
  wish("s", R"({"command":["/bin/x"],"secrets":{"TOKEN":"token"}})");
  run_until([&] { return said("s/reason").find("tasks.secrets") != std::string::npos; });
  wish("none", R"({"command":["/bin/none"]})");
  until_said("none/state", "\"failed\"");
  wish("big", R"({"command":["ok"],"resources":{"disk":100},"artifacts":[{"name":"evil","version":1}]})");
  run_until([&] { return !said("big/state").empty(); });
}

TEST_F(TasksTest, ATaskThatIsOverItsLimitsSaysSo) {
  programs().program("/bin/greedy", [](Process& p) { p.after(1s, [&p] { p.use(1s, 100 << 20); }); });
  start();
  wish("g", R"({"command":["/bin/greedy"],"resources":{"memory":"64MiB"},"restart":{"attempts":1}})");
  until_said("g/state", "\"failed\"");
  EXPECT_THAT(said("g/reason"), HasSubstr("over its memory of 64 MiB"));
  EXPECT_EQ(said("g/exit"), "-9");
}

TEST_F(TasksTest, TheRevisionIsSaidBackOnceWhatWasWithdrawnHasEnded) {
  bool ends = false;
  programs().program("/bin/slow", [&ends](Process& p) {
    p.on_signal = [&ends, &p](int) { p.after(5s, [&ends, &p] { ends = true; p.exit(0); }); };
  });
  start();
  wish("a", R"({"command":["/bin/slow"]})");
  wish("_revision", "7");
  until_said("_heard", "7");
  until_said("a/state", "\"running\"");
  wish("a", "");
  wish("_revision", "8");
  until_said("_heard", "8");
  EXPECT_TRUE(ends);
  EXPECT_EQ(said("a/state"), "");
  EXPECT_EQ(said("_revision/state"), "") << "that is no task";
}

TEST_F(TasksTest, HealthIsAskedForByACommandAndByHttp) {
  programs().program("/bin/service", [](Process&) {});
  bool well = true;
  std::string check_group;
  programs().program("/bin/check", [&](Process& p) {
    check_group = p.options().group;
    if (!well) p.out("the sensor is gone\n");
    p.exit(well ? 0 : 3);
  });
  start();
  wish("h", R"({"command":["/bin/service"],"health":{"command":["/bin/check"],"every":"5s","grace":"1s","failures":2}})");
  until_said("h/healthy", "true");
  well = false;
  run_until([&] { return said("h/reason").find("status 3: the sensor is gone") != std::string::npos; });
  until_said("h/run", "2");
  well = true;
  until_said("h/healthy", "true");
  EXPECT_TRUE(check_group.ends_with("/_h")) << check_group;
  wish("w", R"({"command":["/bin/service"],"sandbox":{"network":"host"},"health":{"http":"http://127.0.0.1:8080/healthz","every":"5s"}})");
  run_until([&] { return !said("w/state").empty() && said("w/run") == "1"; });
  sim.run_for(10s);
  EXPECT_NE(said("w/reason") + said("w/healthy"), "");
}

TEST_F(TasksTest, IsRestartedAndTriedAgainByHand) {
  int exits = 1;
  programs().program("/bin/job", [&exits](Process& p) { p.exit(exits); });
  programs().program("/bin/service", [](Process&) {});
  start();
  wish("j", R"({"command":["/bin/job"],"mode":"job"})");
  wish("s", R"({"command":["/bin/service"]})");
  until_said("j/state", "\"failed\"");
  until_said("s/state", "\"running\"");
  EXPECT_EQ(ask("POST", "/api/v1/tasks/j/restart").status, 409);
  exits = 0;
  EXPECT_EQ(ask("POST", "/api/v1/tasks/j/retry").status, 202);
  until_said("j/state", "\"done\"");
  EXPECT_EQ(ask("POST", "/api/v1/tasks/s/restart").status, 202);
  until_said("s/run", "2");
  EXPECT_EQ(ask("POST", "/api/v1/tasks/nobody/retry").status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/tasks/s/dance").status, 404);
  const auto list = codec::json::parse(ask("GET", "/api/v1/tasks").body).value();
  ASSERT_EQ(list.array().size(), 2u);
  EXPECT_EQ(list.at_pointer("/1/name").text(), "s");
  const auto one = codec::json::parse(ask("GET", "/api/v1/tasks/s").body).value();
  EXPECT_EQ(one["run"].integer(), 2);
  EXPECT_EQ(one.at_pointer("/wish/command/0").text(), "/bin/service");
  EXPECT_EQ(ask("GET", "/api/v1/tasks/nobody").status, 404);
  EXPECT_THAT(ask("GET", "/api/v1/status").body, HasSubstr("\"tasks\":{\"waiting\":0,"));
  EXPECT_THAT(ask("GET", "/api/v1/audit").body, HasSubstr("task.restart"));
}

TEST_F(TasksTest, TheirLogIsBoundedAndFollowed) {
  programs().program("/bin/talker", [](Process& p) {
    p.on_input_end = [] {};
    p.out("first\n");
    p.error("trouble\n");
    for (int i = 1; i <= 200; ++i)
      p.after(i * 100ms, [&p, i] { p.out("line " + std::to_string(i) + " " + std::string(100, 'x') + "\n"); });
  });
  start();
  wish("t", R"({"command":["/bin/talker"],"log":8192})");
  until_said("t/state", "\"running\"");
  sim.run_for(1s);
  const std::string begin = ask("GET", "/api/v1/tasks/t/logs").body;
  EXPECT_THAT(begin, HasSubstr(" out first\n"));
  EXPECT_THAT(begin, HasSubstr(" err trouble\n"));
  std::string followed;
  net::http::ClientLimits limits;
  limits.timeout = 10min;
  net::http::Client client(machine, limits, nullptr);
  net::http::Fetch fetch;
  fetch.url = "http://127.0.0.1:8080/api/v1/tasks/t/logs?follow=true&tail=1";
  fetch.on_body = [&](base::BytesView piece) { followed += base::as_text(piece); };
  bool over = false;
  client.fetch(std::move(fetch), [&](const base::Result<net::http::Fetched>&) { over = true; });
  sim.run_for(30s);
  const auto files = content("state/tasks/t/log").size() + content("state/tasks/t/log.old").size();
  EXPECT_LE(files, 8192u);
  EXPECT_GT(files, 4000u);
  EXPECT_THAT(followed, HasSubstr(" out line 200 "));
  EXPECT_THAT(followed, testing::Not(HasSubstr("first")));
  const std::string tail = ask("GET", "/api/v1/tasks/t/logs?tail=2").body;
  EXPECT_EQ(std::ranges::count(tail, '\n'), 2);
  EXPECT_THAT(tail, HasSubstr("line 199"));
  EXPECT_EQ(ask("GET", "/api/v1/tasks/t/logs?tail=many").status, 400);
  EXPECT_FALSE(over);
  wish("t", "");
  run_until([&] { return over; });
}

TEST_F(TasksTest, EndWithTheNodeOnlyIfItIsToldSo) {
  programs().program("/bin/service", [](Process&) {});
  for (const bool ends : {false, true}) {
    config.tasks_stop_with_node = ends;
    start();
    wish("s", R"({"command":["/bin/service"]})");
    until_said("s/state", "\"running\"");
    bool stopped = false;
    node->stop([&] { stopped = true; });
    run_until([&] { return stopped; });
    EXPECT_EQ(running("/bin/service"), ends ? 0u : 1u);
    devices.clear();
    node.reset();
  }
  config.tasks_stop_with_node = false;
  start();
  until_said("s/state", "\"running\"");
  EXPECT_EQ(said("s/restarts"), "0") << "that it ended with the node was no failure";
}

TEST_F(TasksTest, NoneRunsWhereTheyAreNotEnabled) {
  config.tasks_enabled = false;
  programs().program("/bin/service", [](Process&) {});
  start();
  wish("s", R"({"command":["/bin/service"]})");
  until_said("s/state", "\"failed\"");
  EXPECT_THAT(said("s/reason"), HasSubstr("tasks.enabled"));
  EXPECT_EQ(programs().started(), 0u);
  wish("s", "");
  until_said("s/state", "");
}

TEST_F(TasksTest, MemoryOfAllTasksTogetherIsBounded) {
  config.tasks_memory.bytes = 100 << 20;
  programs().program("/bin/service", [](Process&) {});
  start();
  wish("a", R"({"command":["/bin/service"],"resources":{"memory":"64MiB"}})");
  until_said("a/state", "\"running\"");
  wish("b", R"({"command":["/bin/service"],"resources":{"memory":"64MiB"}})");
  run_until([&] { return said("b/reason").find("tasks.memory") != std::string::npos; });
  EXPECT_EQ(said("b/state"), "\"waiting\"");
  wish("a", "");
  until_said("b/state", "\"running\"");
}

}  // namespace
}  // namespace selvedge::node
