#include "os/fake/child.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;
using base::Code;
using How = ChildExit::How;

struct Heard : ChildEvents {
  std::optional<ChildStart> start;
  std::string out, error;
  std::optional<ChildExit> exit;
  std::optional<base::Error> failure;
  int drained = 0;

  bool ended() const { return exit || failure; }
  void on_start(Child&, const ChildStart& how) override { start = how; }
  void on_output(Child&, ChildOutput which, base::BytesView bytes) override {
    (which == ChildOutput::out ? out : error) += base::as_text(bytes);
  }
  void on_drained(Child&) override { ++drained; }
  void on_exit(Child&, const ChildExit& how) override { exit = how; }
  void on_failure(Child&, const base::Error& why) override { failure = why; }
};

class FakeChildTest : public testing::Test {
 protected:
  FakeChildTest() {
    processes.program("echo", [](Process& process) {
      process.on_input = [&process](std::string_view text) { process.out(text); };
      process.on_input_end = [&process] { process.exit(0); };
    });
    processes.program("three", [](Process& process) {
      process.out("out");
      process.error("error");
      process.after(3s, [&process] { process.exit(3); });
    });
    processes.program("deaf", [](Process& process) { process.on_signal = [](int) {}; });
  }
  ChildOptions options(std::string program, std::string run = "") const {
    ChildOptions made;
    made.program = std::move(program);
    made.input = ChildOptions::Input::pipe;
    made.run = std::move(run);
    made.group = "node-1/" + made.program;
    return made;
  }
  bool until(const std::function<bool()>& done) { return simulation.run_until(done, 1min); }

  Simulation simulation{7};
  Machine& machine = simulation.machine("node");
  Processes& processes = machine.processes();
  Heard heard;
};

TEST_F(FakeChildTest, AScriptRunsOnVirtualTime) {
  const auto child = machine.spawn(options("three"), heard);
  EXPECT_FALSE(heard.start);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "out");
  EXPECT_EQ(heard.error, "error");
  EXPECT_EQ(heard.exit->number, 3);
  EXPECT_TRUE(processes.running().empty());
}

TEST_F(FakeChildTest, HearsItsInputAndItsEnd) {
  const auto child = machine.spawn(options("echo"), heard);
  ASSERT_TRUE(child->write(base::as_bytes("early ")));
  ASSERT_TRUE(until([&] { return heard.out == "early "; }));
  ASSERT_TRUE(child->write(base::as_bytes("late")));
  child->close_input();
  EXPECT_FALSE(child->write(base::as_bytes("x")));
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "early late");
}

TEST_F(FakeChildTest, OneThatDoesNotReadIsFullAndDrainsLater) {
  processes.program("slow", [](Process& process) {
    process.set_reading(false);
    process.after(5s, [&process] { process.set_reading(true); });
  });
  const auto child = machine.spawn(options("slow"), heard);
  const std::string much(ChildOptions::most_unsent, 'x');
  ASSERT_TRUE(until([&] { return heard.start.has_value(); }));
  simulation.run_for(1s);
  ASSERT_TRUE(child->write(base::as_bytes(much)));
  EXPECT_EQ(child->write(base::as_bytes("x")).error().code, Code::exhausted);
  ASSERT_TRUE(until([&] { return heard.drained == 1; }));
  EXPECT_EQ(child->unsent(), 0U);
}

TEST_F(FakeChildTest, SignalsEndWhatDoesNotMindThemAndAKillEndsAll) {
  auto child = machine.spawn(options("echo"), heard);
  ASSERT_TRUE(until([&] { return heard.start.has_value(); }));
  child->signal(SIGTERM);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->number, SIGTERM);

  heard = {};
  child = machine.spawn(options("deaf"), heard);
  ASSERT_TRUE(until([&] { return heard.start.has_value(); }));
  child->signal(SIGTERM);
  simulation.run_for(10s);
  EXPECT_FALSE(heard.ended());
  child->kill("killed: deaf");
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->why, "killed: deaf");

  heard = {};
  child = machine.spawn(options("deaf"), heard);
  child->kill("killed: early");
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->why, "killed: early");
}

TEST_F(FakeChildTest, MayBePausedAndResumedBeforeItRuns) {
  processes.start_delay = 10s;
  const auto child = machine.spawn(options("three"), heard);
  child->pause();
  child->resume();
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "out");
}

TEST_F(FakeChildTest, WhatCannotStartSaysSo) {
  const auto absent = machine.spawn(options("absent"), heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.failure->code, Code::not_found);

  heard = {};
  processes.fail_next({Code::exhausted, "no more processes"});
  const auto failed = machine.spawn(options("echo"), heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.failure->code, Code::exhausted);
}

TEST_F(FakeChildTest, PausedItIsNotHeardAndItsPipeIsBounded) {
  processes.program("flood", [](Process& process) {
    int written = 0;
    while (process.out(std::string(1024, 'x'))) ++written;
    EXPECT_EQ(written, 64);
    process.exit(0);
  });
  const auto child = machine.spawn(options("flood"), heard);
  child->pause();
  simulation.run_for(10s);
  EXPECT_EQ(heard.out, "");
  EXPECT_FALSE(heard.ended());
  child->resume();
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out.size(), 64U << 10);
}

TEST_F(FakeChildTest, MemoryOverItsLimitEndsIt) {
  processes.program("hungry", [](Process& process) {
    process.use(1s, 10 << 20);
    process.after(1s, [&process] { process.use(1s, 100 << 20); });
  });
  ChildOptions asked = options("hungry");
  asked.limits.memory = 64 << 20;
  const auto child = machine.spawn(asked, heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->why, "killed: over its memory of 64 MiB");
  EXPECT_EQ(heard.exit->usage.cpu, base::Duration(2s));
}

TEST_F(FakeChildTest, OneWithARunOutlivesTheProgramAndIsAdopted) {
  auto child = machine.spawn(options("echo", "/run/1"), heard);
  Heard other;
  auto mortal = machine.spawn(options("deaf"), other);
  ASSERT_TRUE(until([&] { return heard.start && other.start; }));
  const std::int64_t id = heard.start->process;
  machine.crash({.disk = Crash::Disk::keeps_written});
  child.reset();
  mortal.reset();
  ASSERT_EQ(processes.running().size(), 1U);
  processes.running().front()->out("meanwhile ");
  machine.restart();

  heard = {};
  child = machine.adopt(options("echo", "/run/1"), heard);
  ASSERT_TRUE(until([&] { return heard.out == "meanwhile "; }));
  EXPECT_TRUE(heard.start->adopted);
  EXPECT_EQ(heard.start->process, id);
  ASSERT_TRUE(child->write(base::as_bytes("again")));
  ASSERT_TRUE(until([&] { return heard.out == "meanwhile again"; }));
  EXPECT_EQ(processes.started(), 2U);
}

TEST_F(FakeChildTest, HowOneEndedMeanwhileIsKnownOfASandboxOnly) {
  ChildOptions boxed = options("three", "/run/boxed");
  boxed.sandbox.emplace();
  const ChildOptions bare = options("three", "/run/bare");
  Heard other;
  auto first = machine.spawn(boxed, heard), second = machine.spawn(bare, other);
  ASSERT_TRUE(until([&] { return heard.start && other.start; }));
  machine.crash({.disk = Crash::Disk::keeps_written});
  first.reset();
  second.reset();
  simulation.run_for(10s);
  machine.restart();
  heard = {}, other = {};
  first = machine.adopt(boxed, heard), second = machine.adopt(bare, other);
  ASSERT_TRUE(until([&] { return heard.ended() && other.ended(); }));
  EXPECT_EQ(heard.exit->how, How::exited);
  EXPECT_EQ(heard.exit->number, 3);
  EXPECT_EQ(other.exit->how, How::unknown);
}

TEST_F(FakeChildTest, APowerCutEndsAllAndNobodyKnowsHow) {
  const ChildOptions lasting = options("echo", "/run/1");
  auto child = machine.spawn(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.start.has_value(); }));
  machine.crash();
  child.reset();
  EXPECT_TRUE(processes.running().empty());
  machine.restart();
  heard = {};
  child = machine.adopt(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->how, How::unknown);
}

TEST_F(FakeChildTest, ARunServesOneStartUntilItIsForgotten) {
  const ChildOptions lasting = options("three", "/run/1");
  auto child = machine.adopt(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.failure->code, Code::not_found);

  heard = {};
  child = machine.spawn(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  heard = {};
  child = machine.spawn(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.failure->code, Code::conflict);

  heard = {};
  bool forgotten = false;
  machine.forget_child("/run/1", [&] { forgotten = true; });
  ASSERT_TRUE(until([&] { return forgotten; }));
  child = machine.spawn(lasting, heard);
  ASSERT_TRUE(until([&] { return heard.start.has_value(); }));
}

TEST_F(FakeChildTest, LeftoversEndButForThoseKept) {
  auto child = machine.spawn(options("echo", "/run/1"), heard), other = machine.spawn(options("deaf", "/run/2"), heard);
  ASSERT_TRUE(until([&] { return processes.running().size() == 2; }));
  machine.crash({.disk = Crash::Disk::keeps_written});
  child.reset();
  other.reset();
  machine.restart();
  std::optional<std::vector<std::string>> ended;
  machine.end_leftovers("node-1", {"echo"}, [&](std::vector<std::string> names) { ended = std::move(names); });
  ASSERT_TRUE(until([&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, std::vector<std::string>{"deaf"});
  EXPECT_EQ(processes.running().size(), 1U);
}

TEST_F(FakeChildTest, ACrashAtAnyMomentOfAStartLeavesOneOrNone) {
  for (int step = 0; step < 40; ++step) {
    const std::string run = "/run/" + std::to_string(step);
    heard = {};
    auto child = machine.spawn(options("echo", run), heard);
    simulation.run_for(std::chrono::milliseconds(step));
    const std::size_t before = processes.running().size();
    machine.crash({.disk = Crash::Disk::keeps_written});
    child.reset();
    machine.restart();
    simulation.run_for(1s);
    EXPECT_EQ(processes.running().size(), before);
    Heard after;
    child = machine.adopt(options("echo", run), after);
    ASSERT_TRUE(until([&] { return after.start || after.ended(); }));
    EXPECT_EQ(after.start.has_value(), before == 1);
    child->kill("");
    simulation.run_for(1s);
    EXPECT_TRUE(processes.running().empty());
  }
}

}  // namespace
}  // namespace selvedge::os::fake
