// Processes: programs of a fake machine, as scripts on virtual time.
//
//   machine.processes().program("/usr/bin/thermo", [](Process& process) {
//     process.on_input = [&process](std::string_view text) { process.out(text); };
//     process.after(std::chrono::seconds(5), [&process] { process.exit(1); });
//   });
//
// A script hears of signals only if it says so; else they end it. A power cut ends every process. The end of
// the program that began them ends those without `run`; the others go on, and are adopted, or end meanwhile.
// As on a real machine nobody knows how one ended meanwhile unless it was in a sandbox.

#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/child.h"
#include "os/fake/random.h"

namespace selvedge::os::fake {

class FakeChild;
class Kernel;
class Machine;
class Processes;

// A running program, as its script sees it. All it captures may hold a reference to it.
class Process {
 public:
  Process(Processes& host, ChildOptions options, std::int64_t id);

  const ChildOptions& options() const { return options_; }
  std::int64_t id() const { return id_; }
  bool running() const { return !exit_; }

  // False, and nothing is written, if 64 KiB wait to be heard.
  bool out(std::string_view text) { return say(ChildOutput::out, text); }
  bool error(std::string_view text) { return say(ChildOutput::error, text); }
  void exit(int status) { end({ChildExit::How::exited, status, "", {}}); }
  void die(int signal, std::string why = "") { end({ChildExit::How::signalled, signal, std::move(why), {}}); }
  // Dropped when it ends.
  void after(base::Duration delay, std::function<void()> what);
  // Uses so much from now on; more memory than its limit ends it.
  void use(base::Duration cpu, std::int64_t memory);
  void set_reading(bool reads);            // false: its input waits

  std::function<void(std::string_view)> on_input;
  std::function<void()> on_input_end;
  std::function<void(int)> on_signal;      // but SIGKILL

 private:
  friend class FakeChild;
  friend class Processes;
  bool say(ChildOutput which, std::string_view text);
  void end(ChildExit how);
  void take_signal(int number);
  void take_input();

  Processes& host_;
  ChildOptions options_;
  std::int64_t id_;
  std::string out_, error_, input_;        // that nobody has heard yet
  bool reads_ = true, input_ended_ = false;
  ChildUsage usage_;
  std::optional<ChildExit> exit_;
  FakeChild* child_ = nullptr;             // who hears it
};

using Script = std::function<void(Process&)>;

class Processes {
 public:
  Processes(Kernel& kernel, Machine& machine) : kernel_(kernel), machine_(machine) {}
  ~Processes();

  // What a program does, by the name that it is spawned with. Scripts stay over crashes, as programs do on a disk.
  void program(std::string_view name, Script script);
  void remove_program(std::string_view name);
  // The next spawn() fails so.
  void fail_next(base::Error why) { failure_ = std::move(why); }

  std::vector<Process*> running() const;
  std::uint64_t started() const { return started_; }       // ever

  base::Duration start_delay = std::chrono::milliseconds(20);      // at most
  std::string limits = "sandbox: simulated";

  // World, of a life of the machine.
  std::unique_ptr<Child> spawn(const ChildOptions& options, ChildEvents& events);
  std::unique_ptr<Child> adopt(const ChildOptions& options, ChildEvents& events);
  std::vector<std::string> end_leftovers(const std::string& group, const std::vector<std::string>& kept);
  void forget(const std::string& run);

 private:
  friend class FakeChild;
  friend class Machine;
  friend class Process;
  enum class Crashed : std::uint8_t { program, machine };
  void crashed(Crashed what);
  void ended(Process& process);
  base::Result<std::shared_ptr<Process>> begin(const ChildOptions& options);

  Kernel& kernel_;
  Machine& machine_;
  std::optional<Random> random_;           // taken from the machine's when first needed
  std::map<std::string, Script, std::less<>> scripts_;
  std::vector<std::shared_ptr<Process>> running_;
  // What lies in a `run`: who began there, and how it ended once that is known there.
  struct Record {
    std::shared_ptr<Process> process;      // null: of an earlier boot
    std::optional<ChildExit> exit;
  };
  std::map<std::string, Record, std::less<>> records_;
  std::optional<base::Error> failure_;
  std::int64_t next_id_ = 100;
  std::uint64_t started_ = 0;
};

}  // namespace selvedge::os::fake
