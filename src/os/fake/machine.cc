#include "os/fake/machine.h"

#include <cmath>

#include "os/fake/fabric.h"
#include "os/fake/kernel.h"
#include "os/fake/life.h"

namespace selvedge::os::fake {
namespace {

constexpr base::Time wall_at_start{1'767'225'600'000'000'000};  // 2026-01-01T00:00:00Z

}  // namespace

Machine::Machine(Kernel& kernel, Fabric& fabric, std::string name, std::uint32_t number,
                 Random random)
    : kernel_(kernel), fabric_(fabric), name_(std::move(name)), number_(number), random_(random),
      entropy_(random_.fork()), disk_(kernel, name_, random_.fork()), processes_(kernel, *this) {
  disk_.crash_ = [this] { crash_in_write(); };
  begin_life();
}

Machine::~Machine() = default;

void Machine::begin_life() {
  lives_.push_back(std::make_unique<Life>(kernel_, *this, random_.fork()));
  networks_.push_back(fabric_.network_of(life()));
  resting_ = false;
}

Loop& Machine::loop() { return life(); }
Network& Machine::network() { return *networks_.back(); }

base::Result<std::unique_ptr<Dir>> Machine::directory(std::string_view path, bool create) {
  return disk_.open_dir(life(), path, create);
}

void Machine::entropy(std::span<std::uint8_t> into) {
  for (std::uint8_t& byte : into) byte = static_cast<std::uint8_t>(entropy_.next() >> 32);
}

std::unique_ptr<Camera> Machine::camera(const CameraOptions& options, CameraEvents& events) {
  return cameras_.open(options, events);
}
std::unique_ptr<Child> Machine::spawn(const ChildOptions& options, ChildEvents& events) {
  return processes_.spawn(options, events);
}
std::unique_ptr<Child> Machine::adopt(const ChildOptions& options, ChildEvents& events) {
  return processes_.adopt(options, events);
}
void Machine::end_leftovers(const std::string& group, std::vector<std::string> kept,
                            std::function<void(std::vector<std::string>)> done) {
  life().soon([this, group, kept = std::move(kept), done = std::move(done)] { done(processes_.end_leftovers(group, kept)); });
}
void Machine::forget_child(const std::string& run, std::function<void()> done) {
  life().soon([this, run, done = std::move(done)] {
    processes_.forget(run);
    done();
  });
}

std::string Machine::address() const {
  return "10." + std::to_string(number_ >> 16) + "." + std::to_string(number_ >> 8 & 255) + "." +
         std::to_string(number_ & 255);
}

bool Machine::alive() const { return lives_.back()->alive(); }

void Machine::run(Program program) {
  program_ = std::move(program);
  start_program();
}

void Machine::start_program() {
  if (!program_ || !alive()) return;
  life().run([this] { running_ = program_(*this); });
}

base::Duration Machine::run_job(const std::function<void()>& job) {
  disk_.in_job_ = true;
  disk_.job_cost_ = {};
  job();
  disk_.in_job_ = false;
  return disk_.job_cost_;
}

void Machine::crash(Crash how) {
  if (!alive()) return;
  die(how);
  if (!life().in_turn()) lay_to_rest(life());  // else the turn's end does it
}

void Machine::crash_in_write() {
  die(crash_at_write_how_);
  if (life().in_turn()) return;
  // A test has called the program outside of a turn: it is still on the stack.
  kernel_.schedule(kernel_.now(), [this, &dead = life()] { lay_to_rest(dead); });
}

void Machine::die(Crash how) {
  ++crashes_;
  kernel_.note("crash", number_, crashes_);
  disk_.crash_countdown_ = 0;
  life().end();
  cameras_.life_ended();
  fabric_.life_ended(life(), how.peers == Crash::Peers::reset);
  const bool power_cut = how.disk == Crash::Disk::power_cut;
  processes_.crashed(power_cut ? Processes::Crashed::machine : Processes::Crashed::program);
  if (power_cut) disk_.power_cut();
}

void Machine::lay_to_rest(Life& dead) {
  if (&dead != lives_.back().get() || resting_) return;
  resting_ = true;
  dead.bury();
  const std::shared_ptr<void> program = std::move(running_);
  running_ = nullptr;
  if (on_crash_) on_crash_();
}

void Machine::crash_at_write(std::uint64_t n, Crash how) {
  disk_.crash_countdown_ = n;
  crash_at_write_how_ = how;
}

void Machine::restart() {
  CHECK(!life().in_turn());
  if (alive()) crash();
  lay_to_rest(life());
  kernel_.note("restart", number_, crashes_);
  begin_life();
  fabric_.machine_started(*this);
  if (on_restart_) on_restart_();
  start_program();
}

base::Time Machine::wall_now() const {
  const base::Duration passed = kernel_.now() - base::Instant{};
  const base::Duration drifting = kernel_.now() - drift_since_;
  return wall_at_start + passed + wall_offset_ +
         base::Duration(std::llround(static_cast<double>(drifting.count()) * drift_));
}

void Machine::set_wall(base::Time time) { wall_offset_ += time - wall_now(); }

void Machine::set_drift(double parts_per_million) {
  const base::Time before = wall_now();
  drift_since_ = kernel_.now();
  drift_ = parts_per_million * 1e-6;
  set_wall(before);
}

}  // namespace selvedge::os::fake
