#include "fleet.h"

#include <algorithm>
#include <cstdio>
#include <deque>

#include "bounds.h"
#include "cloud/cloud.h"
#include "credentials.h"
#include "memory_block_store.h"
#include "node/node.h"
#include "os/fake/simulation.h"
#include "sensor.h"
#include "supervised.h"
#include "trouble.h"
#include "verify.h"

namespace selvedge::sim {
namespace {

using namespace std::chrono_literals;
using cloud::Cloud;
using node::Node;
using os::fake::Machine;
using os::fake::Simulation;

using NodeProgram = Supervised<Node>;
using CloudProgram = Supervised<Cloud>;

constexpr const char* cloud_name = "cloud";
constexpr const char* state_folder = "state";
constexpr base::Duration look_every = 10s;
constexpr base::Duration settling = 30s;   // for what is done at leisure: trimming, expiry

// Small enough that bounds are met, segments roll and journals are trimmed in a minute; in the rest
// nodes differ.
node::NodeConfig node_config(os::fake::Random random) {
  node::NodeConfig config;
  config.state = state_folder;
  config.mqtt_listen.clear();
  config.http_listen.clear();
  config.device_certificates = "required";
  config.store.memory_bytes = 64 << 10;
  config.store.journal_bytes = 512 << 10;
  config.store.block_bytes = 8 << 20;
  config.store.segment_bytes = 16 << 10;
  config.store.keep_free_bytes = 4 << 10;
  config.dead_letters.bytes = 1 << 20;
  config.store.block_age = random.between(200ms, random.chance(0.2) ? 60s : 5s);
  config.store.block_readings = 1u << (1 + random.below(12));
  config.forward.batch_bytes = 1u << (8 + random.below(9));
  config.forward.backlog_window_bytes = config.forward.batch_bytes << random.below(5);
  config.forward.live_window_bytes = config.forward.batch_bytes << random.below(5);
  config.forward.ack_timeout = random.between(2s, 30s);
  if (random.chance(0.2)) config.forward.bytes_per_second = 1000 + random.below(20'000);
  return config;
}

cloud::CloudConfig cloud_config() {
  cloud::CloudConfig config;
  config.state = state_folder;
  config.hosts = {cloud_name};
  return config;
}

}  // namespace

struct Fleet::State {
  explicit State(const FleetOptions& o)
      : options(o), random(os::fake::Random(o.seed ^ 0xF1EE7).fork()),
        database(std::make_shared<Database>(o.seed)), sim(o.seed) {}

  FleetOptions options;
  os::fake::Random random;               // of the fleet itself: habits and trouble
  std::shared_ptr<Database> database;
  const Credentials* credentials = nullptr;
  Places places;
  std::deque<Account> accounts;          // one for each device
  std::deque<Habit> habits;
  std::deque<node::NodeConfig> configs;  // of the nodes, in their order
  Direction direction;
  Incidents incidents;
  FleetReport report;
  Simulation sim;                        // goes first, with every program in it

  void say(const std::string& what) {
    std::printf("%10.4f %s\n", std::chrono::duration<double>(sim.now() - base::Instant{}).count(),
                what.c_str());
  }
  void breach(std::string what) { report.breaches.push_back(std::move(what)); }

  // ---- who there is

  void build() {
    Machine& cloud = sim.machine(cloud_name);
    const base::Time began = cloud.wall_now();
    credentials = &Credentials::since(began);
    direction.watched = options.watched;
    direction.say = [this](const std::string& what) { say(what); };
    direction.steady_now = [this, began] { return began + (sim.now() - base::Instant{}); };
    sim.set_default_link({.latency = 5ms, .jitter = 3ms, .user_timeout = 2min});
    places.cloud = cloud_name;
    CHECK(credentials->install_cloud(cloud, state_folder, cloud_name));
    cloud.run([this](os::World& world) { return start_cloud(world); });
    for (std::size_t i = 0; i < options.nodes; ++i) build_node("node-" + std::to_string(i));
    for (std::size_t i = 0; i < options.devices; ++i)
      build_device("device-" + std::to_string(i), places.nodes[i % places.nodes.size()]);
  }

  std::shared_ptr<void> start_cloud(os::World& world) {
    return std::make_shared<CloudProgram>(
        world, cloud_name,
        [db = database](os::World& w) -> base::Result<std::unique_ptr<Cloud>> {
          return Cloud::create(w, cloud_config(), TRY(MemoryBlockStore::open(w, state_folder, db)));
        },
        incidents);
  }

  void build_node(const std::string& name) {
    Machine& machine = sim.machine(name);
    places.nodes.push_back(name);
    CHECK(credentials->install_node(machine, state_folder, name,
                                    std::string(cloud_name) + ":8884"));
    if (random.chance(0.15))
      sim.link(name, cloud_name).model.bytes_per_second = 2000 + random.below(20'000);
    const node::NodeConfig& config = configs.emplace_back(node_config(random.fork()));
    machine.run([this, name, &config](os::World& world) {
      return std::make_shared<NodeProgram>(
          world, name, [&config](os::World& w) { return Node::create(w, config); }, incidents);
    });
  }

  void build_device(const std::string& name, const std::string& node) {
    places.devices.emplace_back(name, node);
    Habit& habit = habits.emplace_back(Habit::draw(random));
    Account& account = accounts.emplace_back();
    account.node = node;
    account.series = Sensor::series(name, habit);
    account.clock = habit.clock;
    Machine& machine = sim.machine(name);
    const auto tls = machine.network().client_tls(credentials->device(name)).value();
    machine.run([this, name, node, tls, &habit, &account](os::World& world) {
      return std::make_shared<Sensor>(world, name, node, tls, habit, account, direction);
    });
  }

  // ---- what befalls them

  void start_trouble() {
    const Trouble trouble = plan_trouble(random, places, options.trouble, options.length);
    if (options.print_plan) std::fputs(trouble.text().c_str(), stdout);
    if (!options.watched.empty()) tell_of(trouble);
    report.faults = trouble.faults.size() + trouble.orderly_restarts.size() +
                    trouble.database_failures.size();
    for (const os::fake::Fault& fault : trouble.faults)
      if (fault.kind == os::fake::FaultKind::disk_full) full_disk(fault.machine);
    start(sim, trouble.faults);
    for (const Spell& spell : trouble.orderly_restarts)
      sim.after(spell.at, [this, spell] { stop_in_order(sim.machine(spell.machine), spell.lasts); });
    for (const Spell& spell : trouble.database_failures) {
      sim.after(spell.at, [this] { database->failing = true; });
      sim.after(spell.at + spell.lasts, [this] { database->failing = false; });
    }
  }

  void full_disk(const std::string& node) {
    for (Account& account : accounts) account.full_disk |= account.node == node;
  }

  // Prints what befalls the watched device, its node and their links when it does.
  void tell_of(const Trouble& trouble) {
    const auto at = std::ranges::find(places.devices, options.watched,
                                      &std::pair<std::string, std::string>::first);
    if (at == places.devices.end()) return;
    const auto tell = [&](base::Duration begin, base::Duration lasts, const std::string& what) {
      sim.after(begin, [this, what] { say("-- " + what); });
      sim.after(begin + lasts, [this, what] { say("-- over: " + what); });
    };
    for (const os::fake::Fault& fault : trouble.faults)
      if (fault.machine == at->first || fault.machine == at->second)
        tell(fault.at, fault.lasts, os::fake::text(fault));
    for (const Spell& spell : trouble.orderly_restarts)
      if (spell.machine == at->second) tell(spell.at, spell.lasts, "orderly restart " + spell.machine);
  }

  // Ends the program when it says that it has stopped, or when its time is over.
  void stop_in_order(Machine& machine, base::Duration lasts) {
    if (!machine.alive() || !machine.program()) return;
    const std::uint64_t crashes = machine.crashes();
    const auto end = [this, &machine, crashes] {
      if (machine.alive() && machine.crashes() == crashes)
        machine.crash({os::fake::Crash::Disk::keeps_written, os::fake::Crash::Peers::reset});
    };
    const auto stopped = [this, end] { sim.after({}, end); };
    machine.loop().post([this, &machine, stopped] {
      if (machine.name() == cloud_name) program<CloudProgram>(machine)->stop(stopped);
      else program<NodeProgram>(machine)->stop(stopped);
    });
    sim.after(lasts, [&machine, end] {
      end();
      if (!machine.alive()) machine.restart();
    });
  }

  template <typename Program>
  std::shared_ptr<Program> program(Machine& machine) const {
    return std::static_pointer_cast<Program>(machine.program());
  }
  Node* node_on(const std::string& name) {
    const auto running = program<NodeProgram>(sim.machine(name));
    return running ? running->service() : nullptr;
  }

  // ---- looking at them while they work

  void look() {
    const Sight sight{sim.now() - base::Instant{}, report.peaks, report.breaches};
    const std::size_t devices = 1 + options.devices / options.nodes;
    for (std::size_t i = 0; i < places.nodes.size(); ++i)
      if (Node* const node = node_on(places.nodes[i]))
        look_at(places.nodes[i], *node, configs[i].store, devices, sight);
    const auto cloud = program<CloudProgram>(sim.machine(cloud_name));
    if (cloud && cloud->service()) look_at(*cloud->service(), cloud_config(), sight);
  }

  // ---- the end

  // What is not yet where it belongs, or nothing.
  std::string waiting_for() {
    for (const auto& [device, node] : places.devices) {
      const auto sensor = program<Sensor>(sim.machine(device));
      if (!sensor) return device + " is not running";
      if (sensor->unacknowledged() > 0)
        return device + " has " + std::to_string(sensor->unacknowledged()) + " unacknowledged";
    }
    for (const std::string& name : places.nodes) {
      Node* const node = node_on(name);
      if (!node) return name + " is not running";
      const store::StoreStats stats = node->store().stats();
      if (stats.readings_open > 0 || stats.blocks_undelivered > 0)
        return name + " has " + std::to_string(stats.readings_open) + " readings open and " +
               std::to_string(stats.blocks_undelivered) + " blocks undelivered";
    }
    return {};
  }

  void drain() {
    const base::Instant began = sim.now();
    std::string missing = waiting_for();
    while (!missing.empty() && sim.now() - began < options.patience) {
      sim.run_for(1s);
      missing = waiting_for();
    }
    report.drained_after = sim.now() - began;
    if (!missing.empty())
      breach("not drained after " + base::to_string(options.patience) + ": " + missing);
    sim.run_for(settling);
  }

  void check_at_rest() {
    for (const std::string& name : places.nodes) {
      Node* const node = node_on(name);
      if (!node) continue;
      const store::StoreStats stats = node->store().stats();
      if (stats.journal.segments > 2)
        breach(name + ": journal of " + std::to_string(stats.journal.segments) +
               " segments with nothing open");
      if (node->store().first_undelivered() != model::BlockSeq::none)
        breach(name + ": has undelivered blocks");
      if (const auto epochs = database->blocks.epochs(name); epochs > 1)
        breach(name + ": began its store anew, " + std::to_string(epochs) + " epochs");
    }
    for (const std::string& start : incidents.starts) breach(start);
    if (const auto refusals = database->blocks.refusals(); refusals > 0)
      breach("the cloud refused " + std::to_string(refusals) + " batches");
  }

  void count() {
    for (const Account& account : accounts) {
      report.published += account.entries.size();
      report.refused_messages += account.refused;
      report.acknowledged += static_cast<std::uint64_t>(
          std::ranges::count_if(account.entries, &Entry::acknowledged));
    }
    report.stored = database->blocks.readings();
    report.blocks = database->blocks.blocks();
    report.duplicate_blocks = database->blocks.duplicates();
    report.refused_batches = database->blocks.refusals();
    report.commits = database->commits;
    report.failed_commits = database->failed_commits;
    for (Machine* const machine : sim.machines()) report.crashes += machine->crashes();
    report.simulated = sim.now() - base::Instant{};
    report.turns = sim.turns();
    report.trace_hash = sim.trace_hash();
  }
};

Fleet::Fleet(const FleetOptions& options) : state_(std::make_unique<State>(options)) {}
Fleet::~Fleet() = default;

FleetReport Fleet::run() {
  State& s = *state_;
  s.build();
  s.start_trouble();
  for (base::Duration at{}; at < s.options.length; at += look_every) {
    s.sim.run_for(std::min(look_every, s.options.length - at));
    s.look();
  }
  s.direction.publishing = false;
  s.sim.run_for(longest_trouble);
  s.drain();
  s.check_at_rest();
  s.count();
  const Findings findings = verify(s.database->blocks, s.accounts);
  s.report.repeated = findings.repeated;
  s.report.breaches.insert(s.report.breaches.end(), findings.breaches.begin(),
                           findings.breaches.end());
  return s.report;
}

std::string FleetOptions::command() const {
  return "fleet_sim --seed " + std::to_string(seed) + " --nodes " + std::to_string(nodes) +
         " --devices " + std::to_string(devices) + " --seconds " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(length).count()) +
         (trouble == 1 ? "" : " --trouble " + std::to_string(trouble));
}

std::string FleetReport::text() const {
  const auto n = [](std::uint64_t v) { return std::to_string(v); };
  std::string out = "simulated " + base::to_string(simulated) + ", " + n(turns) + " turns, " +
                    n(faults) + " faults, " + n(crashes) + " crashes; drained after " +
                    base::to_string(drained_after) + "\n";
  out += "readings: " + n(published) + " published, " + n(acknowledged) + " acknowledged, " +
         n(stored) + " stored (" + n(repeated) + " twice); " + n(refused_messages) +
         " messages refused\n";
  out += "cloud: " + n(blocks) + " blocks, " + n(duplicate_blocks) + " more sent again, " +
         n(refused_batches) + " batches refused; " + n(commits) + " commits, " + n(failed_commits) +
         " failed\n";
  out += "at most: " + n(peaks.memory) + " bytes of memory and " + n(peaks.journal) +
         " of journal in a node's store, " + n(peaks.waiting) + " waiting in the cloud\n";
  constexpr std::size_t most_shown = 20;
  for (std::size_t i = 0; i < std::min(breaches.size(), most_shown); ++i)
    out += "BREACH " + breaches[i] + "\n";
  if (breaches.size() > most_shown) out += "and " + n(breaches.size() - most_shown) + " more\n";
  return out;
}

}  // namespace selvedge::sim
