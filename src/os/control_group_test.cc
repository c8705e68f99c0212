#include "os/control_group.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "os/child_files.h"
#include "os/child_for_test.h"

namespace selvedge::os {
namespace {

using base::Code;
using How = ChildExit::How;

constexpr std::int64_t mib = 1 << 20;

TEST(GroupTrees, AreFoundOfBothVersionsAndInContainers) {
  const auto trees = group_trees(
      "30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "31 30 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "34 30 0:30 / /absent/unified rw master:1 - cgroup2 cgroup2 rw\n"
      "broken\n35 - cgroup\n",
      "9:name=systemd:/\n5:memory:/docker/abc/own\n4:cpu,cpuacct:/\n0::/node.service/program\nbroken\n");
  ASSERT_EQ(trees.size(), 3U);
  EXPECT_EQ(trees[0].path, "/sys/fs/cgroup/memory/own");
  EXPECT_TRUE(trees[0].memory && !trees[0].cpu && !trees[0].second);
  EXPECT_EQ(trees[1].path, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_TRUE(trees[1].cpu && trees[1].account && !trees[1].memory);
  EXPECT_EQ(trees[2].path, "/absent/unified/node.service");
  EXPECT_TRUE(trees[2].second && !trees[2].cpu);
  EXPECT_TRUE(group_trees("", "").empty());
}

// Plain files in the place of the kernel's, to see what is written.
class GroupFiles : public ChildTest {
 protected:
  GroupTree tree(bool second) {
    GroupTree tree;
    tree.path = folder;
    tree.second = second;
    tree.memory = tree.cpu = tree.processes = true;
    return tree;
  }
  void lay(const std::string& name, std::initializer_list<const char*> files) {
    std::filesystem::create_directories(folder + "/" + name);
    for (const char* const file : files) std::ofstream(folder + "/" + name + "/" + file) << "";
  }
  std::string text(const std::string& name) const { return read_small(folder + "/" + name); }
  ChildLimits limits{.memory = 64 * mib, .cpu = 1500, .processes = 10};
};

TEST_F(GroupFiles, TheSecondVersionIsToldItsLimits) {
  lay("", {"cgroup.subtree_control"});
  lay("node-1", {"cgroup.subtree_control"});
  lay("node-1/a.0", {"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max", "cgroup.procs", "cgroup.kill"});
  const ControlGroups groups({tree(true)});
  const auto group = groups.make("node-1/a.0", limits);
  ASSERT_TRUE(group);
  EXPECT_EQ(group->held(), "cpu, memory, processes: cgroup v2");
  EXPECT_EQ(text("node-1/a.0/memory.max"), "67108864");
  EXPECT_EQ(text("node-1/a.0/memory.swap.max"), "0");
  EXPECT_EQ(text("node-1/a.0/memory.oom.group"), "1");
  EXPECT_EQ(text("node-1/a.0/cpu.max"), "150000 100000");
  EXPECT_EQ(text("node-1/a.0/pids.max"), "13");
  EXPECT_EQ(groups.below("node-1"), std::vector<std::string>{"a.0"});
  EXPECT_TRUE(group->empty());
  group->kill();
  EXPECT_EQ(text("node-1/a.0/cgroup.kill"), "1");
}

TEST_F(GroupFiles, TheFirstVersionIsToldItsLimits) {
  lay("a", {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_quota_us", "pids.max", "cgroup.procs"});
  const auto group = ControlGroups({tree(false)}).make("a", limits);
  ASSERT_TRUE(group);
  EXPECT_EQ(group->held(), "cpu, memory, processes: cgroup v1");
  EXPECT_EQ(text("a/memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(text("a/memory.memsw.limit_in_bytes"), "67108864");
  EXPECT_EQ(text("a/cpu.cfs_quota_us"), "150000");
  EXPECT_EQ(text("a/pids.max"), "13");
}

TEST_F(GroupFiles, OneThatWasKilledServesAgain) {
  lay("a", {"pids.max", "cgroup.procs"});
  const ControlGroups groups({tree(false)});
  groups.make("a", {})->kill();
  EXPECT_TRUE(text("a/pids.max").starts_with('0'));
  EXPECT_TRUE(groups.make("a", {}));
  EXPECT_EQ(text("a/pids.max"), "max");
}

TEST_F(GroupFiles, WhatTheKernelDoesNotGrantIsNotHeld) {
  lay("a", {"memory.limit_in_bytes"});
  const auto group = ControlGroups({tree(false)}).make("a", limits);
  ASSERT_TRUE(group);
  EXPECT_EQ(group->held(), "memory: cgroup v1");
  EXPECT_FALSE(group->holds_processes());

  GroupTree elsewhere = tree(true);
  elsewhere.path = folder + "/absent";
  const auto none = ControlGroups({elsewhere}).make("a", limits);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->exists());
  EXPECT_EQ(none->held(), "");
  EXPECT_TRUE(none->remove());
}

TEST_F(GroupFiles, CountsAreReadAndNonsenseIsNought) {
  lay("a", {});
  std::ofstream(folder + "/a/memory.events") << "low 0\noom 3\noom_kill 2\n";
  std::ofstream(folder + "/a/cpu.stat") << "usage_usec 1500\nuser_usec 1\n";
  std::ofstream(folder + "/a/memory.peak") << "4096\n";
  std::ofstream(folder + "/a/memory.current") << "nonsense\n";
  const ControlGroup group = ControlGroups({tree(true)}).find("a", {});
  EXPECT_EQ(group.out_of_memory(), 2U);
  EXPECT_EQ(group.usage().cpu, std::chrono::microseconds(1500));
  EXPECT_EQ(group.usage().memory_peak, 4096);
  EXPECT_EQ(group.usage().memory, 0);
}

TEST_F(GroupFiles, NamesCannotReachElsewhere) {
  const ControlGroups groups({tree(true)});
  for (const char* const bad : {"", "..", "a/..", "a/../b", "/a", "a/", "a/b/c", "a b", "./a"}) {
    const auto made = groups.make(bad, {});
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::invalid_input);
    EXPECT_FALSE(groups.find(bad, {}).exists());
  }
}

// Groups of this machine, where it lets us make any.
class GroupTest : public ChildTest {
 protected:
  void SetUp() override {
    ChildLimits all{.memory = 64 * mib, .cpu = 1000, .processes = 10};
    const auto probe = ControlGroups::here().make(name + "/probe", all);
    if (probe) held = probe->held();
    end_groups(ControlGroups::here(), name, {});
    if (!held.contains("memory") || !held.contains("processes"))
      GTEST_SKIP() << "no control groups for memory and processes that are ours on this machine; held: " << held;
  }
  void TearDown() override {
    child.reset();
    world.run_turns(3);
    end_groups(ControlGroups::here(), name, {});
    EXPECT_TRUE(ControlGroups::here().below(name).empty());
    for (const GroupTree& tree : group_trees(read_small("/proc/self/mountinfo"), read_small("/proc/self/cgroup")))
      ::rmdir((tree.path + "/" + name).c_str());
  }
  ChildOptions grouped(const std::string& script) const {
    ChildOptions options = shell(script);
    options.group = name + "/thermo.0";
    options.limits.memory = 64 * mib;
    options.limits.processes = 10;
    options.limits.cpu = 1000;
    return options;
  }
  ChildOptions python(const std::string& script) const {
    ChildOptions options = grouped("");
    options.program = "/usr/bin/python3";
    options.arguments = {"-c", script};
    return options;
  }
  bool is_gone() const { return ControlGroups::here().below(name).empty(); }

  std::string name = "selvedge-test-" + std::to_string(::getpid()), held;
};

TEST_F(GroupTest, AMemoryBombIsKilledAndTheExitSaysSo) {
  run(python("x = []\nwhile True: x.append(bytearray(1 << 20))"));
  ASSERT_TRUE(heard.exit) << heard.failure->message;
  EXPECT_EQ(heard.exit->how, How::signalled);
  EXPECT_EQ(heard.exit->number, SIGKILL);
  EXPECT_EQ(heard.exit->why, "killed: over its memory of 64 MiB");
  EXPECT_GT(heard.exit->usage.memory_peak, 60 * mib);
  EXPECT_TRUE(heard.start->limits.contains(held)) << heard.start->limits;
  EXPECT_TRUE(is_gone());
}

TEST_F(GroupTest, AForkBombIsHeldAndLeavesNothing) {
  run(python("import os, time\n"
             "made = 0\n"
             "while True:\n"
             "  try: pid = os.fork()\n"
             "  except BlockingIOError: break\n"
             "  if pid == 0: os.setsid(); time.sleep(1000)\n"
             "  made += 1\n"
             "print(made)\n"));
  ASSERT_TRUE(heard.exit);
  EXPECT_LE(std::stoi("0" + heard.out), 13);
  EXPECT_GT(std::stoi("0" + heard.out), 5);
  EXPECT_TRUE(is_gone());
}

TEST_F(GroupTest, WhatLeavesItsSessionIsKilledAllTheSame) {
  child = world->spawn(grouped("setsid sh -c 'setsid sleep 12345680 & echo daemon'; sleep 1000"), heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "daemon\n"; }));
  child->kill("killed: not wished for");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_FALSE(runs("12345680"));
  EXPECT_TRUE(is_gone());
}

TEST_F(GroupTest, InASandboxTheLimitsHoldToo) {
  ChildOptions options = python("x = []\nwhile True: x.append(bytearray(1 << 20))");
  options.sandbox.emplace();
  run(options);
  ASSERT_TRUE(heard.exit) << heard.failure->message;
  EXPECT_EQ(heard.exit->why, "killed: over its memory of 64 MiB");
  EXPECT_EQ(heard.exit->how, How::signalled);

  // What it keeps in its /tmp is its memory.
  heard = {};
  options = grouped("head -c 200000000 /dev/zero >/tmp/big; echo survived $?");
  options.sandbox.emplace().tmp = 1024 * mib;
  run(options);
  EXPECT_FALSE(heard.out.contains("survived 0"));

  heard = {};
  options = grouped("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1000 & done; echo $i");
  options.sandbox.emplace();
  run(options);
  EXPECT_FALSE(heard.out.contains("20")) << heard.out;
  EXPECT_TRUE(is_gone());
}

TEST_F(GroupTest, LeftoversOfAnEarlierRunEndButForThoseKept) {
  HeardChild kept_heard;
  const auto begin = [&](const std::string& task, const std::string& seconds, HeardChild& into) {
    ChildOptions options = shell("exec sleep " + seconds);
    options.group = name + "/" + task;
    options.run = folder + "/" + task;
    auto one = world->spawn(options, into);
    EXPECT_TRUE(world.run_until([&] { return into.start.has_value(); }));
  };                                               // it outlives its Child
  begin("old.0", "12345681", heard);
  begin("kept.0", "12345682", kept_heard);
  std::optional<std::vector<std::string>> ended;
  world->end_leftovers(name, {"kept.0"}, [&](std::vector<std::string> names) { ended = std::move(names); });
  ASSERT_TRUE(world.run_until([&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, std::vector<std::string>{"old.0"});
  EXPECT_FALSE(runs("12345681"));
  EXPECT_TRUE(runs("12345682"));
  EXPECT_EQ(ControlGroups::here().below(name), std::vector<std::string>{"kept.0"});
  end_groups(ControlGroups::here(), name, {});
  for (const HeardChild* const one : {&heard, &kept_heard})
    EXPECT_GT(::waitpid(static_cast<pid_t>(one->start->process), nullptr, 0), 0);
}

}  // namespace
}  // namespace selvedge::os
