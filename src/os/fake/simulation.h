// Simulation: a whole machine park in one process, on virtual time, from one seed.
//
// The same seed and the same program give the same history, event for event; trace_hash() tells
// whether two histories were the same. Nothing sleeps and nothing runs in parallel: time passes
// only in step(), run_for() and run_until(), from one event to the next.
//
//   Simulation sim(seed);
//   Machine& cloud = sim.machine("cloud");
//   cloud.run([](os::World& world) { return std::make_shared<Cloud>(world); });
//   sim.link("node", "cloud").cut(Cut::silent);
//   ASSERT_TRUE(sim.run_until([&] { return done; }, std::chrono::minutes(5))) << sim.seed();
//
// The simulation must outlive what runs in it, except programs started by Machine::run, which it
// destroys. One thread; Loop::post too is for that thread only.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "os/fake/link.h"
#include "os/fake/machine.h"
#include "os/fake/random.h"
#include "os/fake/tls.h"

namespace selvedge::os::fake {

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation();
  Simulation(const Simulation&) = delete;

  std::uint64_t seed() const;
  // Since the simulation began. A machine's own Loop::now() counts from its own, random origin.
  base::Instant now() const;
  // For the test itself; drawing from it does not change what the simulation draws.
  Random& random();

  Machine& machine(std::string_view name);  // made, and running, when first named
  std::vector<Machine*> machines();
  Link& link(std::string_view a, std::string_view b);
  // Of links that have not been used or named yet.
  void set_default_link(const LinkModel& model);
  // How often a delivery is cut at a random place, so that decoders see fragments; 0.2 at first.
  void set_fragmentation(double probability);

  // Calls `what`, which belongs to no machine, after `delay`.
  void after(base::Duration delay, std::function<void()> what);

  // Runs the next turn of a machine or event of the network; false if nothing is left to happen.
  bool step();
  void run_for(base::Duration time);
  // Runs until `done` holds (true), or for `limit` (whether it holds then).
  bool run_until(const std::function<bool()>& done, base::Duration limit);

  std::uint64_t trace_hash() const;
  std::uint64_t turns() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::os::fake
