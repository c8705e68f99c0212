// Decisions of placement per second: choose a node, commit, and release another task, at 85 % full, one thread; beside
// the article's rule as it is written (score every node, sort descending, take the first that fits) in the same run.
// One line of JSON for each row. Build in release: ninja -C build/release engine_placement_bench.
//
// Nodes have 4 to 64 cores and 2 to 8 GiB a core; a tenth has a taint, a site has 1/16 of the nodes, an eighth has the
// label "arch=arm64". Tasks ask for 1/64 to 1/4 of a middle node, in 4,096 shapes. Masks: half of the shapes have no
// constraint but the taint, a quarter also tolerate it, an eighth want an architecture, an eighth want one site. Rates
// are of processor time; p50 and p99 of single decisions by a monotonic clock, what a reading costs (about 20 ns)
// included.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "engine/placement/fair.h"
#include "engine/placement/fleet.h"
#include "engine/placement/index.h"
#include "engine/placement/placer.h"

namespace selvedge::engine::placement {
namespace {

struct Random {                            // splitmix64 (Steele, Lea, Flood 2014)
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t x = state += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  double real() { return static_cast<double>(next() >> 11) * 0x1p-53; }
};

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

constexpr std::int64_t gib = std::int64_t{1} << 30;

struct World {
  Fleet fleet;
  std::vector<ShapeId> shapes;
  std::vector<TaskId> tasks;
  Random random{42};
};

void build(World& world, std::uint32_t nodes, bool masks) {
  Random& random = world.random;
  constexpr std::int64_t cores[] = {4, 8, 16, 32, 64};
  for (std::uint32_t i = 0; i < nodes; ++i) {
    NodeSpec node{.name = "n" + std::to_string(i), .site = "site-" + std::to_string(random.below(16))};
    const std::int64_t cpu = cores[random.below(5)];
    node.capacity = {cpu * 1000, cpu * static_cast<std::int64_t>(2 + random.below(7)) * gib, 100 * gib};
    node.labels = {{"arch", random.below(8) == 0 ? "arm64" : "amd64"}};
    if (random.below(10) == 0) node.taints = {"reserved"};
    CHECK(world.fleet.add_node(node));
  }
  for (int i = 0; i < 4096; ++i) {
    ShapeSpec shape;
    shape.resources = {static_cast<std::int64_t>(750 * (1 + 15 * random.real() * random.real())),
                       static_cast<std::int64_t>(static_cast<double>(gib) * (3 + 45 * random.real() * random.real())), 0};
    const std::uint64_t kind = masks ? random.below(8) : 0;
    if (!masks || (kind >= 4 && kind < 6)) shape.tolerations = {"reserved"};
    if (kind == 6) shape.constraints = {{.label = "arch", .is = model::Constraint::Is::equal, .values = {i % 4 == 0 ? "arm64" : "amd64"}}};
    if (kind == 7) shape.constraints = {{.label = "site", .is = model::Constraint::Is::equal, .values = {"site-" + std::to_string(i % 16)}}};
    world.shapes.push_back(*world.fleet.add_shape(shape));
  }
}

// Until the fuller of the two resources is at 85 %.
void fill(World& world, const Index& index, PlacementRule rule) {
  double cpu = 0, memory = 0, used_cpu = 0, used_memory = 0;
  for (NodeId node = 0; node < world.fleet.node_numbers(); ++node) {
    cpu += world.fleet.grid().room(node).cpu_capacity;
    memory += static_cast<double>(world.fleet.grid().room(node).memory_capacity);
  }
  for (int misses = 0; std::max(used_cpu / cpu, used_memory / memory) < 0.85 && misses < 1000;) {
    const ShapeId shape = world.shapes[world.random.below(world.shapes.size())];
    world.fleet.asked(shape);
    const Found found = index.find({.shape = shape, .rule = rule, .salt = world.random.next()});
    if (found.node == none) {
      ++misses;
      continue;
    }
    world.tasks.push_back(*world.fleet.commit(shape, found.node, {}));
    used_cpu += static_cast<double>(world.fleet.shape(shape).ask.amounts.cpu);
    used_memory += static_cast<double>(world.fleet.shape(shape).ask.amounts.memory);
  }
}

struct Row {
  double rate = 0, p50 = 0, p99 = 0, placed = 0;
};

template <typename Decide>
Row measure(World& world, double for_seconds, Decide decide) {
  Row row;
  const std::size_t full = world.tasks.size();
  std::size_t done = 0, placed = 0;
  const auto one = [&] {
    const ShapeId shape = world.shapes[world.random.below(world.shapes.size())];
    const NodeId node = decide(shape);
    ++done;
    // Something ends too when nothing fits, and its place is filled again, so that the fleet stays about as full.
    const bool fits = node != none;
    if (fits) world.tasks.push_back(*world.fleet.commit(shape, node, {}));
    placed += fits;
    if (world.tasks.size() <= (fits ? full : full - full / 10)) return;
    TaskId& other = world.tasks[world.random.below(world.tasks.size())];
    base::ignore(world.fleet.release(other), "it runs");
    other = world.tasks.back();
    world.tasks.pop_back();
  };
  for (int i = 0; i < 2000 && for_seconds > 0.1; ++i) one();
  done = placed = 0;
  const double from = seconds(CLOCK_THREAD_CPUTIME_ID);
  double spent = 0;
  while (spent < for_seconds) {
    for (int i = 0; i < 64; ++i) {
      one();
      if (done >= 4 && done < 64 && seconds(CLOCK_THREAD_CPUTIME_ID) - from > for_seconds * 4) break;
    }
    spent = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
  }
  row.rate = static_cast<double>(done) / spent;
  row.placed = static_cast<double>(placed) / static_cast<double>(done);
  std::vector<double> times;
  const double until = seconds(CLOCK_MONOTONIC) + for_seconds;
  while (times.size() < 4 || (times.size() < 300'000 && seconds(CLOCK_MONOTONIC) < until)) {
    const double before = seconds(CLOCK_MONOTONIC);
    one();
    times.push_back(seconds(CLOCK_MONOTONIC) - before);
  }
  std::sort(times.begin(), times.end());
  row.p50 = times[times.size() / 2] * 1e9;
  row.p99 = times[times.size() * 99 / 100] * 1e9;
  return row;
}

// The article's words: score = cpu_free / cpu_req + mem_free / mem_req for each node, sorted descending, the first that
// fits. Its constraints are looked up in the same masks.
NodeId article_as_written(const Fleet& fleet, ShapeId shape, std::vector<std::pair<double, NodeId>>& scores) {
  const model::Resources& ask = fleet.shape(shape).ask.amounts;
  scores.clear();
  for (NodeId node = 0; node < fleet.node_numbers(); ++node) {
    const Room& room = fleet.grid().room(node);
    scores.emplace_back(static_cast<double>(room.cpu) / static_cast<double>(ask.cpu) +
                            static_cast<double>(room.memory) / static_cast<double>(ask.memory),
                        node);
  }
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const NodeMask& mask = fleet.set(fleet.shape(shape).set).mask;
  for (const auto& [score, node] : scores)
    if (fleet.has_room(shape, node) && mask.test(node)) return node;
  return none;
}

void report(const char* rule, const char* index, std::uint32_t nodes, bool masks, const World& world, const Row& row) {
  std::printf("{\"rule\":\"%s\",\"index\":\"%s\",\"nodes\":%u,\"masks\":%s,\"tasks\":%u,\"decisions_per_second\":%.0f,"
              "\"p50_ns\":%.0f,\"p99_ns\":%.0f,\"placed\":%.4f}\n",
              rule, index, nodes, masks ? "true" : "false", world.fleet.tasks(), row.rate, row.p50, row.p99, row.placed);
  std::fflush(stdout);
}

void run(std::uint32_t nodes, bool masks, double for_seconds, bool few) {
  for (const PlacementRule rule : {default_placement_rule, PlacementRule::best_fit, PlacementRule::article, PlacementRule::worst_fit, PlacementRule::alignment}) {
    if (few && rule != default_placement_rule && rule != PlacementRule::best_fit) break;
    World world;
    build(world, nodes, masks);
    const Index index(world.fleet);
    fill(world, index, rule);
    const Row row = measure(world, for_seconds, [&](ShapeId shape) {
      world.fleet.asked(shape);
      return index.find({.shape = shape, .rule = rule}).node;
    });
    report(std::string(name(rule)).c_str(), "grid", nodes, masks, world, row);
    if (rule != PlacementRule::article) continue;
    std::vector<std::pair<double, NodeId>> scores;
    report("article", "as written", nodes, masks, world,
           measure(world, for_seconds, [&](ShapeId shape) { return article_as_written(world.fleet, shape, scores); }));
  }
}

template <typename Once>
Row times_of(double for_seconds, std::size_t of, Once once) {
  std::vector<double> times;
  double sum = 0;
  for (const double until = seconds(CLOCK_MONOTONIC) + for_seconds; times.size() < 4 || seconds(CLOCK_MONOTONIC) < until;) {
    const double before = seconds(CLOCK_THREAD_CPUTIME_ID);
    once();
    times.push_back(seconds(CLOCK_THREAD_CPUTIME_ID) - before);
    sum += times.back();
  }
  std::sort(times.begin(), times.end());
  return {static_cast<double>(times.size() * of) / sum, times[times.size() / 2] * 1e9, times[times.size() * 99 / 100] * 1e9, 1};
}

// Gangs of 64 that come and go, and gangs that fit nowhere; a row tells the time of a gang, the rate is of members.
void run_gangs(std::uint32_t nodes, double for_seconds) {
  World world;
  build(world, nodes, true);
  Placer placer(world.fleet);
  fill(world, placer.index(), placer.rule());
  std::size_t asked = 0, placed = 0;
  const Row row = times_of(for_seconds, 64, [&] {
    const std::vector<Want> gang(64, {world.shapes[asked++ % world.shapes.size()], {}});
    const auto all = placer.place_gang(gang);
    if (!all) return;
    ++placed;
    for (const Placed& one : *all) base::ignore(world.fleet.release(one.task), "it runs");
  });
  report("gang of 64, placed and released", "grid", nodes, true, world, {row.rate, row.p50, row.p99, static_cast<double>(placed) / static_cast<double>(asked)});
}

// Turns of a thousand tenants: who is next, and what it gained; the times are of a thousand turns.
void run_shares(double for_seconds) {
  World world;
  FairShares shares({{1'000'000'000, 4'000'000 * gib, 0}, 0});
  std::vector<Holding> asks;
  for (int i = 0; i < 1000; ++i) {
    shares.set_waiting(*shares.add(static_cast<double>(1 + world.random.below(4))), true);
    asks.push_back({{static_cast<std::int64_t>(100 + world.random.below(8000)), static_cast<std::int64_t>(1 + world.random.below(32)) * gib, 0}, 0});
  }
  const Row row = times_of(for_seconds, 1000, [&] {
    for (int i = 0; i < 1000; ++i) shares.gained(shares.next(), asks[shares.next()]);
  });
  report("dominant resource fairness, 1,000 turns", "heap of 1,000 tenants", 0, false, world, row);
}

}  // namespace
}  // namespace selvedge::engine::placement

int main(int argc, char** argv) {
  double for_seconds = 1;
  bool few = false;
  std::vector<std::uint32_t> sizes = {10, 100, 1'000, 10'000, 100'000};
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) continue;      // there is no other form
    if (std::strcmp(argv[i], "--quick") == 0) {
      for_seconds = 0.05;
    } else if (std::strcmp(argv[i], "--few") == 0) {
      few = true;
    } else if (std::strcmp(argv[i], "--nodes") == 0 && i + 1 < argc) {
      sizes = {static_cast<std::uint32_t>(std::clamp(std::atol(argv[++i]), 1L, 100'000L))};
    } else {
      std::fprintf(stderr, "usage: placement_bench [--json] [--quick] [--few] [--nodes N]\n");
      return 2;
    }
  }
  for (const std::uint32_t nodes : sizes)
    for (const bool masks : {false, true}) selvedge::engine::placement::run(nodes, masks, for_seconds, few);
  for (const std::uint32_t nodes : sizes)
    if (nodes >= 1000) selvedge::engine::placement::run_gangs(nodes, for_seconds);
  selvedge::engine::placement::run_shares(for_seconds);
  return 0;
}
