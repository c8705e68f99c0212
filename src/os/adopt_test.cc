// Children that outlive the program that began them. Another world in the same process plays the program's next run.

#include <signal.h>
#include <sys/wait.h>

#include "os/child_files.h"
#include "os/child_for_test.h"
#include "os/sandbox.h"

namespace selvedge::os {
namespace {

using base::Code;
using How = ChildExit::How;

class AdoptTest : public ChildTest {
 protected:
  ChildOptions lasting(const std::string& script) const {
    ChildOptions options = shell(script);
    options.run = folder + "/run-1";
    return options;
  }
  // Begins a child, waits until it has said something, and leaves it to itself.
  void leave(const ChildOptions& options) {
    HeardChild first;
    auto one = world->spawn(options, first);
    ASSERT_TRUE(world.run_until([&] { return !first.out.empty() || first.ended(); }));
    ASSERT_FALSE(first.ended()) << (first.failure ? first.failure->message : "ended");
    process = static_cast<int>(first.start->process);
  }
  HeardChild& adopt(const ChildOptions& options) {
    child = world->adopt(options, heard);
    EXPECT_TRUE(world.run_until([this] { return heard.start || heard.ended(); }));
    return heard;
  }
  int process = 0;
};

TEST_F(AdoptTest, OneThatRunsIsHeardAndSpokenToAgain) {
  ChildOptions options = lasting("echo ready; while read line; do echo got $line; done");
  options.input = ChildOptions::Input::pipe;
  leave(options);
  adopt(options);
  ASSERT_TRUE(heard.start) << heard.failure->message;
  EXPECT_TRUE(heard.start->adopted);
  EXPECT_EQ(heard.start->process, process);
  ASSERT_TRUE(child->write(base::as_bytes("a line\n")));
  ASSERT_TRUE(world.run_until([&] { return heard.out == "got a line\n"; }));
  child->kill("killed: done with");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->how, How::signalled);
  EXPECT_EQ(heard.exit->why, "killed: done with");
}

TEST_F(AdoptTest, WhatItWroteMeanwhileIsThere) {
  const ChildOptions options = lasting("echo ready; while [ ! -e go ]; do sleep 0.01; done; echo meanwhile; touch said; sleep 1000");
  leave(options);
  std::ofstream(work + "/go") << "";
  ASSERT_TRUE(world.run_until([&] { return std::filesystem::exists(work + "/said"); }));
  adopt(options);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "meanwhile\n"; }));
  child->kill("");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
}

TEST_F(AdoptTest, OneThatWritesMuchWaitsForUsRatherThanEnding) {
  const ChildOptions options = lasting("echo ready; head -c 1000000 /dev/zero; echo done >&2");
  leave(options);
  heard.most_kept = 0;
  adopt(options);
  ASSERT_TRUE(heard.start) << "it should have waited";
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_GT(heard.bytes, 900'000U);
}

TEST_F(AdoptTest, TheExitOfOneWeHeardToTheEndIsToldAgain) {
  const ChildOptions options = lasting("exit 4");
  run(options);
  EXPECT_EQ(heard.exit->number, 4);
  child.reset();
  heard = {};
  adopt(options);
  ASSERT_TRUE(heard.exit);
  EXPECT_EQ(heard.exit->how, How::exited);
  EXPECT_EQ(heard.exit->number, 4);
}

TEST_F(AdoptTest, AFolderServesOneStartOnly) {
  const ChildOptions options = lasting("exit 0");
  run(options);
  child.reset();
  heard = {};
  run(options);
  ASSERT_TRUE(heard.failure);
  EXPECT_EQ(heard.failure->code, Code::conflict);

  bool forgotten = false;
  child.reset();
  world->forget_child(options.run, [&] { forgotten = true; });
  ASSERT_TRUE(world.run_until([&] { return forgotten; }));
  EXPECT_FALSE(std::filesystem::exists(options.run));
  heard = {};
  EXPECT_TRUE(run(options).exit);
}

TEST_F(AdoptTest, AStartThatFailsWhereAnotherRunsLeavesThatAlone) {
  const ChildOptions options = lasting("echo ready; sleep 1000");
  leave(options);
  ChildOptions other = options;
  other.program = "/no/such/program";
  EXPECT_EQ(run(other).failure->code, Code::conflict);
  heard = {};
  adopt(options);
  ASSERT_TRUE(heard.start) << heard.failure->message;
  EXPECT_EQ(heard.start->process, process);
  child->kill("");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
}

TEST_F(AdoptTest, WhereNothingBeganThereIsNothingToAdopt) {
  adopt(lasting(""));
  ASSERT_TRUE(heard.failure);
  EXPECT_EQ(heard.failure->code, Code::not_found);

  heard = {};
  ChildOptions options = lasting("");
  options.program = "/no/such/program";
  run(options);
  EXPECT_FALSE(std::filesystem::exists(options.run));
}

TEST_F(AdoptTest, AnotherProcessWithTheSameIdIsNotTakenForIt) {
  const ChildOptions options = lasting("echo ready; sleep 1000");
  leave(options);
  const std::string record = read_small(options.run + "/record");
  const ProcessLine line = parse_process_line(record.substr(record.find('\n') + 1));
  ASSERT_EQ(line.process, process);

  // The same id, started a tick earlier.
  std::string other = record;
  const std::string started = std::to_string(line.started);
  other.replace(other.find(" " + started + " ") + 1, started.size(), std::to_string(line.started - 1));
  std::ofstream(options.run + "/record") << other;
  adopt(options);
  ASSERT_TRUE(heard.exit);
  EXPECT_EQ(heard.exit->how, How::unknown);
  EXPECT_EQ(process_line(process).process, process);         // and it was left alone

  // The same id and start, of another boot.
  std::filesystem::remove(options.run + "/exit");
  other = record;
  other.front() = other.front() == '0' ? '1' : '0';
  std::ofstream(options.run + "/record") << other;
  heard = {};
  adopt(options);
  ASSERT_TRUE(heard.exit);
  EXPECT_EQ(process_line(process).process, process);
  ::kill(-process, SIGKILL);
  EXPECT_EQ(::waitpid(process, nullptr, 0), process);
}

TEST_F(AdoptTest, ASandboxThatEndedMeanwhileSaysHow) {
  if (const SandboxTools tools = look_for_sandbox(); tools.kind == SandboxTools::Kind::none)
    GTEST_SKIP() << "no sandbox on this machine: " << tools.why_not;
  ChildOptions options = lasting("echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 6");
  options.sandbox.emplace();
  leave(options);
  std::ofstream(work + "/go") << "";
  ASSERT_TRUE(world.run_until([&] { return sandbox_exit(read_small(options.run + "/status")).has_value(); }));
  adopt(options);
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  ASSERT_TRUE(heard.exit);
  EXPECT_EQ(heard.exit->how, How::exited);
  EXPECT_EQ(heard.exit->number, 6);
}

TEST_F(AdoptTest, ASandboxThatRunsHearsSignalsAndIsEndedWhole) {
  if (const SandboxTools tools = look_for_sandbox(); tools.kind == SandboxTools::Kind::none)
    GTEST_SKIP() << "no sandbox on this machine: " << tools.why_not;
  ChildOptions options = lasting("trap 'echo asked' TERM; setsid sleep 12345683 & echo ready; while :; do sleep 0.01; done");
  options.sandbox.emplace();
  leave(options);
  adopt(options);
  ASSERT_TRUE(heard.start);
  EXPECT_TRUE(heard.start->limits.starts_with("sandbox: bubblewrap"));
  child->signal(SIGTERM);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "asked\n"; }));
  child->kill("killed: not wished for");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->why, "killed: not wished for");
  EXPECT_FALSE(runs("12345683"));
}

}  // namespace
}  // namespace selvedge::os
