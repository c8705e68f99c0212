#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "os/world.h"

namespace selvedge::os {
namespace {

using base::as_bytes;
using base::as_text;

class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = testing::TempDir() + "selvedge-files-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    dir_ = std::move(world_->directory(root_, true).value());
  }
  ~Files() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<File> open(const char* name, Open how = Open::create) {
    return std::move(dir_->open(name, how).value());
  }
  mode_t mode_of(const std::string& path) {
    struct stat about {};
    EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
    return about.st_mode & 0777;
  }

  std::unique_ptr<RealWorld> world_ = std::move(RealWorld::create().value());
  std::string root_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(Files, AFolderGoesWithAllInItAndNothingBehindALink) {
  ASSERT_TRUE(write_file(*dir_, "stays", as_bytes("s")));
  const auto folder = std::move(dir_->subdir("folder").value());
  ASSERT_TRUE(write_file(*std::move(folder->public_subdir("in").value()), "run", as_bytes("#!/bin/sh"), Open::create_program));
  EXPECT_EQ(mode_of(root_ + "/folder"), 0700U);
  EXPECT_EQ(mode_of(root_ + "/folder/in"), 0755U);
  EXPECT_EQ(mode_of(root_ + "/folder/in/run"), 0755U);
  std::filesystem::create_directory(root_ + "/other");
  ASSERT_TRUE(write_file(*std::move(dir_->subdir("other").value()), "kept", as_bytes("k")));
  std::filesystem::create_directory_symlink(root_ + "/other", root_ + "/folder/link");
  std::filesystem::create_directory_symlink(root_ + "/other", root_ + "/link");
  EXPECT_EQ(dir_->folders().value(), (std::vector<std::string>{"folder", "other"}));
  ASSERT_TRUE(dir_->remove_folder("folder"));
  ASSERT_TRUE(dir_->remove_folder("folder")) << "as it is to be";
  EXPECT_EQ(dir_->folders().value(), (std::vector<std::string>{"other"}));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/other/kept"));
  EXPECT_FALSE(dir_->remove_folder("../other"));
}

TEST_F(Files, AppendsReadsAndTruncates) {
  const auto file = open("log");
  ASSERT_TRUE(file->append(as_bytes("hello ")));
  ASSERT_TRUE(file->append(as_bytes("world")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 11u);
  base::Bytes bytes;
  ASSERT_TRUE(file->read(6, 5, bytes));
  EXPECT_EQ(as_text(bytes), "world");

  ASSERT_TRUE(file->read(9, 1'000'000'000'000, bytes));  // ends with the file, whatever was asked
  EXPECT_EQ(as_text(bytes), "ld");
  ASSERT_TRUE(file->read(50, 3, bytes));
  EXPECT_TRUE(bytes.empty());

  ASSERT_TRUE(file->truncate(5));
  ASSERT_TRUE(file->append(as_bytes("!")));
  file->reserve(1 << 20);
  EXPECT_EQ(file->size().value(), 6u);
  const auto again = open("log", Open::existing);
  EXPECT_EQ(again->size().value(), 6u);
  ASSERT_TRUE(again->read(0, 6, bytes));
  EXPECT_EQ(as_text(bytes), "hello!");
  ASSERT_TRUE(again->append(as_bytes("?")));
  EXPECT_EQ(as_text(read_file(*dir_, "log", 100).value()), "hello!?");
}

TEST_F(Files, AnswersForFilesThatAreNotThere) {
  EXPECT_EQ(dir_->open("none", Open::existing).error().code, base::Code::not_found);
  EXPECT_EQ(dir_->remove("none").error().code, base::Code::not_found);
  EXPECT_EQ(dir_->rename("none", "some").error().code, base::Code::not_found);
  EXPECT_EQ(read_file(*dir_, "none", 10).error().code, base::Code::not_found);
  EXPECT_EQ(world_->directory(root_ + "/none", false).error().code, base::Code::not_found);
  EXPECT_EQ(dir_->open("none", Open::existing).error().message,
            "open " + root_ + "/none: No such file or directory");
}

TEST_F(Files, TakesNamesOfOneComponentOnly) {
  const std::string long_name(256, 'x');
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {""sv, "."sv, ".."sv, "a/b"sv, "/etc/passwd"sv, "../up"sv, "nul\0byte"sv,
        std::string_view(long_name)}) {
    EXPECT_EQ(dir_->open(name, Open::create).error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir_->subdir(name).error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir_->remove(name).error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir_->rename(name, "x").error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir_->rename("x", name).error().code, base::Code::invalid_input) << name;
  }
  EXPECT_EQ(dir_->list().value(), std::vector<std::string>{});
}

TEST_F(Files, ListsFilesSortedWithoutDirectories) {
  for (const char* name : {"b", "a", "10", "9"}) open(name);
  ASSERT_TRUE(dir_->subdir("deep"));
  const std::vector<std::string> all = {"10", "9", "a", "b"};
  EXPECT_EQ(dir_->list().value(), all);
  EXPECT_EQ(dir_->list().value(), all);  // each call looks afresh
  ASSERT_TRUE(dir_->remove("9"));
  ASSERT_TRUE(dir_->rename("a", "b"));
  ASSERT_TRUE(dir_->sync());
  EXPECT_EQ(dir_->list().value(), (std::vector<std::string>{"10", "b"}));
}

TEST_F(Files, MakesDirectoriesWithTheirParentsAndForItsOwnerOnly) {
  const std::string path = root_ + "/one/two/three/";
  const auto dir = std::move(world_->directory(path, true).value());
  EXPECT_EQ(dir->path(), root_ + "/one/two/three");
  EXPECT_TRUE(world_->directory(path, true));
  EXPECT_EQ(mode_of(root_ + "/one/two/three"), 0700u);
  const auto sub = std::move(dir->subdir("four").value());
  EXPECT_EQ(sub->path(), root_ + "/one/two/three/four");
  EXPECT_EQ(mode_of(sub->path()), 0700u);
  ASSERT_TRUE(dir->subdir("four"));  // there already
  EXPECT_GT(dir->free_bytes().value(), 0u);

  open("file");
  EXPECT_FALSE(world_->directory(root_ + "/file/below", true));
  EXPECT_FALSE(world_->directory(root_ + "/file", true));
  EXPECT_FALSE(dir_->subdir("file"));
  EXPECT_EQ(world_->directory("", true).error().code, base::Code::invalid_input);
}

TEST_F(Files, KeepsPrivateFilesPrivateEvenIfOneWasLeftBehind) {
  open("secret", Open::create_private);
  EXPECT_EQ(mode_of(root_ + "/secret"), 0600u);

  open("key.tmp");  // from a crash, readable by all
  ASSERT_TRUE(write_file(*dir_, "key", as_bytes("private"), Open::create_private));
  EXPECT_EQ(mode_of(root_ + "/key"), 0600u);
  EXPECT_EQ(dir_->list().value(), (std::vector<std::string>{"key", "secret"}));
}

TEST_F(Files, ReplacesAFileWhole) {
  ASSERT_TRUE(write_file(*dir_, "state", as_bytes("a long first version")));
  ASSERT_TRUE(write_file(*dir_, "state", as_bytes("second")));
  EXPECT_EQ(as_text(read_file(*dir_, "state", 6).value()), "second");
  EXPECT_EQ(read_file(*dir_, "state", 5).error().code, base::Code::exhausted);
  EXPECT_EQ(dir_->list().value(), std::vector<std::string>{"state"});
}

TEST_F(Files, MakesAFileOnceAndSaysIfOthersMayReadIt) {
  ASSERT_TRUE(create_file(*dir_, "key", as_bytes("first"), Open::create_private));
  EXPECT_EQ(create_file(*dir_, "key", as_bytes("second")).error().code, base::Code::conflict);
  EXPECT_EQ(as_text(read_file(*dir_, "key", 10).value()), "first");
  EXPECT_EQ(dir_->list().value(), std::vector<std::string>{"key"});
  EXPECT_TRUE(dir_->is_private("key").value());
  ASSERT_EQ(::chmod((root_ + "/key").c_str(), 0640), 0);
  EXPECT_FALSE(dir_->is_private("key").value());
  EXPECT_EQ(dir_->is_private("none").error().code, base::Code::not_found);
}

TEST_F(Files, LetsOneOfSeveralProcessesMakeAFile) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "key-" + std::to_string(round);
    std::vector<pid_t> children;
    for (int child = 0; child < 4; ++child) {
      children.push_back(::fork());
      if (children.back() == 0)
        ::_exit(create_file(*dir_, name, as_bytes(std::to_string(child))) ? 0 : 1);
    }
    int winners = 0;
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      winners += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(read_file(*dir_, name, 10).value().size(), 1u);
  }
}

TEST_F(Files, ReadsWhatItMayNotWriteAndRefusesWhatIsNoFile) {
  open("fixed");
  ASSERT_EQ(::chmod((root_ + "/fixed").c_str(), 0400), 0);
  EXPECT_TRUE(read_file(*dir_, "fixed", 10));
  ASSERT_TRUE(dir_->subdir("folder"));
  EXPECT_FALSE(dir_->open("folder", Open::existing));
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(dir_->open("pipe", Open::existing).error().code, base::Code::invalid_input);
  ASSERT_EQ(::symlink("fixed", (root_ + "/link").c_str()), 0);
  EXPECT_TRUE(read_file(*dir_, "link", 10));
  EXPECT_EQ(dir_->list().value(), (std::vector<std::string>{"fixed", "link"}));
}

// The limit on file size stands in for a full disk: a write up to it is short, one past it fails.
TEST_F(Files, SaysExhaustedWhenThereIsNoRoomAndGoesOnWhenThereIs) {
  const auto file = open("log");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit low = before;
  low.rlim_cur = 100'000;
  ::setrlimit(RLIMIT_FSIZE, &low);

  const auto full = file->append(as_bytes(std::string(150'000, 'x')));
  const auto replaced = write_file(*dir_, "state", as_bytes(std::string(150'000, 'x')));

  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, base::Code::exhausted);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, base::Code::exhausted);
  EXPECT_EQ(dir_->list().value(), std::vector<std::string>{"log"});
  EXPECT_EQ(file->size().value(), 100'000u);  // the part that fitted
  ASSERT_TRUE(file->truncate(0));
  ASSERT_TRUE(file->append(as_bytes("fits")));
  EXPECT_EQ(as_text(read_file(*dir_, "log", 10).value()), "fits");
}

}  // namespace
}  // namespace selvedge::os
