// What a child in a sandbox may not do, tried on this machine. Skipped, saying so, where it permits no sandbox.

#include "os/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "os/child_files.h"
#include "os/child_for_test.h"
#include "os/child_start.h"

namespace selvedge::os {
namespace {

using base::Code;
using How = ChildExit::How;

constexpr std::int64_t mib = 1 << 20;

class SandboxTest : public ChildTest {
 protected:
  void SetUp() override {
    static const SandboxTools tools = look_for_sandbox();
    if (tools.kind == SandboxTools::Kind::none) GTEST_SKIP() << "no sandbox on this machine: " << tools.why_not;
    std::ofstream(folder + "/state") << "secret of the node\n";
    std::ofstream(work + "/own") << "its own\n";
  }
  ChildOptions boxed(const std::string& script) const {
    ChildOptions options = shell(script);
    options.sandbox.emplace();
    options.user = 64'123;
    return options;
  }
  ChildOptions python(const std::string& script) const {
    ChildOptions options = boxed("");
    options.program = "/usr/bin/python3";
    options.arguments = {"-c", script};
    return options;
  }
};

TEST_F(SandboxTest, SeesItsFolderAndTheSystemsProgramsAndLittleElse) {
  run(boxed("cat own; pwd; echo mine >new && cat new; ls /; ls ..; "
            "ls /home /root /var /run /sys 2>&1 | grep -c 'No such'; cat /etc/shadow /etc/passwd; cat ../state"));
  ASSERT_TRUE(heard.exit) << heard.failure->message;
  EXPECT_TRUE(heard.out.starts_with("its own\n" + work + "\nmine\n")) << heard.out;
  EXPECT_TRUE(heard.out.contains("\nwork\n5\ntask:x:")) << heard.out;
  EXPECT_TRUE(heard.error.contains("/etc/shadow: No such file")) << heard.error;
  EXPECT_TRUE(heard.error.contains("../state: No such file")) << heard.error;
  EXPECT_FALSE(heard.out.contains("secret"));
  EXPECT_TRUE(heard.start->limits.starts_with("sandbox: bubblewrap"));
}

TEST_F(SandboxTest, StartsInAFolderThatOnlyItsUserMayEnter) {
  std::filesystem::permissions(work, std::filesystem::perms::owner_all);
  run(boxed("cat own"));
  EXPECT_EQ(heard.out, "its own\n") << heard.error;
}

TEST_F(SandboxTest, CannotWriteOutsideItsFolder) {
  run(boxed("for f in /usr/x /etc/x /x /dev/x /proc/sys/kernel/core_pattern /bin/x; do echo bad >$f && echo wrote $f; done; "
            "echo ok >/tmp/selvedge-x && cat /tmp/selvedge-x; echo ok >/dev/shm/x && cat /dev/shm/x; echo >/dev/null && echo null; "
            "(echo bad >../x) 2>/dev/null"));
  EXPECT_EQ(heard.out, "ok\nok\nnull\n") << heard.error;
  EXPECT_FALSE(std::filesystem::exists("/tmp/selvedge-x"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/x"));
}

TEST_F(SandboxTest, HasNoPrivilegesAndNoUserButItsOwn) {
  run(boxed("grep -E '^(Cap(Eff|Prm|Amb)|NoNewPrivs|Seccomp):' /proc/self/status; id -u; su -c true 2>/dev/null || echo refused; "
            "/usr/bin/setpriv --reuid 0 true 2>/dev/null || echo refused; chown 0 own 2>/dev/null || echo refused"));
  EXPECT_TRUE(heard.out.starts_with("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"))
      << heard.out;
  EXPECT_TRUE(heard.out.ends_with("refused\nrefused\nrefused\n")) << heard.out;
  EXPECT_TRUE(::geteuid() != 0 || heard.out.contains("\n64123\n")) << heard.out;
}

TEST_F(SandboxTest, MayNotMakeTheCallsThatReachBeyondIt) {
  const auto number = [](long call) { return std::to_string(call); };
  run(python("import ctypes, os\n"
             "c = ctypes.CDLL(None, use_errno=True)\n"
             "def call(name, *a):\n"
             "  ctypes.set_errno(0); r = c.syscall(*a); print(name, r, ctypes.get_errno())\n"
             "call('mount', " + number(SYS_mount) + ", b'none', b'/tmp', b'tmpfs', 0, None)\n"
             "call('unshare', " + number(SYS_unshare) + ", 0x10000000)\n"
             "call('clone', " + number(SYS_clone) + ", 0x10000000 | 17, 0, 0, 0, 0)\n"
             "call('clone3', " + number(435) + ", 0, 0)\n"
             "call('ptrace', " + number(SYS_ptrace) + ", 16, 1, 0, 0)\n"
             "call('keyctl', " + number(SYS_keyctl) + ", 0, 0, 0, 0, 0)\n"
             "call('bpf', " + number(SYS_bpf) + ", 0, 0, 0)\n"
             "call('uring', " + number(425) + ", 1, 0)\n"
             "call('socket', " + number(SYS_socket) + ", 38, 5, 0)\n"
             "call('socketpair', " + number(SYS_socketpair) + ", 17, 3, 0, ctypes.create_string_buffer(8))\n"
             "call('reboot', " + number(SYS_reboot) + ", 0, 0, 0, 0)\n"
             "call('getpid', " + number(SYS_getpid) + ")\n"));
  EXPECT_EQ(heard.out, "mount -1 1\nunshare -1 1\nclone -1 1\nclone3 -1 38\nptrace -1 1\nkeyctl -1 1\nbpf -1 1\nuring -1 1\n"
                       "socket -1 97\nsocketpair -1 97\nreboot -1 1\ngetpid 2 0\n") << heard.error;
}

TEST_F(SandboxTest, SeesAndSignalsNobodyElse) {
  run(boxed("kill -9 " + std::to_string(::getpid()) + " 2>/dev/null || echo unknown; kill -9 1 2>/dev/null; "
            "ls /proc | grep -c '^[0-9]'; kill -9 -1; echo alive"));
  EXPECT_TRUE(heard.out.starts_with("unknown\n")) << heard.out;
  EXPECT_FALSE(heard.out.contains("\n2\n1"));
  ASSERT_TRUE(heard.exit);
}

TEST_F(SandboxTest, HasNoNetworkUnlessItIsAsked) {
  const std::string script = "import socket\nprint(sorted(name for _, name in socket.if_nameindex()))\n"
                             "try:\n  socket.create_connection(('192.0.2.1', 9), 0.001)\nexcept OSError as e: print(e.errno)\n";
  run(python(script));
  EXPECT_EQ(heard.out, "['lo']\n101\n") << heard.error;          // ENETUNREACH

  heard = {};
  ChildOptions options = boxed("readlink /proc/self/ns/net");
  options.sandbox->network = ChildSandbox::Network::host;
  run(options);
  EXPECT_EQ(heard.out, std::filesystem::read_symlink("/proc/self/ns/net").string() + "\n");
}

TEST_F(SandboxTest, ItsEnvironmentCannotReachWhatMakesTheSandbox) {
  ChildOptions options = boxed("echo $LD_PRELOAD; cat own");
  options.environment["LD_PRELOAD"] = work + "/evil.so";
  options.environment["BASH_ENV"] = "-x";
  run(options);
  // The loader complains in the program and in what it runs, and nowhere before.
  EXPECT_TRUE(heard.out.starts_with(work + "/evil.so\n")) << heard.out;
  EXPECT_FALSE(heard.error.contains("bwrap"));
}

TEST_F(SandboxTest, HoldsNoDescriptorOfTheSandboxs) {
  ChildOptions options = boxed("ls /proc/self/fd | wc -l; ls /proc/$$/fd; cat $KEY $KEY");
  options.secrets["KEY"] = "a secret\n";
  run(options);
  EXPECT_EQ(heard.out, "5\n0\n1\n2\n3\na secret\na secret\n") << heard.error;
}

TEST_F(SandboxTest, ShowsWhatIsDeclaredAndRefusesWhatIsHidden) {
  std::filesystem::create_directories(folder + "/shared/deep");
  std::ofstream(folder + "/shared/file") << "shared\n";
  ChildOptions options = boxed("cat " + folder + "/shared/file; echo x >" + folder + "/shared/x || echo refused");
  options.sandbox->read_only = {folder + "/shared"};
  run(options);
  EXPECT_EQ(heard.out, "shared\nrefused\n");

  const auto refused = [&](auto change) {
    ChildOptions wrong = boxed("");
    change(*wrong.sandbox);
    heard = {};
    run(wrong);
    return heard.failure ? heard.failure->code : Code::internal;
  };
  using S = ChildSandbox;
  EXPECT_EQ(refused([&](S& s) { s.read_only = {folder}; s.hidden = {folder + "/shared"}; }), Code::denied);
  EXPECT_EQ(refused([&](S& s) { s.read_only = {folder + "/shared/deep"}; s.hidden = {folder + "/shared"}; }), Code::denied);
  EXPECT_EQ(refused([&](S& s) { s.read_only = {"/"}; }), Code::denied);
  EXPECT_EQ(refused([&](S& s) { s.writable = {"/proc"}; }), Code::denied);
  EXPECT_EQ(refused([&](S& s) { s.writable = {"relative"}; }), Code::invalid_input);
  EXPECT_EQ(refused([&](S& s) { s.writable = {folder + "/absent"}; }), Code::not_found);
  EXPECT_EQ(refused([&](S& s) { s.devices = {"/dev/../etc/passwd"}; }), Code::invalid_input);
  EXPECT_EQ(refused([&](S& s) { s.devices = {"/dev/no-such-device"}; }), Code::not_found);
  EXPECT_EQ(refused([&](S& s) { s.writable = {folder + "/shared"}, s.read_only = {folder + "/shared/deep"}; }), Code::denied);
  // A link that the child laid is not followed.
  std::filesystem::create_symlink(folder + "/shared", work + "/link");
  EXPECT_EQ(refused([&](S& s) { s.read_only = {work + "/link"}; s.hidden = {folder + "/shared"}; }), Code::denied);
}

TEST_F(SandboxTest, UsesADeviceThatIsItsGroupsOnly) {
  const std::string device = "/dev/selvedge-test-" + std::to_string(::getpid());
  if (::mknod(device.c_str(), S_IFCHR | 0660, makedev(1, 5)) != 0) GTEST_SKIP() << "no device can be made on this machine";
  ::chmod(device.c_str(), 0660);
  const bool owned = ::chown(device.c_str(), 0, 44) == 0;
  ChildOptions options = boxed("head -c 3 " + device + " | od -An -tx1; ls /dev | grep -c selvedge-test");
  options.sandbox->devices = {device};
  run(options);
  ::unlink(device.c_str());
  EXPECT_TRUE(owned);
  EXPECT_EQ(heard.out, " 00 00 00\n1\n") << heard.error;
}

TEST_F(SandboxTest, ItsTmpIsBounded) {
  ChildOptions options = boxed("head -c 5000000 /dev/zero >/tmp/big || echo full; stat -c %s /tmp/big");
  options.sandbox->tmp = mib;
  run(options);
  EXPECT_EQ(heard.out, "full\n1048576\n") << heard.error;
}

TEST_F(SandboxTest, WhatCannotRunInItSaysWhichProgramAndWhy) {
  ChildOptions options = boxed("");
  options.program = folder + "/hidden-program";
  std::ofstream(options.program) << "#!/bin/sh\n";
  std::filesystem::permissions(options.program, std::filesystem::perms(0755));
  run(options);
  ASSERT_TRUE(heard.failure);
  EXPECT_EQ(heard.failure->code, Code::not_found) << heard.failure->message;
  EXPECT_TRUE(heard.failure->message.starts_with("start " + options.program + ": "));
}

TEST_F(SandboxTest, TellsHowTheProgramEnded) {
  EXPECT_EQ(run(boxed("exit 7")).exit->number, 7);
  heard = {};
  run(boxed("exit 255"));                          // no signal has the number 127
  EXPECT_EQ(heard.exit->how, How::exited);
  EXPECT_EQ(heard.exit->number, 255);
  heard = {};
  run(boxed("kill -SEGV $$"));
  EXPECT_EQ(heard.exit->how, How::signalled);
  EXPECT_EQ(heard.exit->number, SIGSEGV);
}

TEST_F(SandboxTest, ItsProgramHearsSignalsAndAKillLeavesNothing) {
  child = world->spawn(boxed("trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.01; done"), heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "ready\n"; }));
  child->signal(SIGTERM);
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.out, "ready\nasked\n");
  EXPECT_EQ(heard.exit->number, 5);

  heard = {};
  const ChildOptions daemon = boxed("setsid sh -c 'echo daemon; exec setsid sleep 12345678' & sleep 1000");
  child = world->spawn(daemon, heard);
  ASSERT_TRUE(world.run_until([&] { return heard.out == "daemon\n"; }));
  child->kill("killed: not wished for");
  ASSERT_TRUE(world.run_until([&] { return heard.ended(); }));
  EXPECT_EQ(heard.exit->how, How::signalled);
  EXPECT_EQ(heard.exit->why, "killed: not wished for");
  EXPECT_FALSE(runs("12345678"));
}

TEST_F(SandboxTest, ADaemonThatItLeavesBehindEndsWithIt) {
  run(boxed("setsid sh -c 'setsid sleep 12345679 & echo daemon' ; exit 0"));
  EXPECT_EQ(heard.out, "daemon\n");
  EXPECT_EQ(heard.exit->number, 0);
  EXPECT_FALSE(runs("12345679"));
}

// A machine that has no more than `tools`.
struct WeakSandboxTest : ChildTest {
  // Runs it to its end, and says what it wrote.
  base::Result<std::string> output(const ChildOptions& options, const SandboxTools& tools) {
    ChildMachine machine(tools);
    StartedChild begun = TRY(start_child(options, machine));
    ::fcntl(begun.pipes.out.value(), F_SETFL, 0);
    limits = begun.limits;
    std::string text;
    char part[4096];
    ssize_t count = 0;
    while ((count = ::read(begun.pipes.out.value(), part, sizeof part)) > 0) text.append(part, static_cast<std::size_t>(count));
    ::waitpid(begun.process, nullptr, 0);
    return text;
  }
  std::string limits;
};

TEST_F(WeakSandboxTest, WithoutBubblewrapPrivilegesAndSystemCallsAreStillTakenAway) {
  ChildOptions options = shell("grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; unshare -U true 2>/dev/null || echo refused; "
                               "cat /etc/shadow 2>/dev/null || echo refused; id -u");
  options.sandbox.emplace();
  const SandboxTools none{SandboxTools::Kind::none, "bubblewrap is not installed"};
  const auto said = output(options, none);
  ASSERT_TRUE(said) << said.error().message;
  const std::string user = std::to_string(::geteuid() == 0 ? 65534 : ::geteuid());
  EXPECT_EQ(*said, "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nrefused\nrefused\n" + user + "\n");
  EXPECT_EQ(limits, "sandbox: system calls only (bubblewrap is not installed)");

  // Whoever finds it again knows of the filter too.
  options.run = folder + "/run";
  ASSERT_TRUE(output(options, none));
  ChildMachine machine(none);
  EXPECT_EQ(adopt_child(options, machine).value().limits, "sandbox: system calls only");

  options.run = "";
  options.sandbox->without = ChildSandbox::Without::fail;
  EXPECT_EQ(output(options, none).error().message, "start /bin/sh: no sandbox on this machine: bubblewrap is not installed");
}

TEST_F(WeakSandboxTest, InAUserNamespaceItIsAsClosed) {
  ChildOptions options = shell("grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; unshare -U true 2>/dev/null || echo refused; "
                               "cat /etc/shadow 2>/dev/null || echo refused; echo x >/x 2>/dev/null || echo refused; echo $A; echo mine >own && cat own");
  options.sandbox.emplace();
  options.environment["A"] = "b=c";
  const auto said = output(options, {SandboxTools::Kind::as_user, ""});
  ASSERT_TRUE(said) << said.error().message;
  if (said->empty()) GTEST_SKIP() << "no user namespaces on this machine";
  EXPECT_EQ(*said, "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nrefused\nrefused\nrefused\nb=c\nmine\n");
}

TEST_F(SandboxTest, ManyAtOnceAllRun) {
  constexpr int count = 30;
  std::vector<HeardChild> all(count);
  std::vector<std::unique_ptr<Child>> children;
  for (HeardChild& one : all) children.push_back(world->spawn(boxed("echo x"), one));
  ASSERT_TRUE(world.run_until([&] { return std::ranges::all_of(all, [](const HeardChild& one) { return one.ended(); }); }));
  for (const HeardChild& one : all) EXPECT_EQ(one.out, "x\n") << one.error;
}

}  // namespace
}  // namespace selvedge::os
