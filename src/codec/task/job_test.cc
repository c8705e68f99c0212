#include <gtest/gtest.h>

#include "codec/task/task.h"

namespace selvedge::codec::task {
namespace {

using namespace std::chrono_literals;

std::string why(std::string_view json) {
  const auto job = parse_job(json);
  return job ? "read" : job.error().message;
}

// A job with one group, `more` beside its name and task.
std::string with(std::string_view more) {
  return R"({"name":"j","groups":[{"name":"g","task":{"command":["x"]})" + std::string(more) + "}]}";
}

model::Job everything() {
  model::Job job;
  job.name = "thermo";
  job.tenant = "plant-7";
  job.generation = 12;
  model::TaskGroup group;
  group.name = "convert";
  group.count = 3;
  group.task.command = {"convert"};
  group.task.mode = model::TaskMode::job;
  group.priority = 80;
  using Is = model::Constraint::Is;
  group.constraints = {{"arch", Is::one_of, {"arm64", "amd64"}, 0},
                       {"zone", Is::not_equal, {"attic"}, -20},
                       {"gpu", Is::exists, {}, 0},
                       {"floor", Is::at_least, {"2.5"}, 0}};
  group.tolerations = {"drained"};
  group.spread = "node";
  group.gang = true;
  group.energy_weight = 0.25;
  group.latency_limit_ms = 20;
  group.near = "hall-1";
  job.groups = {group, group};
  job.groups[1].name = "other";
  job.update = {2, 5s, 1min, false};
  job.deadline = base::parse_time("2026-03-01T12:00:00Z").value();
  return job;
}

TEST(JobDocument, ComesBackAsItWent) {
  const model::Job job = everything();
  const std::string text = write_job(job);
  const auto read = parse_job(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, job);
  EXPECT_EQ(write_job(*read), text);
}

TEST(JobDocument, ItsMembersHaveNamesThatTasksMayHave) {
  model::Job job = everything();
  job.name.assign(64, 'j');
  job.groups[0].name.assign(30, 'g');
  ASSERT_EQ(why(write_job(job)), "read");
  model::Task task = job.groups[0].task;
  task.name = job.name + "." + job.groups[0].name + ".9999";
  task.generation = job.generation;
  EXPECT_TRUE(is_task_name(task.name)) << task.name.size();
  EXPECT_EQ(task.generation, 12u);
  EXPECT_EQ(parse_task(task.name, write_task(task)).value(), task);
}

TEST(JobDocument, ErrorsNameThePath) {
  EXPECT_EQ(why("{"), "JSON: " + std::string(json::parse("{").error().message.substr(6)));
  EXPECT_EQ(why("{}"), "name: is missing");
  EXPECT_EQ(why(R"({"name":"j"})"), "groups: is missing or empty");
  EXPECT_EQ(why(R"({"name":"a.b"})"), "name: 'a.b' is no name (1 to 64 of A-Z a-z 0-9 _ -)");
  EXPECT_EQ(why(R"({"name":"j","groups":[{"name":"g"}]})"), "groups[0].task: is missing");
  EXPECT_EQ(why(R"({"name":"j","groups":[{"name":"g","task":{}}]})"), "groups[0].task.command: is missing: what is to run");
  EXPECT_EQ(why(R"({"name":"j","groups":[{"name":"g","task":{"command":[""]}}]})"),
            "groups[0].task.command[0]: is empty");
  EXPECT_EQ(why(R"({"name":"j","groups":[{"name":"g","task":{"command":["x"],"generation":1}}]})"),
            "groups[0].task.generation: is the job's to say");
  EXPECT_EQ(why(with(R"(,"counts":2)")), "groups[0].counts: is unknown; did you mean 'count'?");
  EXPECT_EQ(why(with(R"(,"count":10001)")), "groups[0].count: 10001 is not from 0 to 10000");
  EXPECT_EQ(why(with(R"(,"gang":1)")), "groups[0].gang: expected true or false");
  EXPECT_EQ(why(with(R"(,"energy_weight":-1)")), "groups[0].energy_weight: expected a number from 0 to 1000");
  EXPECT_EQ(why(with(R"(,"near":"x")")), "groups[0].near: and latency_limit_ms go together");
  EXPECT_EQ(why(with(R"(,"constraints":[{"values":["x"]}])")), "groups[0].constraints[0].label: is missing");
  EXPECT_EQ(why(with(R"(,"constraints":[{"label":"x"}])")), "groups[0].constraints[0].values: must be one value");
  EXPECT_EQ(why(with(R"(,"constraints":[{"label":"x","is":"at_most","values":["two"]}])")),
            "groups[0].constraints[0].values: must be one number");
  EXPECT_EQ(why(R"({"name":"j","groups":[],"deadline":"tomorrow"})").substr(0, 10), "deadline: ");
}

TEST(JobDocument, RefusesWhatDoesNotGoTogether) {
  model::Job job = everything();
  job.groups[1].name = job.groups[0].name;
  EXPECT_EQ(why(write_job(job)), "groups[1].name: 'convert' is that of another group");
  job = everything();
  job.groups[0].task.mode = model::TaskMode::service;
  EXPECT_EQ(why(write_job(job)), "deadline: is only for jobs whose tasks end");
  job = everything();
  job.groups[0].count = 9'998;
  EXPECT_EQ(why(write_job(job)), "groups: have more than 10000 members in all");
  job = everything();
  job.update.deadline = 4s;
  EXPECT_EQ(why(write_job(job)), "update.healthy: is longer than the deadline");
}

TEST(JobDocument, HasNoMemberThatIsTooLargeToBeWishedFor) {
  model::Job job = everything();
  job.groups[0].task.environment = {{"A", std::string(32'000, 'a')}, {"B", std::string(32'000, 'b')}};
  EXPECT_EQ(why(write_job(job)), "read");
  job.groups[0].task.environment["C"] = std::string(2'000, 'c');
  EXPECT_EQ(why(write_job(job)), "groups[0].task: is larger than 65536 bytes");
}

}  // namespace
}  // namespace selvedge::codec::task
