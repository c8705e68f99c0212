#include "cli/task_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selvedge::cli {
namespace {

using testing::HasSubstr;

base::Result<model::Job> run_words(std::vector<std::string> words) {
  words.insert(words.begin(), {"task", "run"});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  const auto parsed = parse(pointers, {});
  if (!parsed) return std::unexpected(parsed.error());
  return job_of(parsed->arguments);
}

TEST(TaskRun, MakesAJobOfItsWords) {
  const auto job = run_words({"fahrenheit", "--artifact", "fahrenheit:1,python:312=lib", "--cpu", "0.5", "--memory", "64MiB", "--count", "3",
                              "--env", "A=1,B=x=y", "--on", "site=hall-2", "--spread", "node", "--network", "--", "./run", "--verbose", "a b"});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->name, "fahrenheit");
  const model::TaskGroup& group = job->groups.at(0);
  EXPECT_EQ(group.count, 3U);
  EXPECT_EQ(group.spread, "node");
  EXPECT_EQ(group.task.command, (std::vector<std::string>{"./run", "--verbose", "a b"}));
  EXPECT_EQ(group.task.artifacts.at(0), (model::TaskArtifact{"fahrenheit", 1, {}, ""}));
  EXPECT_EQ(group.task.artifacts.at(1), (model::TaskArtifact{"python", 312, {}, "lib"}));
  EXPECT_EQ(group.task.resources, (model::Resources{500, 64 << 20, 0}));
  EXPECT_EQ(group.task.environment, (std::map<std::string, std::string>{{"A", "1"}, {"B", "x=y"}}));
  EXPECT_EQ(group.task.sandbox.network, model::TaskSandbox::Network::host);
  EXPECT_EQ(group.constraints.at(0), (model::Constraint{"site", model::Constraint::Is::equal, {"hall-2"}, 0}));
}

TEST(TaskRun, MakesAnEdgeFunction) {
  const auto job = run_words({"f", "--feed", "+/celsius,plant/#", "--topic", "commands/f", "--output", "fahrenheit", "--", "./f"});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->groups.at(0).task.feeds, (std::vector<model::TaskFeed>{{"+/celsius", ""}, {"plant/#", ""}, {"", "commands/f"}}));
  EXPECT_EQ(job->groups.at(0).task.output, "fahrenheit");
}

TEST(TaskRun, RunsAnImage) {
  const auto job = run_words({"web", "--image", "nginx:3", "--network"});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->groups.at(0).task.kind, model::TaskKind::container);
  EXPECT_EQ(job->groups.at(0).task.image, "nginx");
  EXPECT_EQ(job->groups.at(0).task.artifacts.at(0), (model::TaskArtifact{"nginx", 3, {}, ""}));
}

TEST(TaskRun, TakesACronSchedule) {
  const auto job = run_words({"nightly", "--mode", "cron", "--schedule", "0 3 * * *", "--", "/usr/bin/true"});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->groups.at(0).task.mode, model::TaskMode::cron);
}

TEST(TaskRun, SaysWhatIsWrong) {
  const auto why = [](std::vector<std::string> words) {
    const auto job = run_words(std::move(words));
    return job ? "nothing" : job.error().message;
  };
  EXPECT_THAT(why({"x"}), HasSubstr("groups[0].task"));
  EXPECT_THAT(why({"x", "--artifact", "a", "--", "./a"}), HasSubstr("--artifact: expected NAME:VERSION, not 'a'"));
  EXPECT_THAT(why({"x", "--env", "A", "--", "./a"}), HasSubstr("--env: expected NAME=VALUE"));
  EXPECT_THAT(why({"x", "--cpu", "lots", "--", "./a"}), HasSubstr("groups[0].task.resources.cpu"));
  EXPECT_THAT(why({"x", "--mode", "often", "--", "./a"}), HasSubstr("groups[0].task.mode"));
  EXPECT_THAT(why({"x.y", "--", "./a"}), HasSubstr("name"));
  EXPECT_THAT(why({"x", "--cup", "1", "--", "./a"}), HasSubstr("did you mean"));
}

TEST(JobFile, IsTomlOrJson) {
  const std::string toml = "name = \"a\"\n[[groups]]\nname = \"g\"\n[groups.task]\ncommand = [\"./a\"]\n";
  const std::string json = R"( {"name":"a","groups":[{"name":"g","task":{"command":["./a"]}}]})";
  const auto one = parse_job_text(toml, "a.toml"), two = parse_job_text(json, "a.json");
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(*one, *two);
}

TEST(JobFile, SaysWhereItIsWrong) {
  const auto wrong = parse_job_text("name = \"a\"\n[[groups]]\nname = \"g\"\n[groups.task]\ncomand = [\"./a\"]\n", "a.toml");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("a.toml"));
  EXPECT_THAT(wrong.error().message, HasSubstr("groups[0].task.comand"));
  EXPECT_FALSE(parse_job_text("name = ", "a.toml"));
  EXPECT_FALSE(read_job_file("/nowhere/a.toml"));
}

}  // namespace
}  // namespace selvedge::cli
