// For the tests of children: a folder that goes, and events that write down what they hear.

#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "os/test_streams.h"

namespace selvedge::os {

struct HeardChild : ChildEvents {
  std::optional<ChildStart> start;
  std::string out, error;
  std::optional<ChildExit> exit;
  std::optional<base::Error> failure;
  int drained = 0;
  std::size_t most_kept = 1 << 20, bytes = 0;
  enum class Call : std::uint8_t { none, start, output, end } destroy_in = Call::none;
  std::unique_ptr<Child>* destroyed = nullptr;     // within that call

  bool ended() const { return exit || failure; }
  void gone(Call here) {
    if (here == destroy_in) destroyed->reset();
  }
  void on_start(Child&, const ChildStart& how) override {
    EXPECT_FALSE(start || ended());
    start = how;
    gone(Call::start);
  }
  void on_output(Child&, ChildOutput which, base::BytesView what) override {
    EXPECT_FALSE(ended());
    bytes += what.size();
    std::string& into = which == ChildOutput::out ? out : error;
    if (into.size() < most_kept) into += base::as_text(what);
    gone(Call::output);
  }
  void on_drained(Child&) override { ++drained; }
  void on_exit(Child&, const ChildExit& how) override {
    EXPECT_FALSE(ended());
    exit = how;
    gone(Call::end);
  }
  void on_failure(Child&, const base::Error& why) override {
    EXPECT_FALSE(ended());
    failure = why;
    gone(Call::end);
  }
};

class ChildTest : public testing::Test {
 protected:
  ChildTest() {
    std::string name = testing::TempDir() + "childXXXXXX";
    folder = std::filesystem::canonical(::mkdtemp(name.data())).string();
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    work = folder + "/work";
    std::filesystem::create_directory(work);
  }
  ~ChildTest() override { std::filesystem::remove_all(folder); }

  // A shell that runs `script`.
  ChildOptions shell(const std::string& script) const {
    ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", script};
    options.environment = {{"PATH", "/usr/bin:/bin"}};
    options.folder = work;
    return options;
  }
  HeardChild& run(const ChildOptions& options) {
    child = world->spawn(options, heard);
    EXPECT_TRUE(world.run_until([this] { return heard.ended(); }));
    return heard;
  }
  // Whether any process has `word` as one of its arguments.
  static bool runs(std::string_view word) {
    for (const auto& one : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(one.path() / "cmdline");
      std::string argument;
      while (std::getline(file, argument, '\0'))
        if (argument == word) return true;
    }
    return false;
  }
  static std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  }

  std::string folder, work;                        // its own, and below it the child's
  TestWorld world;
  HeardChild heard;
  std::unique_ptr<Child> child;
};

}  // namespace selvedge::os
