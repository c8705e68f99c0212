#include "os/fake/simulation.h"

#include <limits>
#include <map>
#include <string>

#include "os/fake/fabric.h"
#include "os/fake/kernel.h"
#include "os/fake/life.h"

namespace selvedge::os::fake {

struct Simulation::State {
  explicit State(std::uint64_t s)
      : seed(s), kernel(s), random(kernel.fork_random()), fabric(kernel, kernel.fork_random()) {}

  std::uint64_t seed;
  Kernel kernel;
  Random random;
  Fabric fabric;
  std::map<std::string, std::unique_ptr<Machine>, std::less<>> machines;
};

Simulation::Simulation(std::uint64_t seed) : state_(std::make_unique<State>(seed)) {}

Simulation::~Simulation() {
  // Programs first, while everything they hold is still there to be let go.
  for (auto& [name, machine] : state_->machines) {
    machine->program_ = nullptr;
    machine->on_crash_ = nullptr;
    machine->crash(Crash{Crash::Disk::keeps_written, Crash::Peers::silence});
  }
  state_->kernel.forget_all();
}

std::uint64_t Simulation::seed() const { return state_->seed; }
base::Instant Simulation::now() const { return state_->kernel.now(); }
Random& Simulation::random() { return state_->random; }

Machine& Simulation::machine(std::string_view name) {
  auto& machines = state_->machines;
  const auto found = machines.find(name);
  if (found != machines.end()) return *found->second;
  const auto number = static_cast<std::uint32_t>(machines.size() + 1);
  auto made = std::make_unique<Machine>(state_->kernel, state_->fabric, std::string(name), number,
                                        state_->kernel.fork_random());
  state_->fabric.add(*made);
  return *machines.emplace(std::string(name), std::move(made)).first->second;
}

std::vector<Machine*> Simulation::machines() {
  std::vector<Machine*> all;
  for (const auto& [name, machine] : state_->machines) all.push_back(machine.get());
  return all;
}

Link& Simulation::link(std::string_view a, std::string_view b) {
  return state_->fabric.link(machine(a), machine(b));
}

void Simulation::set_default_link(const LinkModel& model) { state_->fabric.default_model = model; }

void Simulation::set_fragmentation(double probability) {
  state_->fabric.fragmentation = probability;
}

void Simulation::after(base::Duration delay, std::function<void()> what) {
  state_->kernel.schedule(now() + delay, std::move(what));
}

bool Simulation::step() {
  return state_->kernel.step(base::Instant{std::numeric_limits<std::int64_t>::max()});
}

void Simulation::run_for(base::Duration time) {
  const base::Instant end = now() + time;
  while (state_->kernel.step(end)) {
  }
  state_->kernel.advance(end);
}

bool Simulation::run_until(const std::function<bool()>& done, base::Duration limit) {
  const base::Instant end = now() + limit;
  while (!done()) {
    if (state_->kernel.step(end)) continue;
    state_->kernel.advance(end);
    return done();
  }
  return true;
}

std::uint64_t Simulation::trace_hash() const { return state_->kernel.trace_hash(); }
std::uint64_t Simulation::turns() const { return state_->kernel.turns(); }

}  // namespace selvedge::os::fake
