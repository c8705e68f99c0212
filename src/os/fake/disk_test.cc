#include "os/fake/disk.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {
namespace {

std::string text_of(Machine& machine, std::string_view path) {
  const auto found = machine.disk().contents(path);
  return found ? std::string(base::as_text(*found)) : "(none)";
}

class FakeDisk : public testing::Test {
 protected:
  std::unique_ptr<Dir> open_dir() { return machine.directory("data", true).value(); }
  void power_cut() {
    machine.crash();
    machine.restart();
  }

  Simulation sim{1};
  Machine& machine = sim.machine("a");
};

TEST_F(FakeDisk, ReadsBackWhatWasAppended) {
  auto dir = open_dir();
  auto file = dir->open("f", Open::create).value();
  ASSERT_TRUE(file->append(base::as_bytes("hello ")));
  ASSERT_TRUE(file->append(base::as_bytes("world")));
  base::Bytes got;
  ASSERT_TRUE(file->read(6, 100, got));
  EXPECT_EQ(base::as_text(got), "world");
  ASSERT_TRUE(file->read(11, 1, got));
  EXPECT_TRUE(got.empty());
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(file->size().value(), 5u);
  EXPECT_EQ(text_of(machine, "data/f"), "hello");
}

TEST_F(FakeDisk, TakesOnlyNamesOfOneComponent) {
  auto dir = open_dir();
  for (const std::string_view name : {"", ".", "..", "a/b", "/"}) {
    EXPECT_EQ(dir->open(name, Open::create).error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir->subdir(name).error().code, base::Code::invalid_input) << name;
    EXPECT_EQ(dir->remove(name).error().code, base::Code::invalid_input) << name;
  }
}

TEST_F(FakeDisk, SaysWhatIsNotThere) {
  auto dir = open_dir();
  EXPECT_EQ(dir->open("f", Open::existing).error().code, base::Code::not_found);
  EXPECT_EQ(dir->remove("f").error().code, base::Code::not_found);
  EXPECT_EQ(dir->rename("f", "g").error().code, base::Code::not_found);
  EXPECT_EQ(machine.directory("nowhere", false).error().code, base::Code::not_found);
}

TEST_F(FakeDisk, ListsFilesSortedWithoutDirectories) {
  auto dir = open_dir();
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(dir->open(name, Open::create));
  ASSERT_TRUE(dir->subdir("d"));
  ASSERT_TRUE(dir->rename("c", "0"));
  ASSERT_TRUE(dir->remove("b"));
  EXPECT_EQ(dir->list().value(), (std::vector<std::string>{"0", "a"}));
  EXPECT_EQ(dir->path(), "data");
  EXPECT_EQ(dir->subdir("d").value()->path(), "data/d");
}

TEST_F(FakeDisk, KeepsWhatWasSyncedInAPowerCut) {
  for (int i = 0; i < 200; ++i) {
    auto dir = open_dir();
    auto file = dir->open("f" + std::to_string(i), Open::create).value();
    ASSERT_TRUE(file->append(base::as_bytes("synced")));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(dir->sync());
    ASSERT_TRUE(file->append(base::as_bytes("not synced")));
    power_cut();
    EXPECT_TRUE(text_of(machine, "data/f" + std::to_string(i)).starts_with("synced"));
  }
}

TEST_F(FakeDisk, LosesTearsOrKeepsWhatWasNotSynced) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    auto dir = open_dir();
    auto file = dir->open("f", Open::create).value();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(dir->sync());
    ASSERT_TRUE(file->append(base::as_bytes("abcd")));
    power_cut();
    seen.insert(text_of(machine, "data/f"));
  }
  for (const char* each : {"", "a", "ab", "abc", "abcd"}) EXPECT_TRUE(seen.contains(each)) << each;
  EXPECT_TRUE(seen.contains(std::string(4, '\0')));
  EXPECT_GT(seen.size(), 12u) << "garbage tails too";
}

TEST_F(FakeDisk, KeepsEverythingWrittenWhenOnlyTheProcessIsKilled) {
  auto dir = open_dir();
  ASSERT_TRUE(dir->open("f", Open::create).value()->append(base::as_bytes("abcd")));
  machine.crash(Crash{Crash::Disk::keeps_written, Crash::Peers::reset});
  machine.restart();
  EXPECT_EQ(text_of(machine, "data/f"), "abcd");
  // It is in the system's cache, no more: a power cut may still take it.
  bool lost = false;
  for (int i = 0; i < 50 && !lost; ++i) {
    power_cut();
    lost = text_of(machine, "data/f") != "abcd";
  }
  EXPECT_TRUE(lost || machine.disk().stats().undone_changes == 0);
}

TEST_F(FakeDisk, NeedsTheDirectorySyncedForANameToLast) {
  int kept = 0, gone = 0;
  for (int i = 0; i < 100; ++i) {
    auto dir = open_dir();
    const std::string name = "f" + std::to_string(i);
    auto file = dir->open(name, Open::create).value();
    ASSERT_TRUE(file->append(base::as_bytes("x")));
    ASSERT_TRUE(file->sync());
    power_cut();
    (text_of(machine, "data/" + name) == "x" ? kept : gone) += 1;
  }
  EXPECT_GT(kept, 10);
  EXPECT_GT(gone, 10);
}

TEST_F(FakeDisk, RenamesAtomically) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    auto dir = open_dir();
    const auto put = [&](const char* name, const char* text) {
      auto file = dir->open(name, Open::create).value();
      ASSERT_TRUE(file->truncate(0));
      ASSERT_TRUE(file->append(base::as_bytes(text)));
      ASSERT_TRUE(file->sync());
    };
    put("f", "old");
    ASSERT_TRUE(dir->sync());
    put("f.new", "new");
    ASSERT_TRUE(dir->rename("f.new", "f"));
    EXPECT_EQ(text_of(machine, "data/f"), "new");
    power_cut();
    seen.insert(text_of(machine, "data/f"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST_F(FakeDisk, MayBringBackWhatWasRemovedUnlessTheDirectoryWasSynced) {
  int back = 0;
  for (int i = 0; i < 50; ++i) {
    auto dir = open_dir();
    ASSERT_TRUE(dir->open("f", Open::create).value()->append(base::as_bytes("x")));
    ASSERT_TRUE(dir->open("f", Open::create).value()->sync());
    ASSERT_TRUE(dir->sync());
    ASSERT_TRUE(dir->remove("f"));
    const bool synced = i % 2 == 0;
    if (synced) base::ignore(dir->sync(), "what follows tells");
    power_cut();
    const bool there = text_of(machine, "data/f") != "(none)";
    EXPECT_FALSE(synced && there);
    back += there;
  }
  EXPECT_GT(back, 5);
  EXPECT_LT(back, 25);
}

TEST_F(FakeDisk, MayUndoATruncateThatWasNotSynced) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    auto dir = open_dir();
    auto file = dir->open("f", Open::create).value();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->append(base::as_bytes("abcdef")));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(dir->sync());
    ASSERT_TRUE(file->truncate(4));
    ASSERT_TRUE(file->truncate(2));
    power_cut();
    seen.insert(text_of(machine, "data/f"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"ab", "abcdef"}));
}

TEST_F(FakeDisk, WritesWhatFitsAndSaysThatItIsFull) {
  machine.disk().model.capacity = 10;
  auto dir = open_dir();
  auto file = dir->open("f", Open::create).value();
  ASSERT_TRUE(file->append(base::as_bytes("12345678")));
  EXPECT_EQ(dir->free_bytes().value(), 2u);
  EXPECT_EQ(file->append(base::as_bytes("abcd")).error().code, base::Code::exhausted);
  EXPECT_EQ(text_of(machine, "data/f"), "12345678ab");
  EXPECT_EQ(dir->open("g", Open::create).error().code, base::Code::exhausted);
  ASSERT_TRUE(dir->remove("f"));
  EXPECT_EQ(dir->free_bytes().value(), 10u);
  machine.disk().fill_up();
  EXPECT_EQ(machine.disk().free_bytes(), 0u);
}

TEST_F(FakeDisk, LeavesTheBytesOfAFailedSyncDoubtfulForEver) {
  bool damaged = false;
  for (int i = 0; i < 50; ++i) {
    auto dir = open_dir();
    auto file = dir->open("f", Open::create).value();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->append(base::as_bytes("good")));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(dir->sync());
    ASSERT_TRUE(file->append(base::as_bytes("doubtful")));
    machine.disk().fail_next_syncs(1);
    ASSERT_FALSE(file->sync());
    ASSERT_TRUE(file->append(base::as_bytes("more")));
    ASSERT_TRUE(file->sync());
    power_cut();
    const std::string found = text_of(machine, "data/f");
    EXPECT_TRUE(found.starts_with("good") && found.ends_with("more")) << found;
    damaged |= found != "gooddoubtfulmore";
  }
  EXPECT_TRUE(damaged);
}

TEST_F(FakeDisk, FailsAppendsAndReadsWhenTold) {
  auto dir = open_dir();
  auto file = dir->open("f", Open::create).value();
  machine.disk().fail_next_appends(1);
  EXPECT_EQ(file->append(base::as_bytes("abcd")).error().code, base::Code::internal);
  EXPECT_LE(file->size().value(), 4u);
  machine.disk().fail_next_reads(1);
  base::Bytes got;
  EXPECT_FALSE(file->read(0, 1, got));
  EXPECT_TRUE(file->read(0, 1, got));
}

TEST_F(FakeDisk, CanBeDamagedFromOutside) {
  auto dir = open_dir();
  ASSERT_TRUE(dir->open("f", Open::create).value()->append(base::as_bytes("a")));
  ASSERT_TRUE(machine.disk().flip_bits("data/f", 0, 3));
  EXPECT_EQ(text_of(machine, "data/f"), "b");
  EXPECT_FALSE(machine.disk().flip_bits("data/f", 1, 3));
  EXPECT_FALSE(machine.disk().flip_bits("data/g", 0, 3));
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"data/f"});
}

TEST_F(FakeDisk, AFolderGoesWithAllInItOnceThatIsSynced) {
  auto dir = open_dir();
  auto folder = dir->subdir("folder").value();
  ASSERT_TRUE(write_file(*folder->subdir("in").value(), "f", base::as_bytes("some")));
  ASSERT_TRUE(folder->sync());
  ASSERT_TRUE(dir->sync());
  const std::uint64_t used = machine.disk().used();
  EXPECT_EQ(dir->folders().value(), (std::vector<std::string>{"folder"}));
  ASSERT_TRUE(dir->remove_folder("folder"));
  EXPECT_LT(machine.disk().used(), used);
  EXPECT_TRUE(dir->folders()->empty());
  power_cut();
  EXPECT_EQ(text_of(machine, "data/folder/in/f"), "some");
  dir = open_dir();
  ASSERT_TRUE(dir->remove_folder("folder"));
  ASSERT_TRUE(dir->sync());
  power_cut();
  EXPECT_EQ(text_of(machine, "data/folder/in/f"), "(none)");
}

TEST_F(FakeDisk, RefusesHandlesFromBeforeACrash) {
  auto dir = open_dir();
  auto file = dir->open("f", Open::create).value();
  ASSERT_TRUE(file->append(base::as_bytes("a")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(dir->sync());
  machine.crash();
  EXPECT_EQ(machine.directory("data", true).error().code, base::Code::unavailable);
  machine.restart();
  EXPECT_EQ(file->append(base::as_bytes("b")).error().code, base::Code::unavailable);
  EXPECT_EQ(file->sync().error().code, base::Code::unavailable);
  EXPECT_EQ(dir->list().error().code, base::Code::unavailable);
  EXPECT_EQ(dir->remove("f").error().code, base::Code::unavailable);
  EXPECT_EQ(text_of(machine, "data/f"), "a");
}

}  // namespace
}  // namespace selvedge::os::fake
