#include "codec/task/task.h"

#include <gtest/gtest.h>

namespace selvedge::codec::task {
namespace {

using namespace std::chrono_literals;
using model::Task;

std::string why(std::string_view json) {
  const auto task = parse_task("a.b.0", json);
  return task ? "read" : task.error().message;
}

// Every member has another value than its default.
Task everything() {
  Task task;
  task.name = "thermo.convert.0";
  task.generation = 7;
  task.kind = model::TaskKind::process;
  task.mode = model::TaskMode::service;
  task.artifacts = {{"thermo", 3, model::Sha256{1, 2, 3}, "bin"}, {"data", 1, {}, ""}};
  task.command = {"bin/convert.py", "--unit", "F \"quoted\"\n", ""};
  task.environment = {{"LANG", "C.UTF-8"}, {"EMPTY", ""}};
  task.secrets = {{"API_KEY", "weather"}};
  task.resources = {.cpu = 1250, .memory = 64 << 20, .disk = 1001};
  task.accelerators = {.devices = 1, .thousandths = 250, .model = "T4"};
  task.feeds = {{"plant/+/celsius", ""}, {"", "commands/#"}};
  task.output = "plant/fahrenheit";
  task.stop_grace = 2500ms;
  task.log = 4096;
  task.restart = {2s, 1min, 90s, 5};
  task.health = {.command = {}, .http = "http://127.0.0.1:8081/healthz", .every = 5s, .timeout = 1s, .grace = 3s,
                 .failures = 2};
  task.sandbox = {.network = model::TaskSandbox::Network::host, .read_only = {"/srv"}, .writable = {"/var/x"},
                  .devices = {"/dev/video0"}, .processes = 8, .tmp = 1 << 20};
  task.disconnect = {model::TaskDisconnect::Policy::replace, 1min};
  return task;
}

TEST(TaskDocument, ComesBackAsItWent) {
  const Task task = everything();
  const std::string text = write_task(task);
  const auto read = parse_task(task.name, text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, task);
  EXPECT_EQ(write_task(*read), text);
  EXPECT_EQ(text,
            R"({"generation":7,"artifacts":[{"name":"thermo","version":3,"digest":")"
            R"(0102030000000000000000000000000000000000000000000000000000000000","path":"bin"},)"
            R"({"name":"data","version":1}],"command":["bin/convert.py","--unit","F \"quoted\"\n",""],)"
            R"("environment":{"EMPTY":"","LANG":"C.UTF-8"},"secrets":{"API_KEY":"weather"},)"
            R"("resources":{"cpu":1.25,"memory":"64MiB","disk":1001},)"
            R"("accelerators":{"devices":1,"thousandths":250,"model":"T4"},)"
            R"("feeds":[{"series":"plant/+/celsius"},{"topic":"commands/#"}],"output":"plant/fahrenheit",)"
            R"("stop_grace":"2500ms","log":"4KiB",)"
            R"("restart":{"backoff_first":"2s","backoff_most":"1m","steady":"90s","attempts":5},)"
            R"("health":{"http":"http://127.0.0.1:8081/healthz","every":"5s","timeout":"1s","grace":"3s","failures":2},)"
            R"("sandbox":{"network":"host","read_only":["/srv"],"writable":["/var/x"],"devices":["/dev/video0"],)"
            R"("processes":8,"tmp":"1MiB"},"disconnect":{"policy":"replace","after":"1m"}})");
}

TEST(TaskDocument, OfTheOtherKindsAndModesComeBackToo) {
  Task job;
  job.name = "a";
  job.mode = model::TaskMode::job;
  job.command = {"/usr/bin/true"};
  job.retries = 3;
  job.time_limit = 1h;
  Task cron = job;
  cron.mode = model::TaskMode::cron;
  cron.retries = 0;
  cron.schedule = "*/5 * * * mon-fri";
  Task container;
  container.name = "a";
  container.kind = model::TaskKind::container;
  container.image = "nginx";
  Task inference;
  inference.name = "a";
  inference.kind = model::TaskKind::model;
  inference.model = "detector";
  for (const Task& task : {job, cron, container, inference}) {
    const auto read = parse_task("a", write_task(task));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, task);
  }
}

TEST(TaskDocument, TakesNumbersWhereItTakesUnits) {
  const auto words = parse_task("a", R"({"command":["x"],"stop_grace":"1500ms","log":"64KiB",
                                         "resources":{"cpu":"500m","memory":"1GiB"}})");
  const auto numbers = parse_task("a", R"({"command":["x"],"stop_grace":1.5,"log":65536,
                                           "resources":{"cpu":0.5,"memory":1073741824}})");
  ASSERT_TRUE(words) << words.error().message;
  ASSERT_TRUE(numbers) << numbers.error().message;
  EXPECT_EQ(*words, *numbers);
  EXPECT_EQ(write_task(*words), write_task(*numbers));
}

TEST(TaskDocument, LeavesDefaultsOut) {
  EXPECT_EQ(write_task(parse_task("a", R"({"mode":"service","command":["x"],"health":{},"retries":0})").value()),
            R"({"command":["x"]})");
}

TEST(TaskDocument, ErrorsNameThePath) {
  EXPECT_EQ(why("[]"), "expected an object");
  EXPECT_EQ(why(R"({"comand":["x"]})"), "comand: is unknown; did you mean 'command'?");
  EXPECT_EQ(why(R"({"command":["x"],"restart":{"atempts":1}})"),
            "restart.atempts: is unknown; did you mean 'attempts'?");
  EXPECT_EQ(why(R"({"command":["x"],"zebra-crossing":1})"), "zebra-crossing: is unknown");
  EXPECT_EQ(why(R"({"command":"x"})"), "command: expected an array");
  EXPECT_EQ(why(R"({"command":["x",2]})"), "command[1]: expected a text");
  EXPECT_EQ(why(R"({"command":["../x"]})"), "command[0]: '../x' is no path below the task's folder");
  EXPECT_EQ(why(R"({"command":["a\u0000b"]})"), "command[0]: holds a NUL");
  EXPECT_EQ(why(R"({"command":["x"],"kind":"proces"})"),
            "kind: 'proces' is not one of process, container, model");
  EXPECT_EQ(why(R"({"command":["x"],"environment":{"1A":""}})"),
            "environment.1A: '1A' is no name of a variable (A-Z a-z 0-9 _, no digit first)");
  EXPECT_EQ(why(R"({"command":["x"],"artifacts":[{"name":"a"}]})"), "artifacts[0].version: is missing");
  EXPECT_EQ(why(R"({"command":["x"],"artifacts":[{"name":"a","version":1,"path":"/etc"}]})"),
            "artifacts[0].path: '/etc' is no path below the task's folder");
  EXPECT_EQ(why(R"({"command":["x"],"resources":{"cpu":0.0001}})"), "resources.cpu: cores have at most three decimals");
  EXPECT_EQ(why(R"({"command":["x"],"sandbox":{"tmp":"9PiB"}})").substr(0, 30), "sandbox.tmp: size '9PiB': expe");
  EXPECT_EQ(why(R"({"command":["x"],"sandbox":{"devices":["/etc/passwd"]}})"),
            "sandbox.devices[0]: '/etc/passwd' is no device below /dev");
  EXPECT_EQ(why(R"({"command":["x"],"stop_grace":"11m"})"), "stop_grace: 11m is not from 0s to 10m");
  EXPECT_EQ(why(R"({"command":["x"],"stop_grace":-1})"),
            "stop_grace: expected a duration, as in \"10s\", or seconds");
  EXPECT_EQ(why(R"({"command":["x"],"health":{"http":"http://example.org:80/"}})"),
            "health.http: 'http://example.org:80/' is not of this machine, as in http://127.0.0.1:8081/healthz");
  EXPECT_EQ(why(R"({"command":["x"],"feeds":[{"series":"a/#/b"}]})"), "feeds[0].series: 'a/#/b' is no MQTT topic filter");
  EXPECT_EQ(why(R"({"command":["x"],"mode":"cron","schedule":"61 * * * *"})"),
            "schedule: '61' is no minute (0 to 59)");
}

TEST(TaskDocument, RefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(why("{}"), "command: is missing: what is to run");
  EXPECT_EQ(why(R"({"kind":"container"})"), "image: is missing: the artifact with the OCI image");
  EXPECT_EQ(why(R"({"kind":"model"})"), "model: is missing: the model that answers");
  EXPECT_EQ(why(R"({"command":["x"],"image":"y"})"), "image: is only for tasks of kind 'container'");
  EXPECT_EQ(why(R"({"command":["x"],"mode":"cron"})"), "schedule: is missing: when a task of mode 'cron' is to run");
  EXPECT_EQ(why(R"({"command":["x"],"schedule":"* * * * *"})"), "schedule: is only for tasks of mode 'cron'");
  EXPECT_EQ(why(R"({"command":["x"],"retries":1})"), "retries: is only for tasks of mode 'job'");
  EXPECT_EQ(why(R"({"command":["x"],"time_limit":"1s"})"), "time_limit: is not for tasks of mode 'service'");
  EXPECT_EQ(why(R"({"command":["x"],"mode":"job","health":{"command":["y"]}})"),
            "health: is only for tasks of mode 'service'");
  EXPECT_EQ(why(R"({"command":["x"],"feeds":[{}]})"), "feeds[0]: needs a series or a topic, and not both");
  EXPECT_EQ(why(R"({"command":["x"],"secrets":{"A":"s"},"environment":{"A":"1"}})"),
            "secrets.A: is a variable of the environment too");
  EXPECT_EQ(why(R"({"command":["x"],"stop_grace":"30s","disconnect":{"policy":"replace","after":"49s"}})"),
            "disconnect.after: must be at least stop_grace and 20s, as the node ends it before it may be replaced");
  EXPECT_EQ(why(R"({"command":["x"],"stop_grace":"30s","disconnect":{"policy":"replace","after":"50s"}})"), "read");
  EXPECT_EQ(why(R"({"command":["x"],"stop_grace":"500ms","disconnect":{"policy":"site"}})"), "read");
  EXPECT_EQ(why(R"({"command":["x"],"disconnect":{"policy":"site"}})"),
            "stop_grace: must be at most 500ms of a task that its site may move");
  EXPECT_EQ(why(R"({"command":["x"],"mode":"job","stop_grace":"100ms","disconnect":{"policy":"site"}})"),
            "disconnect.policy: site is for services");
  EXPECT_EQ(why(R"({"command":["x"],"restart":{"backoff_first":"6m"}})"),
            "restart.backoff_first: is longer than backoff_most");
}

TEST(TaskDocument, IsBounded) {
  const std::string long_text(33 << 10, 'a');
  EXPECT_EQ(why(R"({"command":["x",")" + long_text + R"("]})"), "command[1]: is longer than 32768 bytes");
  const std::string half(17 << 10, 'a');
  EXPECT_EQ(why(R"({"command":["x",")" + half + R"(",")" + half + R"("]})"),
            "command: has more than 32768 bytes in all");
  EXPECT_EQ(why(std::string(70 << 10, ' ')), "the document is larger than 65536 bytes");
  std::string many = R"({"command":["x")";
  for (int i = 0; i < 256; ++i) many += R"(,"x")";
  EXPECT_EQ(why(many + "]}"), "command: has more than 256 elements");
  std::string feeds = R"({"command":["x"],"feeds":[{"topic":"a"})";
  for (int i = 0; i < 32; ++i) feeds += R"(,{"topic":"a"})";
  EXPECT_EQ(why(feeds + "]}"), "feeds: has more than 32 elements");
  std::string variables = R"({"command":["x"],"environment":{"A":"")";
  for (int i = 0; i < 256; ++i) variables += ",\"A" + std::to_string(i) + "\":\"\"";
  EXPECT_EQ(why(variables + "}}"), "environment: has more than 256 members");
}

TEST(TaskDocument, NamesAreChecked) {
  for (const char* name : {"a", "thermo.convert.0", "A_b-c"}) EXPECT_TRUE(is_task_name(name)) << name;
  for (const char* name : {"", ".", "..", ".a", "-a", "a/b", "a b", "\xc3\xa4"}) EXPECT_FALSE(is_task_name(name)) << name;
  EXPECT_TRUE(is_task_name(std::string(100, 'a')));
  EXPECT_FALSE(is_task_name(std::string(101, 'a')));
  EXPECT_FALSE(is_job_name("a.b"));
  EXPECT_EQ(parse_task("a/b", R"({"command":["x"]})").error().message,
            "'a/b' is no name of a task (1 to 100 of A-Z a-z 0-9 . _ -)");
}

TEST(TaskStatusDocument, ComesBackLeafByLeaf) {
  model::TaskStatus status;
  status.state = model::TaskState::failed;
  status.reason = "exit status 3";
  status.generation = 4;
  status.run = 9;
  status.restarts = 2;
  status.exit = -9;
  status.healthy = false;
  status.since = base::parse_time("2026-03-01T12:00:00.5Z").value();
  status.limits = "cpu, memory: cgroup v2";
  for (const model::TaskStatus& one : {status, model::TaskStatus{}}) {
    json::Value::Object object;
    for (const StatusMember& member : status_members(one))
      if (!member.json.empty()) object.emplace(member.name, json::parse(member.json).value());
    object.emplace("of_a_newer_node", json::Value(true));
    const auto read = read_status(json::Value(std::move(object)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, one);
  }
}

TEST(TaskStatusDocument, SaysWhatIsWrong) {
  const auto bad = [](std::string_view text) { return read_status(json::parse(text).value()).error().message; };
  EXPECT_EQ(bad("3"), "status of a task: expected an object");
  EXPECT_EQ(bad(R"({"state":"sleeping"})"),
            "state: 'sleeping' is not one of waiting, starting, running, stopping, done, failed, stopped");
  EXPECT_EQ(bad(R"({"run":-1})"), "run: -1 is not from 0 to 9223372036854775807");
}

}  // namespace
}  // namespace selvedge::codec::task
