// Children with a root of their own, as containers have it; with a static program, of Debian's busybox-static.

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "os/child_for_test.h"
#include "os/child_start.h"
#include "os/sandbox.h"

namespace selvedge::os {
namespace {

using testing::HasSubstr;

class OwnRootTest : public ChildTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/bin/busybox")) GTEST_SKIP() << "no /bin/busybox (busybox-static)";
    if (look_for_sandbox().kind == SandboxTools::Kind::none) GTEST_SKIP() << "no sandbox on this machine";
    root = folder + "/image";
    // Its folder's own place is there, as whoever unpacks an image makes it.
    for (const std::string& path : {std::string("/bin"), std::string("/etc"), std::string("/proc"), std::string("/dev"), std::string("/tmp"),
                                    std::string("/run"), std::string("/srv"), work})
      std::filesystem::create_directories(root + path);
    std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
    std::filesystem::create_symlink("busybox", root + "/bin/sh");
    std::ofstream(root + "/etc/os-release") << "the image's\n";
  }
  ChildOptions boxed(const std::string& script) {
    ChildOptions options = shell(script);
    options.environment["PATH"] = "/bin";
    options.sandbox.emplace();
    options.sandbox->root = root;
    options.user = ::geteuid() == 0 ? 65534 : 0;
    return options;
  }
  std::string root;
};

TEST_F(OwnRootTest, SeesItsRootAndNothingOfTheMachine) {
  run(boxed("busybox cat /etc/os-release; busybox ls -A /usr /home 2>/dev/null; busybox cat /etc/shadow 2>/dev/null; "
                                     "busybox id -u; busybox grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; busybox pwd"));
  const std::string user = std::to_string(::geteuid() == 0 ? 65534 : ::geteuid());
  EXPECT_EQ(heard.out, "the image's\n" + user + "\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n" + work + "\n") << heard.error;
  ASSERT_TRUE(heard.start);
  EXPECT_THAT(heard.start->limits, HasSubstr("sandbox: bubblewrap, in a user namespace"));
}

TEST_F(OwnRootTest, WritesInItsFolderAndInWhatIsEmptyAtItsStartOnly) {
  ChildOptions options = boxed("for place in / /bin /etc /srv /run /tmp ."
                               "; do (echo x >$place/new) 2>/dev/null && echo wrote $place; done");
  options.sandbox->work = work;
  run(options);
  EXPECT_EQ(heard.out, "wrote /run\nwrote /tmp\nwrote .\n") << heard.error;
  EXPECT_TRUE(std::filesystem::exists(work + "/new"));
  EXPECT_FALSE(std::filesystem::exists(root + "/etc/new"));
}

TEST_F(OwnRootTest, BeginsWhereTheImageSaysAndFindsItsProgramByPath) {
  ChildOptions options = boxed("");
  options.program = "busybox";
  options.arguments = {"pwd"};
  options.sandbox->work = "/srv";
  EXPECT_EQ(run(options).out, "/srv\n");
}

TEST_F(OwnRootTest, AProgramThatIsNotThereIsAFailure) {
  ChildOptions options = boxed("");
  options.program = "/bin/serve";
  run(options);
  ASSERT_TRUE(heard.failure);
  EXPECT_EQ(heard.failure->code, base::Code::not_found) << heard.failure->message;
}

TEST_F(OwnRootTest, SecretsComeByDescriptorAndItsEndIsTold) {
  ChildOptions options = boxed("busybox cat $KEY; exit 7");
  options.secrets["KEY"] = "a secret\n";
  run(options);
  EXPECT_EQ(heard.out, "a secret\n") << heard.error;
  ASSERT_TRUE(heard.exit);
  EXPECT_EQ(heard.exit->number, 7);
}

TEST_F(OwnRootTest, IsTakenOverAndEndsWhenItIsAsked) {
  ChildOptions options = boxed("trap 'echo asked; exit 3' TERM; echo there; while :; do busybox sleep 0.1; done");
  options.run = folder + "/run";
  HeardChild first;
  child = world->spawn(options, first);
  ASSERT_TRUE(world.run_until([&] { return first.out == "there\n" || first.ended(); })) << first.error;
  child.reset();
  HeardChild second;
  child = world->adopt(options, second);
  ASSERT_TRUE(world.run_until([&] { return second.start || second.ended(); }));
  ASSERT_TRUE(second.start);
  child->signal(SIGTERM);
  ASSERT_TRUE(world.run_until([&] { return second.ended(); }));
  EXPECT_EQ(second.out, "asked\n");
  ASSERT_TRUE(second.exit);
  EXPECT_EQ(second.exit->number, 3);
}

TEST_F(OwnRootTest, WithoutBubblewrapItDoesNotStart) {
  ChildMachine machine(SandboxTools{SandboxTools::Kind::none, "bubblewrap is not installed"});
  const auto started = start_child(boxed("true"), machine);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, base::Code::unavailable);
  EXPECT_THAT(started.error().message, HasSubstr("no sandbox on this machine: bubblewrap is not installed"));
}

}  // namespace
}  // namespace selvedge::os
