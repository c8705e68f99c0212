#include "os/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "os/child_files.h"
#include "os/child_for_test.h"
#include "os/child_start.h"

namespace selvedge::os {
namespace {

using base::Code;
using How = ChildExit::How;

bool has_ended(int process) {
  const ProcessLine line = process_line(process);
  return line.process == 0 || line.state == 'Z';
}

TEST_F(ChildTest, TellsWhatAProgramWritesAndHowItEnds) {
  run(shell("echo out; echo error >&2; exit 3"));
  ASSERT_TRUE(heard.exit);
  EXPECT_GT(heard.start->process, 0);
  EXPECT_EQ(heard.start->limits, "sandbox: none");
  EXPECT_EQ(heard.out, "out\n");
  EXPECT_EQ(heard.error, "error\n");
  EXPECT_EQ(heard.exit->how, How::exited);
  EXPECT_EQ(heard.exit->number, 3);
  EXPECT_EQ(heard.exit->why, "");
  EXPECT_GT(heard.exit->usage.memory_peak, 0);
}

TEST_F(ChildTest, GivesTheEnvironmentTheFolderAndTheArgumentsAndNothingElse) {
  ChildOptions options;
  options.program = "/usr/bin/env";
  options.folder = work;
  options.environment = {{"A", "1 = 2"}, {"B", ""}};
  run(options);
  EXPECT_EQ(heard.out, "A=1 = 2\nB=\n");

  heard = {};
  run(shell("pwd; ulimit -c; echo $0"));
  EXPECT_EQ(heard.out, work + "\n0\n/bin/sh\n");
}

TEST_F(ChildTest, RunsAProgramOfItsOwnFolder) {
  std::ofstream(work + "/hello") << "#!/bin/sh\necho \"hello $1\"\n";
  std::filesystem::permissions(work + "/hello", std::filesystem::perms(0755));
  ChildOptions options;
  options.program = "hello";
  options.arguments = {"you"};
  options.folder = work;
  EXPECT_EQ(run(options).out, "hello you\n");
}

TEST_F(ChildTest, WhatCannotStartSaysWhichProgramAndWhy) {
  ChildOptions options = shell("");
  options.program = "/no/such/program";
  ASSERT_TRUE(run(options).failure);
  EXPECT_EQ(heard.failure->code, Code::not_found);
  EXPECT_EQ(heard.failure->message.find("start /no/such/program: "), 0U);

  heard = {};
  std::ofstream(work + "/plain") << "x";
  options.program = "plain";
  EXPECT_EQ(run(options).failure->code, Code::denied);

  heard = {};
  std::ofstream(work + "/orphan") << "#!/no/such/interpreter\n";
  std::filesystem::permissions(work + "/orphan", std::filesystem::perms(0755));
  options.program = "orphan";
  EXPECT_EQ(run(options).failure->message, "start " + work + "/orphan: what it asks to be run by is not there");

  heard = {};
  options = shell("");
  options.folder = work + "/absent";
  EXPECT_EQ(run(options).failure->message.find("start /bin/sh: enter its folder"), 0U);

  heard = {};
  options = shell("");
  options.environment["A B"] = "";
  EXPECT_EQ(run(options).failure->code, Code::invalid_input);
}

TEST_F(ChildTest, FeedsItAndTellsItTheEnd) {
  ChildOptions options = shell("cat; echo end");
  options.input = ChildOptions::Input::pipe;
  child = world->spawn(options, heard);
  ASSERT_TRUE(child->write(base::as_bytes("before it runs\n")));
  ASSERT_TRUE(world.run_until([&] { return heard.out == "before it runs\n"; }));
  ASSERT_TRUE(child->write(base::as_bytes("and after\n")));
  child->close_input();
  EXPECT_EQ(child->write(base::as_bytes("x")).error().code, Code::unavailable);
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "before it runs\nand after\nend\n");
}

TEST_F(ChildTest, AProgramThatDoesNotReadIsToldOfAndOneThatReadsAgainDrains) {
  ChildOptions options = shell("read x; wc -c");
  options.input = ChildOptions::Input::pipe;
  options.program = "/bin/sh";
  options.arguments = {"-c", "kill -STOP $$; wc -c"};
  child = world->spawn(options, heard);
  const std::string line(64 << 10, 'x');
  std::size_t taken = 0;
  while (child->write(base::as_bytes(line))) taken += line.size();
  EXPECT_EQ(taken, ChildOptions::most_unsent);
  ASSERT_TRUE(world.run_until([&] { return heard.start && child->unsent() < taken; }));
  const auto refused = child->write(base::as_bytes(std::string(ChildOptions::most_unsent, 'y')));
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(heard.drained, 0);
  ASSERT_TRUE(world.run_until([&] {
    child->signal(SIGCONT);
    return heard.drained == 1;
  }));
  child->close_input();
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, std::to_string(taken) + "\n");
}

TEST_F(ChildTest, InputForOneThatHasClosedItIsDropped) {
  ChildOptions options = shell("exec <&-; echo closed; sleep 1000");
  options.input = ChildOptions::Input::pipe;
  child = world->spawn(options, heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "closed\n"; }));
  ASSERT_TRUE(child->write(base::as_bytes("x")));
  ASSERT_TRUE(world.run_until([&] { return child->unsent() == 0; }));
  EXPECT_EQ(child->write(base::as_bytes("x")).error().code, Code::unavailable);
}

TEST_F(ChildTest, AFloodOfOutputWaitsWhileWePauseAndIsKeptWhole) {
  heard.most_kept = 0;
  child = world->spawn(shell("head -c 20000000 /dev/zero; echo done >&2"), heard);
  ASSERT_TRUE(world.run_until([&] { return heard.bytes > 0; }));
  child->pause();
  const std::size_t before = heard.bytes;
  world.run_turns(100);
  EXPECT_EQ(heard.bytes, before);
  child->resume();
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.bytes, 20'000'000U + 5U);
}

TEST_F(ChildTest, TheExitOfOneThatIsPausedWaitsForItsOutput) {
  child = world->spawn(shell("echo last words"), heard);
  child->pause();
  ASSERT_TRUE(world.run_until([&] { return heard.start.has_value(); }));
  ASSERT_TRUE(world.run_until([&] { return has_ended(static_cast<int>(heard.start->process)); }));
  world.run_turns(50);
  EXPECT_FALSE(heard.ended());
  child->resume();
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "last words\n");
}

TEST_F(ChildTest, OneThatIsPausedAndResumedInItsLastWordsEndsOnce) {
  struct Impatient : HeardChild {
    bool within = false;
    void on_output(Child& child, ChildOutput which, base::BytesView what) override {
      EXPECT_FALSE(std::exchange(within, true));
      child.pause();
      child.resume();
      within = false;
      HeardChild::on_output(child, which, what);
    }
  } impatient;
  child = world->spawn(shell("head -c 65536 /dev/zero; echo last words >&2"), impatient);
  child->pause();
  ASSERT_TRUE(world.run_until([&] { return impatient.start.has_value(); }));
  ASSERT_TRUE(world.run_until([&] { return process_line(static_cast<int>(impatient.start->process)).process == 0; }));
  world.run_turns(50);
  child->resume();
  ASSERT_TRUE(world.run_until([&] { return impatient.ended(); }));
  world.run_turns(10);                             // HeardChild minds a second exit
  EXPECT_EQ(impatient.out.size(), 65536U);
  EXPECT_EQ(impatient.error, "last words\n");
}

TEST_F(ChildTest, WhatLeftItsSessionAndWritesForEverDoesNotHoldUpTheExit) {
  struct Slow : HeardChild {
    void on_output(Child& child, ChildOutput which, base::BytesView what) override {
      HeardChild::on_output(child, which, what);
      if (bytes > std::size_t{1} << 30) child.pause();   // else it would hold up this test
      ::usleep(1000);                              // its pipe is full again
    }
  } slow;
  child = world->spawn(shell("setsid yes & setsid yes >&2 & while ! [ -e go ]; do sleep 0.01; done"), slow);
  ASSERT_TRUE(world.run_until([&] { return slow.out.size() > 2 && slow.error.size() > 2; }));
  std::ofstream(work + "/go") << "";
  ASSERT_TRUE(world.run_until([&] { return slow.ended(); }));
  EXPECT_EQ(slow.exit->how, How::exited);
}

TEST_F(ChildTest, SignalsItAndKillsItWithAllThatItStarted) {
  child = world->spawn(shell("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"), heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "ready\n"; }));
  child->signal(SIGTERM);
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "ready\nasked\n");
  EXPECT_EQ(heard.exit->how, How::exited);

  heard = {};
  child = world->spawn(shell("trap '' TERM; sleep 1000 & echo $!; wait"), heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out.ends_with('\n'); }));
  const pid_t other = std::stoi(heard.out);
  child->kill("killed: time is up");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->how, How::signalled);
  EXPECT_EQ(heard.exit->number, SIGKILL);
  EXPECT_EQ(heard.exit->why, "killed: time is up");
  EXPECT_TRUE(has_ended(other));
}

TEST_F(ChildTest, AKillBeforeItRunsHolds) {
  child = world->spawn(shell("sleep 1000"), heard);
  child->kill("killed: not wanted");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->why, "killed: not wanted");
}

TEST_F(ChildTest, EndsWhatItLeftInTheBackground) {
  run(shell("sleep 1000 & echo $!"));
  const pid_t left = std::stoi(heard.out);
  EXPECT_TRUE(has_ended(left));
  EXPECT_EQ(heard.exit->number, 0);
}

TEST_F(ChildTest, HasDefaultSignalsNoneBlockedAndASessionOfItsOwn) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  run(shell("grep -E 'SigBlk|SigIgn' /proc/self/status; ps -o sid= -p $$ | tr -d ' '; echo $$"));
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  EXPECT_TRUE(heard.out.starts_with("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")) << heard.out;
  const std::string id = std::to_string(heard.start->process) + "\n";
  EXPECT_TRUE(heard.out.ends_with(id + id)) << heard.out;
}

TEST_F(ChildTest, InheritsNoDescriptorButItsOwn) {
  const Fd leaky(::open("/dev/null", O_RDONLY));   // without O_CLOEXEC
  ChildOptions options = shell("ls /proc/self/fd | wc -l; ls /proc/$$/fd; cat $KEY; cat <$KEY; echo x >$KEY || echo sealed");
  options.secrets = {{"KEY", "a secret\n"}};
  run(options);
  // ls holds the folder that it lists.
  EXPECT_EQ(heard.out, "5\n0\n1\n2\n3\na secret\na secret\nsealed\n") << heard.error;
}

TEST_F(ChildTest, ManyThatComeAndGoLeaveNoDescriptorAndNoZombie) {
  run(shell(""));
  child.reset();
  world.run_turns(3);
  const std::size_t before = open_descriptors();
  constexpr int rounds = 10, at_once = 100;
  ChildOptions options = shell("");
  options.program = "/bin/true";
  options.arguments = {};
  for (int round = 0; round < rounds; ++round) {
    std::vector<HeardChild> all(at_once);
    std::vector<std::unique_ptr<Child>> children;
    for (HeardChild& one : all) children.push_back(world->spawn(options, one));
    ASSERT_TRUE(world.run_until([&] { return std::ranges::all_of(all, [](const HeardChild& one) { return one.ended(); }); }));
    for (const HeardChild& one : all) ASSERT_TRUE(one.exit && one.exit->number == 0);
  }
  EXPECT_TRUE(world.run_until([&] { return open_descriptors() == before; })) << open_descriptors();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ChildTest, MayGoWithinEachOfItsCallsAndIsKilledThen) {
  using Call = HeardChild::Call;
  for (const Call call : {Call::start, Call::output, Call::end}) {
    heard = {};
    heard.destroyed = &child;
    heard.destroy_in = call;
    child = world->spawn(shell(call == Call::end ? "exit 1" : "echo x; sleep 1000"), heard);
    ASSERT_TRUE(world.run_until([&] { return !child; }));
    EXPECT_EQ(heard.exit.has_value(), call == Call::end);
    EXPECT_TRUE(world.run_until([&] { return ::waitpid(-1, nullptr, WNOHANG) == -1; }));
  }
}

TEST_F(ChildTest, OneThatGoesBeforeItRunsIsEnded) {
  child = world->spawn(shell("sleep 1000"), heard);
  child.reset();
  EXPECT_TRUE(world.run_until([&] { return ::waitpid(-1, nullptr, WNOHANG) == -1; }));
  EXPECT_FALSE(heard.start || heard.ended());
}

TEST_F(ChildTest, LimitsOfItsOwnHoldWithoutAControlGroup) {
  ChildOptions options = shell("ulimit -n; head -c 3000000 /dev/zero >big");
  options.limits.files = 77;
  options.limits.disk = 1 << 20;
  run(options);
  EXPECT_EQ(heard.out, "77\n");
  EXPECT_EQ(heard.start->limits, "sandbox: none; disk: of a file, and looked at");
  EXPECT_LE(std::filesystem::file_size(work + "/big"), 1U << 20);
  EXPECT_NE(heard.exit->number, 0);
}

TEST_F(ChildTest, ManyFilesOverItsDiskEndIt) {
  ChildOptions options = shell("i=0; while :; do i=$((i + 1)); head -c 200000 /dev/zero >f$i; done");
  options.limits.disk = 1 << 20;
  run(options);
  EXPECT_EQ(heard.exit->why, "killed: over its disk of 1 MiB");
}

TEST_F(ChildTest, WhatAFolderHoldsIsCountedWithoutFollowingLinks) {
  std::filesystem::create_directories(work + "/a/b");
  std::ofstream(work + "/a/b/file") << std::string(100'000, 'x');
  std::filesystem::create_symlink("/usr", work + "/a/usr");
  const std::int64_t used = disk_used(work, 1 << 30);
  EXPECT_GE(used, 100'000);
  EXPECT_LT(used, 200'000);
  EXPECT_EQ(disk_used(work + "/absent", 1), 0);
}

TEST_F(ChildTest, AFolderTooDeepToLookAtMayHoldAnything) {
  run(shell("name=$(printf '%0200d' 0); i=0; while [ $i -lt 25 ]; do mkdir $name && cd -P ./$name || exit 1; i=$((i + 1)); done; "
            "head -c 100000 /dev/zero >file"));
  EXPECT_EQ(heard.exit->number, 0) << heard.error;
  EXPECT_GT(disk_used(work, 1 << 30), 1 << 30);
}

TEST(ProcessLine, IsReadWhateverTheNameHolds) {
  const ProcessLine line = parse_process_line("17 (a) b (c) S 4 16 15 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 1234 0 0\n");
  EXPECT_EQ(line.process, 17);
  EXPECT_EQ(line.parent, 4);
  EXPECT_EQ(line.group, 16);
  EXPECT_EQ(line.started, 1234U);
  for (const char* const bad : {"", "17", "17 (a)", "17 (a) S 4", ")", "x (a) S"}) EXPECT_EQ(parse_process_line(bad).process, 0) << bad;
}

}  // namespace
}  // namespace selvedge::os
