// What is looked at before a child is started.

#include "os/child_start.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "os/child_for_test.h"

namespace selvedge::os {
namespace {

using testing::HasSubstr;

class ChildStartTest : public ChildTest {};

TEST_F(ChildStartTest, WithoutASandboxAFolderThatItsUserCannotReachIsSaidToBeSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root starts children as another user";
  ChildMachine machine(SandboxTools{SandboxTools::Kind::none, "bubblewrap is not installed"});
  ChildOptions options = shell("true");
  options.sandbox.emplace();
  options.user = 65534;
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  const auto started = start_child(options, machine);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, base::Code::denied);
  EXPECT_THAT(started.error().message, HasSubstr("cannot pass " + folder + " (chmod o+x, or install bubblewrap)"));
}

}  // namespace
}  // namespace selvedge::os
