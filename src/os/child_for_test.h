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
  std::unique_ptr<Child>* destroyed = nullptr;     // within the next call

  bool ended() const { return exit || failure; }
  void gone() {
    if (destroyed != nullptr) std::exchange(destroyed, nullptr)->reset();
  }
  void on_start(Child&, const ChildStart& how) override {
    EXPECT_FALSE(start || ended());
    start = how;
    gone();
  }
  void on_output(Child&, ChildOutput which, base::BytesView what) override {
    EXPECT_FALSE(ended());
    bytes += what.size();
    std::string& into = which == ChildOutput::out ? out : error;
    if (into.size() < most_kept) into += base::as_text(what);
    gone();
  }
  void on_drained(Child&) override { ++drained; }
  void on_exit(Child&, const ChildExit& how) override {
    EXPECT_FALSE(ended());
    exit = how;
    gone();
  }
  void on_failure(Child&, const base::Error& why) override {
    EXPECT_FALSE(ended());
    failure = why;
    gone();
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
