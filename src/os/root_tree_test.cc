// Folders that are roots: links in them never lead out.

#include "os/root_tree.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "os/child_for_test.h"

namespace selvedge::os {
namespace {

using testing::HasSubstr;

class RootTreeTest : public ChildTest {
 protected:
  RootTreeTest() {
    root = folder + "/root";
    auto opened = RootTree::open(root);
    EXPECT_TRUE(opened) << opened.error().message;
    tree = std::move(*opened);
    std::ofstream(folder + "/outside") << "safe";
  }
  base::Result<void> put(const std::string& path, std::string_view text, bool program = false) {
    const Fd file = TRY(tree->make_file(path, program));
    return write_all(file, base::as_bytes(text));
  }
  std::string content(const std::string& path) const {
    std::ifstream in(path);
    return in ? std::string(std::istreambuf_iterator<char>(in), {}) : "(none)";
  }
  std::string root;
  std::unique_ptr<RootTree> tree;
};

TEST_F(RootTreeTest, MakesFilesFoldersAndLinks) {
  ASSERT_TRUE(put("/usr/bin/sh", "shell", true));
  ASSERT_TRUE(put("etc/passwd", "root"));
  ASSERT_TRUE(tree->link("bin", "usr/bin"));
  ASSERT_TRUE(tree->hard_link("bin/ash", "bin/sh"));
  EXPECT_EQ(content(root + "/usr/bin/ash"), "shell");
  ASSERT_TRUE(put("etc/passwd", "again"));
  EXPECT_EQ(content(root + "/etc/passwd"), "again");
  struct stat found {};
  ASSERT_EQ(::stat((root + "/usr/bin/sh").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0755u);
  ASSERT_EQ(::stat((root + "/etc/passwd").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0644u);
  ASSERT_TRUE(tree->remove("bin/ash"));
  EXPECT_EQ(content(root + "/usr/bin/ash"), "(none)");
  EXPECT_TRUE(tree->remove("bin/ash")) << "it is gone already";
  ASSERT_TRUE(tree->clear("usr"));
  EXPECT_FALSE(std::filesystem::exists(root + "/usr/bin"));
  EXPECT_TRUE(std::filesystem::exists(root + "/usr"));
}

TEST_F(RootTreeTest, NoLinkLeadsOut) {
  for (const std::string& target : {folder, std::string("../../../../..") + folder, std::string("/proc/self/cwd"), std::string("/proc/self/root")}) {
    ASSERT_TRUE(tree->link("out", target));
    base::ignore(put("out/outside", "written"), "it may be made within");
    base::ignore(tree->remove("out/outside"), "it may be there");
    base::ignore(tree->clear("out"), "it may be there");
    EXPECT_EQ(content(folder + "/outside"), "safe") << target;
    ASSERT_TRUE(tree->remove("out"));
  }
  ASSERT_TRUE(tree->link("file", folder + "/outside"));
  ASSERT_TRUE(put("file", "written"));
  EXPECT_EQ(content(folder + "/outside"), "safe") << "the link itself is replaced";
  EXPECT_EQ(content(root + "/file"), "written");
  EXPECT_FALSE(tree->hard_link("hard", "../outside"));
  EXPECT_FALSE(put("../outside", "written"));
  EXPECT_FALSE(put("a/../../outside", "written"));
  EXPECT_EQ(content(folder + "/outside"), "safe");
}

TEST_F(RootTreeTest, WhatIsInTheWayGoes) {
  ASSERT_TRUE(put("a/b/c", "1"));
  ASSERT_TRUE(put("a", "a file"));
  EXPECT_EQ(content(root + "/a"), "a file");
  ASSERT_TRUE(tree->make_folder("a/b"));
  EXPECT_TRUE(std::filesystem::is_directory(root + "/a/b"));
  ASSERT_TRUE(put("a/b/kept", "1"));
  ASSERT_TRUE(tree->make_folder("a/b"));
  EXPECT_EQ(content(root + "/a/b/kept"), "1") << "what is in a folder stays";
}

TEST_F(RootTreeTest, SaysWhatItDoesNotTake) {
  EXPECT_THAT(put("/", "x").error().message, HasSubstr("the root itself"));
  EXPECT_THAT(put(std::string(300, 'x'), "x").error().message, HasSubstr("no clean path"));
  EXPECT_THAT(tree->link("l", "").error().message, HasSubstr("links to nothing"));
  ASSERT_TRUE(tree->make_folder("d"));
  EXPECT_THAT(tree->hard_link("h", "d").error().message, HasSubstr("no file"));
  ASSERT_TRUE(tree->link("link", "elsewhere"));
  EXPECT_FALSE(RootTree::open(root + "/link/x"));
}

}  // namespace
}  // namespace selvedge::os
