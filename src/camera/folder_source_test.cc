#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "camera/source_for_test.h"
#include "os/fake/simulation.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = SourceStatus::State;

struct FolderSource : testing::Test {
  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("node");
  Taker taker;
  std::unique_ptr<os::Dir> dir = machine.directory("pictures", true).value();
  std::unique_ptr<Source> source;

  void start(bool remove = true, std::string path = "pictures") {
    source = folder_source(machine, {.path = std::move(path), .every = 1s, .remove = remove}, taker);
    source->start();
    EXPECT_TRUE(taker.pictures.empty());           // nothing within start()
  }
  void write(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(dir->open(name, os::Open::create).value()->append(base::as_bytes(bytes)));
  }
  std::vector<std::string> files() { return dir->list().value(); }
};

TEST_F(FolderSource, TakesWhatIsWholeInTheOrderOfNamesAndRemovesIt) {
  write("b.jpg", "B");
  write("a.jpg", "A");
  write("notes.txt", "no picture");
  write(".c.jpg", "hidden");
  start();
  sim.run_for(500ms);
  EXPECT_THAT(taker.pictures, IsEmpty());          // their second look is to come
  sim.run_for(1s);
  EXPECT_THAT(taker.pictures, ElementsAre("A", "B"));
  EXPECT_THAT(files(), ElementsAre(".c.jpg", "notes.txt"));
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_EQ(source->status().pictures, 2U);
  EXPECT_EQ(base::to_iso8601(taker.taken[0]).substr(0, 17), "2026-01-01T00:00:");
}

TEST_F(FolderSource, AFileThatGrowsIsTakenWhenItHasStopped) {
  start();
  for (int i = 0; i < 5; ++i) {
    write("a.jpg", "x");
    sim.run_for(1s);
    EXPECT_THAT(taker.pictures, IsEmpty());
  }
  sim.run_for(3s);
  EXPECT_THAT(taker.pictures, ElementsAre("xxxxx"));
}

TEST_F(FolderSource, AFileOfANameThatWasTakenAndRemovedIsTakenAgain) {
  start();
  for (const char* bytes : {"one", "two", "six"}) {   // of the same size
    write("snapshot.jpg", bytes);
    sim.run_for(5s);
  }
  EXPECT_THAT(taker.pictures, ElementsAre("one", "two", "six"));
  for (const char* bytes : {"ten", "new"}) {       // before the next look
    write("snapshot.jpg", bytes);
    ASSERT_TRUE(sim.run_until([&] { return files().empty(); }, 10s));
  }
  EXPECT_THAT(taker.pictures, ElementsAre("one", "two", "six", "ten", "new"));
}

TEST_F(FolderSource, WithoutRemovingEachIsTakenOnceAndOldOnesAreLeftAlone) {
  write("old.jpg", "old");
  start(false);
  sim.run_for(5s);
  write("new.jpg", "new");
  sim.run_for(1min);
  EXPECT_THAT(taker.pictures, ElementsAre("new"));
  EXPECT_THAT(files(), ElementsAre("new.jpg", "old.jpg"));
}

TEST_F(FolderSource, ReadsNoFurtherFileWhileTheSinkIsFull) {
  for (char c = 'a'; c <= 'e'; ++c) write(std::string(1, c) + ".jpg", std::string(1, c));
  taker.room = 2;
  start();
  const auto reads = machine.disk().stats().reads;
  sim.run_for(1h);
  EXPECT_THAT(taker.pictures, ElementsAre("a", "b"));
  EXPECT_EQ(machine.disk().stats().reads, reads + 2);
  EXPECT_THAT(files(), ElementsAre("c.jpg", "d.jpg", "e.jpg"));
  EXPECT_EQ(source->status().state, State::receiving);
  taker.room = 1;
  source->room();
  sim.run_for(1s);
  EXPECT_THAT(taker.pictures, ElementsAre("a", "b", "c"));
  taker.room = 100;
  source->room();
  source->room();                                  // said twice
  sim.run_for(1s);
  EXPECT_THAT(taker.pictures, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FolderSource, HoldsOneThatWasReadWhenTheSinkBecameFullMeanwhile) {
  write("a.jpg", "a");
  start();
  // It becomes full between the reading and the end of the turn that tells of it.
  const auto reads = machine.disk().stats().reads;
  ASSERT_TRUE(sim.run_until([&] { return machine.disk().stats().reads > reads; }, 10s));
  if (taker.pictures.empty()) {
    taker.room = 0;
    sim.run_for(1min);
    EXPECT_THAT(taker.pictures, IsEmpty());
    EXPECT_THAT(files(), ElementsAre("a.jpg"));
    taker.room = 1;
    source->room();
    sim.run_for(1s);
  }
  EXPECT_THAT(taker.pictures, ElementsAre("a"));
}

TEST_F(FolderSource, RoomMayBeSaidWithinPicture) {
  for (char c = 'a'; c <= 'c'; ++c) write(std::string(1, c) + ".jpg", std::string(1, c));
  start();
  taker.within = [&] { source->room(); };
  sim.run_for(5s);
  EXPECT_THAT(taker.pictures, ElementsAre("a", "b", "c"));
  EXPECT_THAT(files(), IsEmpty());                 // each of them was removed, and only after it was taken
}

TEST_F(FolderSource, AMissingFolderIsTriedAgainWithLongerPauses) {
  start(true, "usb/pictures");
  sim.run_for(1s);
  EXPECT_EQ(source->status().state, State::failing);
  EXPECT_THAT(source->status().reason, HasSubstr("usb/pictures"));
  sim.run_for(1h);
  EXPECT_GT(source->status().attempts, 60U);       // a minute at most, half of it on average
  EXPECT_LT(source->status().attempts, 300U);
  dir = machine.directory("usb/pictures", true).value();
  write("a.jpg", "A");
  ASSERT_TRUE(sim.run_until([&] { return !taker.pictures.empty(); }, 2min));
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_EQ(source->status().reason, "");
}

TEST_F(FolderSource, WhatIsTooLargeIsCountedOnceAndLeft) {
  write("a.jpg", std::string(Source::most_picture_bytes + 1, 'x'));
  write("b.jpg", std::string(Source::most_picture_bytes, 'x'));
  taker.room = 1;
  start();
  sim.run_for(2s);
  EXPECT_THAT(source->status().reason, "");
  EXPECT_EQ(source->status().broken, 1U);
  EXPECT_EQ(taker.pictures.size(), 1U);
  taker.room = 1;
  source->room();
  sim.run_for(1min);
  EXPECT_EQ(source->status().broken, 1U);
  EXPECT_THAT(files(), ElementsAre("a.jpg"));
  EXPECT_EQ(source->status().state, State::receiving);
}

TEST_F(FolderSource, AFailedReadIsTriedAgain) {
  write("a.jpg", "A");
  start();
  machine.disk().fail_next_reads(2);
  sim.run_for(10s);
  EXPECT_THAT(taker.pictures, ElementsAre("A"));
  EXPECT_EQ(source->status().broken, 0U);
}

TEST_F(FolderSource, WhatCannotBeReadIsCountedOnceSaidAndLeft) {
  write("a.jpg", "A");
  start();
  machine.disk().fail_next_reads(3);
  sim.run_for(1min);
  EXPECT_THAT(taker.pictures, IsEmpty());
  EXPECT_EQ(source->status().broken, 1U);
  EXPECT_THAT(source->status().reason, HasSubstr("a.jpg"));
  EXPECT_EQ(source->status().state, State::receiving);
  write("b.jpg", "B");
  sim.run_for(5s);
  EXPECT_THAT(taker.pictures, ElementsAre("B"));
  EXPECT_EQ(source->status().reason, "");
  EXPECT_THAT(files(), ElementsAre("a.jpg"));
}

// A machine whose folders let nothing be removed, and now and then has no descriptor left.
struct StubbornWorld : os::World {
  struct Folder : os::Dir {
    Folder(std::unique_ptr<os::Dir> on, int& failures) : inner(std::move(on)), failing(failures) {}
    base::Result<std::unique_ptr<os::File>> open(std::string_view name, os::Open how) override {
      if (failing-- > 0) return base::fail(base::Code::exhausted, "open: too many open files");
      return inner->open(name, how);
    }
    base::Result<std::unique_ptr<os::Dir>> subdir(std::string_view name) override { return inner->subdir(name); }
    base::Result<std::unique_ptr<os::Dir>> public_subdir(std::string_view name) override { return inner->public_subdir(name); }
    base::Result<std::vector<std::string>> list() override { return inner->list(); }
    base::Result<std::vector<std::string>> folders() override { return inner->folders(); }
    base::Result<void> remove_folder(std::string_view name) override { return inner->remove_folder(name); }
    base::Result<void> remove(std::string_view name) override {
      return base::fail(base::Code::denied, "remove " + std::string(name) + ": no");
    }
    base::Result<void> rename(std::string_view from, std::string_view to) override { return inner->rename(from, to); }
    base::Result<void> rename_new(std::string_view from, std::string_view to) override { return inner->rename_new(from, to); }
    base::Result<bool> is_private(std::string_view name) override { return inner->is_private(name); }
    base::Result<void> sync() override { return inner->sync(); }
    base::Result<std::uint64_t> free_bytes() override { return inner->free_bytes(); }
    std::string path() const override { return inner->path(); }
    std::unique_ptr<os::Dir> inner;
    int& failing;
  };

  explicit StubbornWorld(os::World& on) : inner(on) {}
  os::Loop& loop() override { return inner.loop(); }
  os::Network& network() override { return inner.network(); }
  base::Result<std::unique_ptr<os::Dir>> directory(std::string_view path, bool create) override {
    return std::make_unique<Folder>(TRY(inner.directory(path, create)), failing_opens);
  }
  void entropy(std::span<std::uint8_t> into) override { inner.entropy(into); }
  os::World& inner;
  int failing_opens = 0;
};

TEST_F(FolderSource, ANameThatIsNoTextIsSaidAsText) {
  write("h\xf6he.jpg", std::string(Source::most_picture_bytes + 1, 'x'));
  start();
  sim.run_for(5s);
  EXPECT_EQ(source->status().broken, 1U);
  EXPECT_THAT(source->status().reason, HasSubstr("pictures/h?he.jpg"));
}

TEST_F(FolderSource, WantOfDescriptorsCostsNoPicture) {
  StubbornWorld stubborn(machine);
  source = folder_source(stubborn, {.path = "pictures", .every = 1s}, taker);
  source->start();
  sim.run_for(1500ms);
  write("a.jpg", "A");
  stubborn.failing_opens = 40;
  sim.run_for(3min);
  EXPECT_LE(stubborn.failing_opens, 0);            // all of them befell it
  EXPECT_THAT(taker.pictures, ElementsAre("A"));
  EXPECT_EQ(source->status().broken, 0U);
  source.reset();
}

TEST_F(FolderSource, WhatCannotBeRemovedIsTakenOnceAndSaid) {
  StubbornWorld stubborn(machine);
  write("a.jpg", "A");
  write("b.jpg", "B");
  source = folder_source(stubborn, {.path = "pictures", .every = 1s, .remove = true}, taker);
  source->start();
  sim.run_for(1min);
  EXPECT_THAT(taker.pictures, ElementsAre("A", "B"));
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_EQ(source->status().reason, "remove b.jpg: no");
  source.reset();
}

TEST_F(FolderSource, AFileThatGoesBeforeItsTurnIsNoFailure) {
  write("a.jpg", "A");
  write("b.jpg", "B");
  taker.room = 1;
  start();
  sim.run_for(5s);
  ASSERT_TRUE(dir->remove("b.jpg"));
  taker.room = 5;
  source->room();
  sim.run_for(5s);
  EXPECT_THAT(taker.pictures, ElementsAre("A"));
  EXPECT_EQ(source->status().broken, 0U);
  EXPECT_EQ(source->status().state, State::receiving);
  write("b.jpg", "C");
  sim.run_for(5s);
  EXPECT_THAT(taker.pictures, ElementsAre("A", "C"));
}

TEST_F(FolderSource, MayBeDestroyedWithinPictureAndAtAnyTime) {
  machine.pool_delay = 20ms;                       // so that it goes while jobs run
  for (int i = 0; i < 200; ++i) {
    write("a.jpg", "A");
    write("b.jpg", "B");
    Taker own;
    auto one = folder_source(machine, {.path = "pictures", .every = 1s, .remove = true}, own);
    one->start();
    own.within = [&] { one.reset(); };
    sim.run_for(i < 100 ? 5s : 1500us * (i - 100) + 950ms);
    EXPECT_LE(own.pictures.size(), 1U);
    EXPECT_TRUE(i >= 100 || one == nullptr);
    one.reset();
    sim.run_for(5s);
    for (const std::string& name : files()) ASSERT_TRUE(dir->remove(name));
  }
}

TEST_F(FolderSource, NothingIsCalledAfterACrash) {
  write("a.jpg", "A");
  start();
  sim.run_for(500ms);
  machine.crash();
  source->room();
  sim.run_for(1min);
  EXPECT_THAT(taker.pictures, IsEmpty());
}

}  // namespace
}  // namespace selvedge::camera
