// Child: a program of its own that this machine runs for us, with what it may use.
//
// Starting takes some milliseconds, so it happens on a pool thread; then everything comes as calls on the
// loop. The system's pipes are the only queue of its output: while we are paused, or away, it waits.
//
// With `run`, a child outlives us: it has a session of its own, its streams are named pipes in that folder, and
// beside them lies who it is (boot, process id and start time, so that another process with the same id is not
// taken for it). World::adopt() of our next run finds it again, running or ended. Without `run` its streams end
// with us, and World::end_leftovers() of our next run ends what still runs. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace selvedge::os {

// Zero: no limit. How each is kept depends on what the machine grants: ChildStart::limits says.
struct ChildLimits {
  std::int64_t memory = 0;                 // bytes
  std::int64_t cpu = 0;                    // thousandths of a core
  std::uint32_t processes = 0;             // and threads, at once
  std::int64_t disk = 0;                   // bytes below its folder, looked at every two seconds; and of each file, at once
  std::uint32_t files = 1024;              // open at once, in each process
};

// What it may see of the machine: docs/reference/sandbox.md.
struct ChildSandbox {
  enum class Network : std::uint8_t { none, host } network = Network::none;
  std::vector<std::string> read_only, writable;            // folders of the machine, absolute
  std::vector<std::string> devices;                        // "/dev/video0"
  std::vector<std::string> hidden;                         // folders that nothing above may reach, but for its own folder
  std::int64_t tmp = std::int64_t{64} << 20;               // bytes of its private /tmp, and of its /dev/shm
  // Its root in place of one of the machine's programs: a folder, seen read-only, that has the folders proc, dev, tmp and run, and
  // all that is declared here. It runs as its user in a namespace of users, and only with bubblewrap. `work`: where it begins.
  std::string root, work;
  // Where bubblewrap does not run: go on with a filter of system calls and a user of its own, or fail (unavailable).
  enum class Without : std::uint8_t { go_on, fail } without = Without::go_on;
};

struct ChildOptions {
  static constexpr std::size_t most_secret = 64 << 10, most_secrets = 64, most_unsent = 1 << 20;

  std::string program;                     // absolute, or below `folder`
  std::vector<std::string> arguments;      // after its name
  std::map<std::string, std::string> environment;          // all of it
  std::string folder;                      // where it runs, absolute; the one that is its own
  enum class Input : std::uint8_t { none, pipe } input = Input::none;
  // Readable at the path that the variable of that name has ("/dev/fd/3"), by the child alone.
  std::map<std::string, std::string> secrets;
  std::optional<ChildSandbox> sandbox;
  ChildLimits limits;
  std::uint32_t user = 0;                  // and group, if we are root; its folder becomes theirs. 0: ours
  std::string group;                       // "node-1/thermo.0": of its control group; "": none, and no such limits
  std::string run;                         // a folder of this one start, made if it is not there; "": it ends with us
};

struct ChildUsage {
  base::Duration cpu{};
  std::int64_t memory = 0, memory_peak = 0;                // bytes; 0 where it is not known
};

struct ChildStart {
  std::int64_t process = 0;                // id
  std::string limits;                      // "sandbox: bubblewrap; cpu, memory, processes: cgroup v1"
  bool adopted = false;
};

struct ChildExit {
  // unknown: it ended while we were away, and nobody kept how.
  enum class How : std::uint8_t { exited, signalled, unknown } how = How::exited;
  int number = 0;                          // status, or signal
  std::string why;                         // if it did not end by itself: "killed: over its memory of 64 MiB"
  ChildUsage usage;
};

enum class ChildOutput : std::uint8_t { out, error };

class Child;

// Never called within World::spawn() or adopt(). The child may be destroyed inside each of them.
class ChildEvents {
 public:
  virtual ~ChildEvents() = default;

  virtual void on_start(Child&, const ChildStart&) {}
  // `bytes` is valid during the call only.
  virtual void on_output(Child&, ChildOutput, base::BytesView) {}
  // What was written and not taken has fallen to nothing after unsent() had passed 64 KiB.
  virtual void on_drained(Child&) {}
  // One of the two comes once, last. The exit comes after all output, and when nothing that the child started
  // is left; a failure says why it could not be started, and nothing of it ran.
  virtual void on_exit(Child&, const ChildExit&) = 0;
  virtual void on_failure(Child&, const base::Error&) = 0;
};

class Child {
 public:
  // No call comes after this. With `run` it goes on, else it is killed.
  virtual ~Child() = default;

  // Copies. Code::exhausted, and nothing is written, if more than most_unsent would wait; unavailable if it
  // has no input or has closed it. After adopt() begin with a line's end: the last line may have been cut.
  virtual base::Result<void> write(base::BytesView bytes) = 0;
  virtual std::size_t unsent() const = 0;
  // After what was written: it reads the end. With `run` it does not, since others may come to write.
  virtual void close_input() = 0;
  virtual void pause() = 0;                // no output comes, and the exit waits for it
  virtual void resume() = 0;
  virtual void signal(int number) = 0;     // to the program; before on_start or at its end does nothing
  virtual void kill(std::string_view why) = 0;             // it and all that it started, at any time; `why` for the exit
  virtual ChildUsage usage() const = 0;    // as last looked at: every few seconds
};

}  // namespace selvedge::os
