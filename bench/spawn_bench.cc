// spawn_bench: from World::spawn() to the program's first word, and to its end, beside posix_spawn.
//
//   spawn_bench [ROUNDS [BURST]]     one after the other, then BURST at once; as JSON lines
//
// The program is /bin/echo. "started" is spawn() to its first byte, "done" is to on_exit: nothing of it left.

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "os/world.h"

namespace selvedge::os {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

struct Times {
  std::vector<double> values;
  double at(double share) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
  }
};

void report(const char* what, int at_once, Times& started, Times& done) {
  std::printf("{\"what\":\"%s\",\"at_once\":%d,\"rounds\":%zu,"
              "\"started_p50_ms\":%.2f,\"started_p99_ms\":%.2f,\"done_p50_ms\":%.2f,\"done_p99_ms\":%.2f}\n",
              what, at_once, started.values.size(), started.at(.5), started.at(.99), done.at(.5), done.at(.99));
  std::fflush(stdout);
}

class Timed final : public ChildEvents {
 public:
  Timed(RealWorld& world, Times& started, Times& done, int& left) : world_(world), started_(started), done_(done), left_(left) {}

  void begin(const ChildOptions& options) {
    begun_ = Clock::now();
    child_ = world_.spawn(options, *this);
  }
  void on_start(Child&, const ChildStart& start) override { limits = start.limits; }
  void on_output(Child&, ChildOutput which, base::BytesView bytes) override {
    if (which == ChildOutput::error) std::fprintf(stderr, "%.*s", static_cast<int>(bytes.size()), base::as_text(bytes).data());
    if (!heard_) started_.values.push_back(milliseconds(Clock::now() - begun_));
    heard_ = true;
  }
  void on_exit(Child&, const ChildExit&) override {
    done_.values.push_back(milliseconds(Clock::now() - begun_));
    if (--left_ == 0) world_.stop();
  }
  void on_failure(Child&, const base::Error& why) override {
    std::fprintf(stderr, "spawn_bench: %s\n", why.message.c_str());
    std::exit(1);
  }

  std::string limits;

 private:
  RealWorld& world_;
  Times& started_;
  Times& done_;
  int& left_;
  Clock::time_point begun_;
  bool heard_ = false;
  std::unique_ptr<Child> child_;
};

void measure(RealWorld& world, const char* what, const ChildOptions& options, int rounds, int at_once) {
  Times started, done;
  std::string limits;
  for (int round = 0; round < rounds; round += at_once) {
    int left = at_once;
    std::vector<std::unique_ptr<Timed>> all;
    for (int i = 0; i < at_once; ++i) {
      ChildOptions one = options;
      if (!one.group.empty()) one.group += std::to_string(round + i);
      if (!one.run.empty()) one.run += std::to_string(round + i);
      all.push_back(std::make_unique<Timed>(world, started, done, left));
      all.back()->begin(one);
    }
    world.run({});
    limits = all.back()->limits;
    if (!options.run.empty()) for (int i = 0; i < at_once; ++i) std::filesystem::remove_all(options.run + std::to_string(round + i));
  }
  report((std::string(what) + " (" + limits + ")").c_str(), at_once, started, done);
}

void measure_posix_spawn(int rounds) {
  Times started, done;
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    if (::pipe(ends) != 0) std::exit(1);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string name = "echo", word = "x";
    char* const arguments[] = {name.data(), word.data(), nullptr};
    char* const environment[] = {nullptr};
    const auto begun = Clock::now();
    pid_t process = 0;
    if (::posix_spawn(&process, "/bin/echo", &actions, nullptr, arguments, environment) != 0) std::exit(1);
    ::close(ends[1]);
    char byte = 0;
    if (::read(ends[0], &byte, 1) != 1) std::exit(1);
    started.values.push_back(milliseconds(Clock::now() - begun));
    ::waitpid(process, nullptr, 0);
    done.values.push_back(milliseconds(Clock::now() - begun));
    ::close(ends[0]);
    posix_spawn_file_actions_destroy(&actions);
  }
  report("posix_spawn", 1, started, done);
}

int main(int rounds, int burst) {
  const auto world = RealWorld::create();
  if (!world) return 1;
  std::string folder = std::filesystem::temp_directory_path().string() + "/spawn_benchXXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  std::filesystem::permissions(folder, std::filesystem::perms(0755));
  std::filesystem::create_directory(folder + "/work");

  ChildOptions bare;
  bare.program = "/bin/echo";
  bare.arguments = {"x"};
  bare.folder = folder + "/work";
  ChildOptions boxed = bare;
  boxed.sandbox.emplace();
  ChildOptions limited = boxed;
  limited.group = "spawn-bench-" + std::to_string(::getpid()) + "/";
  limited.group += "t";
  limited.limits = {.memory = 64 << 20, .cpu = 1000, .processes = 32, .disk = 64 << 20};
  limited.run = folder + "/run";

  measure_posix_spawn(rounds);
  for (const int at_once : {1, burst}) {
    measure(**world, "bare", bare, rounds, at_once);
    measure(**world, "sandboxed", boxed, rounds, at_once);
    measure(**world, "limited, outliving", limited, rounds, at_once);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace selvedge::os

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 500;
  const int burst = count > 2 ? std::max(1, std::atoi(arguments[2])) : 16;
  return selvedge::os::main(rounds, burst);
}
