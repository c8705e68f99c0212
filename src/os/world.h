// World: everything a program may ask of the machine, in one bundle that a test can replace.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/camera.h"
#include "os/child.h"
#include "os/files.h"
#include "os/loop.h"
#include "os/root_tree.h"
#include "os/stream.h"

namespace selvedge::os {

class World {
 public:
  virtual ~World() = default;

  virtual Loop& loop() = 0;
  virtual Network& network() = 0;
  // A directory by path, made with its parents if `create`.
  virtual base::Result<std::unique_ptr<Dir>> directory(std::string_view path, bool create) = 0;
  // Returns at once; on_open or on_close follows. A world without cameras says not_found.
  virtual std::unique_ptr<Camera> camera(const CameraOptions& options, CameraEvents& events);
  // Starts a program. Returns at once; the child's events follow. A world that runs none says unavailable.
  virtual std::unique_ptr<Child> spawn(const ChildOptions& options, ChildEvents& events);
  // Takes over what spawn() of an earlier run of ours began with the same options and `run`: on_start comes if it
  // runs, else on_exit with how it ended. on_failure (not_found): nothing began there.
  virtual std::unique_ptr<Child> adopt(const ChildOptions& options, ChildEvents& events);
  // Ends what earlier runs left in control groups below `group` ("node-1"), but for those `kept` ("thermo.0"); then
  // calls `done` with the names of what was ended.
  virtual void end_leftovers(const std::string& group, std::vector<std::string> kept,
                             std::function<void(std::vector<std::string> ended)> done);
  // A folder as a root of its own, made if it is not there. A world without links says unavailable.
  virtual base::Result<std::unique_ptr<RootTree>> root_tree(const std::string& folder);
  // Removes what a child that has ended left in its `run`.
  virtual void forget_child(const std::string& run, std::function<void()> done);
  // Cryptographic randomness in the real world, seeded in the fake one.
  virtual void entropy(std::span<std::uint8_t> into) = 0;

  std::uint64_t random_u64();
  double random_unit();  // [0, 1)
};

// What a metrics page shows of the machine's side of a program. Counts since the start, but for
// open_streams, timers and pool_threads.
struct Stats {
  std::uint64_t open_streams = 0;        // accepted or connecting, not yet closed
  std::uint64_t accepted = 0;
  std::uint64_t connected = 0;
  std::uint64_t failed_handshakes = 0;   // of TLS, on our listeners
  std::uint64_t resumed_handshakes = 0;  // cut short by a ticket, on both sides
  std::uint64_t dropped = 0;             // could not be accepted: no descriptors left
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t turns = 0;               // of the loop
  std::uint64_t timers = 0;
  std::uint64_t pool_threads = 0;
};

// The real machine. `run` returns when `stop` is called or one of `signals` arrives (blocked and
// read through the loop); says which, or 0 after `stop`. Destroy it last: loop, network, streams and
// listeners belong to it. Ignores SIGPIPE for the whole process.
class RealWorld : public World {
 public:
  static base::Result<std::unique_ptr<RealWorld>> create();

  virtual int run(std::span<const int> signals) = 0;
  virtual void stop() = 0;
  virtual Stats stats() const = 0;
};

}  // namespace selvedge::os
