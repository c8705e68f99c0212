// Machine: one computer of a simulation: its disk, its cameras, its clocks, its loop, and its place
// on the network. It is the os::World of the program that runs on it.
//
// crash() ends that program as kill -9 or a power cut does: its timers, callbacks, jobs and streams
// vanish and none of them runs. Until restart() the machine is down: every handle from before
// answers with an error or does nothing, so the program's objects may be destroyed at leisure.
// With run() the machine does that by itself.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "os/fake/camera.h"
#include "os/fake/child.h"
#include "os/fake/disk.h"
#include "os/fake/random.h"
#include "os/world.h"

namespace selvedge::os::fake {

class Fabric;
class Kernel;
class Life;

struct Crash {
  // A power cut loses or tears what was not synced; killing the process loses nothing written.
  enum class Disk : std::uint8_t { power_cut, keeps_written } disk = Disk::power_cut;
  // Peers see a reset at once, or nothing until they hear from the machine again.
  enum class Peers : std::uint8_t { reset, silence } peers = Peers::reset;
};

// Starts a program; what it returns is the program, destroyed after a crash.
using Program = std::function<std::shared_ptr<void>(World&)>;

class Machine final : public World {
 public:
  Machine(Kernel& kernel, Fabric& fabric, std::string name, std::uint32_t number, Random random);
  ~Machine() override;

  // World. loop() is that of the present life: a program must not ask for it across a crash.
  Loop& loop() override;
  Network& network() override;
  base::Result<std::unique_ptr<Dir>> directory(std::string_view path, bool create) override;
  std::unique_ptr<Camera> camera(const CameraOptions& options, CameraEvents& events) override;
  void entropy(std::span<std::uint8_t> into) override;
  std::unique_ptr<Child> spawn(const ChildOptions& options, ChildEvents& events) override;
  std::unique_ptr<Child> adopt(const ChildOptions& options, ChildEvents& events) override;
  void end_leftovers(const std::string& group, std::vector<std::string> kept,
                     std::function<void(std::vector<std::string>)> done) override;
  void forget_child(const std::string& run, std::function<void()> done) override;

  const std::string& name() const { return name_; }
  std::uint64_t failed_handshakes() const { return failed_handshakes_; }
  std::string address() const;                   // "10.0.0.7"
  bool alive() const;
  std::uint64_t crashes() const { return crashes_; }
  Disk& disk() { return disk_; }
  Cameras& cameras() { return cameras_; }
  Processes& processes() { return processes_; }

  // Starts `program` now, and again at each restart.
  void run(Program program);
  // What run() started, while it lives.
  std::shared_ptr<void> program() const { return running_; }

  void crash(Crash how);
  void crash() { crash(Crash{}); }
  // Crashes at the n-th change of the disk from now (1 is the next): before it, within it or
  // after it, as the seed has it. Zero calls it off.
  void crash_at_write(std::uint64_t n, Crash how);
  void crash_at_write(std::uint64_t n) { crash_at_write(n, Crash{}); }
  void restart();
  // Told after each crash, when nothing of the machine is on the stack: the place to destroy a
  // program that run() did not start.
  void on_crash(std::function<void()> told) { on_crash_ = std::move(told); }
  // Told at each restart, before the program starts.
  void on_restart(std::function<void()> told) { on_restart_ = std::move(told); }

  base::Time wall_now() const;
  void set_wall(base::Time time);
  void jump_wall(base::Duration by) { wall_offset_ += by; }
  void set_drift(double parts_per_million);

  // Jobs of Loop::work start up to this long after they were given.
  base::Duration pool_delay = std::chrono::microseconds(200);

 private:
  friend class Cameras;
  friend class Fabric;
  friend class Life;
  friend class Handshake;
  friend class Processes;
  friend class Simulation;

  std::uint32_t number() const { return number_; }
  Life& life() { return *lives_.back(); }
  void begin_life();
  void crash_in_write();
  void die(Crash how);
  void start_program();
  base::Duration run_job(const std::function<void()>& job);
  void lay_to_rest(Life& life);

  Kernel& kernel_;
  Fabric& fabric_;
  std::string name_;
  std::uint32_t number_;
  Random random_;
  Random entropy_;
  Disk disk_;
  Cameras cameras_{*this};
  Processes processes_;
  std::vector<std::unique_ptr<Life>> lives_;
  std::vector<std::unique_ptr<Network>> networks_;  // one for each life
  Program program_;
  std::shared_ptr<void> running_;
  std::function<void()> on_crash_, on_restart_;
  Crash crash_at_write_how_;
  bool resting_ = true;                          // the last life has been laid to rest
  std::uint64_t crashes_ = 0, failed_handshakes_ = 0;
  base::Duration wall_offset_{};
  double drift_ = 0;                             // seconds gained a second
  base::Instant drift_since_{};
};

}  // namespace selvedge::os::fake
