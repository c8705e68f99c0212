// Crashes at chosen writes.

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

// A write, a sync, a creation, a rename, a removal: each may be the last thing a machine does.
TEST(FakeDiskCrash, HappensExactlyAtTheWriteAskedFor) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Simulation sim(seed);
    Machine& machine = sim.machine("a");
    auto dir = machine.directory("data", true).value();
    const std::uint64_t when = 1 + seed % 6;
    machine.crash_at_write(when);
    std::unique_ptr<File> file;
    std::uint64_t done = 0;
    const auto count = [&](bool ok) { done += ok; };
    if (auto opened = dir->open("f", Open::create)) file = std::move(*opened);
    count(file != nullptr);
    if (file) count(file->append(base::as_bytes("abcd")).has_value());
    if (file) count(file->sync().has_value());
    count(dir->rename("f", "g").has_value());
    count(dir->sync().has_value());
    count(dir->remove("g").has_value());
    EXPECT_EQ(done, when - 1) << seed;
    EXPECT_FALSE(machine.alive());
    EXPECT_EQ(machine.crashes(), 1u);
    machine.restart();
    const std::string left = text_of(machine, "data/g");
    EXPECT_TRUE(when < 6 || left == "abcd" || left == "(none)") << seed;
  }
}

TEST(FakeDiskCrash, TellsTheDriverWhenNothingOfTheMachineIsOnTheStack) {
  Simulation sim(4);
  Machine& machine = sim.machine("a");
  auto file = machine.directory("data", true).value()->open("f", Open::create).value();
  bool inside = false, told = false;
  machine.on_crash([&] {
    EXPECT_FALSE(inside);
    told = true;
  });
  machine.crash_at_write(1);
  machine.loop().post([&] {
    inside = true;
    EXPECT_FALSE(file->append(base::as_bytes("x")));
    EXPECT_FALSE(machine.alive());
    inside = false;
  });
  machine.loop().post([&] { FAIL() << "runs after the crash"; });
  sim.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(told);
}

// os::write_file promises the old file or the new one, never a mix, wherever the power fails.
TEST(FakeDiskCrash, FindsWriteFileToReplaceAllOrNothing) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    Simulation sim(seed);
    Machine& machine = sim.machine("a");
    auto dir = machine.directory("data", true).value();
    ASSERT_TRUE(write_file(*dir, "settings", base::as_bytes("the old text")));
    machine.crash_at_write(1 + seed % 8);
    const bool done = write_file(*dir, "settings", base::as_bytes("a new text")).has_value();
    if (machine.alive()) machine.crash();
    machine.restart();
    auto again = machine.directory("data", false).value();
    const auto read = read_file(*again, "settings", 100);
    ASSERT_TRUE(read) << seed << ": " << read.error().message;
    const std::string text(base::as_text(*read));
    EXPECT_TRUE(text == "a new text" || (!done && text == "the old text")) << seed << ": " << text;
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 2u);
}

// The mistake that os::write_file avoids, so that it is known that the fake would show it.
TEST(FakeDiskCrash, ShowsAReplacementWithoutASync) {
  int bad = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Simulation sim(seed);
    Machine& machine = sim.machine("a");
    auto dir = machine.directory("data", true).value();
    ASSERT_TRUE(write_file(*dir, "settings", base::as_bytes("the old text")));
    ASSERT_TRUE(dir->open("new", Open::create).value()->append(base::as_bytes("a new text")));
    ASSERT_TRUE(dir->rename("new", "settings"));
    ASSERT_TRUE(dir->sync());
    machine.crash();
    bad += text_of(machine, "data/settings") != "a new text";
  }
  EXPECT_GT(bad, 30);
}

}  // namespace
}  // namespace selvedge::os::fake
