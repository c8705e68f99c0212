#include "placement/planted.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

namespace selvedge::bench {
namespace {

struct Placed {
  std::size_t task;
  Place place;
};

double size(const engine::Ask& ask, double per_cpu, double per_memory) {
  return static_cast<double>(ask.amounts.cpu) * per_cpu + static_cast<double>(ask.amounts.memory) * per_memory;
}

bool fits_in(const engine::Ask& ask, const model::Resources& free) {
  return ask.amounts.cpu <= free.cpu && ask.amounts.memory <= free.memory;
}

model::Resources plus(const model::Resources& a, const model::Resources& b) { return {a.cpu + b.cpu, a.memory + b.memory, a.disk + b.disk}; }

// Makes room for `ask` by moving one task, or two of one node, elsewhere. False: no such moves within `budget`.
bool make_room(Fleet& fleet, const std::vector<engine::Ask>& tasks, std::vector<Placed>& placed, const engine::Ask& ask, std::size_t& budget) {
  const auto elsewhere = [&](const engine::Ask& moved, std::size_t not_here) {
    std::size_t best = fleet.nodes().size();
    double least = 0;
    for (std::size_t n = 0; n < fleet.nodes().size(); ++n) {
      if (n == not_here || !fits_in(moved, fleet.nodes()[n].free)) continue;
      const Node& node = fleet.nodes()[n];
      const engine::NodeSpace space{node.capacity, node.free, {}, 0, static_cast<std::uint32_t>(n)};
      const double cost = engine::cost(engine::default_placement_rule, moved, space, fleet.demand());
      if (best == fleet.nodes().size() || cost < least) {
        best = n;
        least = cost;
      }
    }
    return best;
  };
  const auto move = [&](Placed& one, std::size_t target) {
    fleet.release(tasks[one.task], one.place);
    one.place = {target, engine::no_device, 0, engine::placement::none};
    fleet.take(tasks[one.task], one.place);
    --budget;
  };
  if (budget < 1) return false;
  for (Placed& one : placed) {
    const std::size_t here = one.place.node;
    if (!fits_in(ask, plus(fleet.nodes()[here].free, tasks[one.task].amounts))) continue;
    const std::size_t target = elsewhere(tasks[one.task], here);
    if (target == fleet.nodes().size()) continue;
    move(one, target);
    return true;
  }
  if (budget < 2) return false;
  std::vector<std::vector<std::size_t>> by_node(fleet.nodes().size());
  for (std::size_t i = 0; i < placed.size(); ++i) by_node[placed[i].place.node].push_back(i);
  for (std::size_t n = 0; n < by_node.size(); ++n) {
    for (const std::size_t a : by_node[n]) {
      for (const std::size_t b : by_node[n]) {
        if (b <= a) continue;
        const engine::Ask &first = tasks[placed[a].task], &second = tasks[placed[b].task];
        if (!fits_in(ask, plus(plus(fleet.nodes()[n].free, first.amounts), second.amounts))) continue;
        const std::size_t target = elsewhere(first, n);
        if (target == fleet.nodes().size()) continue;
        const Place before = placed[a].place;
        move(placed[a], target);
        const std::size_t other = elsewhere(second, n);
        if (other != fleet.nodes().size()) {
          move(placed[b], other);
          return true;
        }
        // The second has no place: the first goes back, as if nothing had been moved.
        fleet.release(first, placed[a].place);
        placed[a].place = before;
        fleet.take(first, placed[a].place);
        ++budget;
      }
    }
  }
  return false;
}

}  // namespace

Planted read_planted(const std::string& data, const std::string& kind, int nodes, int number) {
  std::ifstream in(data + "/vbp/planted_" + kind + "_n" + std::to_string(nodes) + "_" + std::to_string(number) + ".csv");
  Planted planted;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream row(line);
    std::string what, cpu, memory;
    std::getline(row, what, ',');
    std::getline(row, cpu, ',');
    std::getline(row, memory, ',');
    if (what == "node") planted.nodes.push_back(node(std::stoll(cpu), std::stoll(memory)));
    if (what == "task") planted.tasks.push_back(ask(std::stoll(cpu), std::stoll(memory)));
  }
  return planted;
}

double run_planted(const Planted& planted, Coming coming, const Contender& contender, std::uint64_t seed) {
  std::vector<engine::Ask> tasks = planted.tasks;
  std::mt19937_64 random(seed);
  std::shuffle(tasks.begin(), tasks.end(), random);
  Fleet fleet(planted.nodes, contender, seed);
  double cpu = 0, memory = 0;
  for (const Node& node : planted.nodes) {
    cpu += static_cast<double>(node.capacity.cpu);
    memory += static_cast<double>(node.capacity.memory);
  }
  if (coming == Coming::batches) {
    constexpr std::size_t batch = 256;
    for (std::size_t i = 0; i < tasks.size(); i += batch) {
      const auto begin = tasks.begin() + static_cast<std::ptrdiff_t>(i);
      std::stable_sort(begin, tasks.begin() + static_cast<std::ptrdiff_t>(std::min(tasks.size(), i + batch)),
                       [&](const engine::Ask& a, const engine::Ask& b) { return size(a, 1 / cpu, 1 / memory) > size(b, 1 / cpu, 1 / memory); });
    }
  }
  std::vector<Placed> placed;
  std::vector<std::size_t> refused;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Place place;
    if (fleet.place(tasks[i], place)) placed.push_back({i, place});
    else refused.push_back(i);
  }
  if (coming == Coming::with_moves) {
    std::size_t budget = tasks.size() / 20;
    std::stable_sort(refused.begin(), refused.end(), [&](std::size_t a, std::size_t b) {
      return size(tasks[a], 1 / cpu, 1 / memory) > size(tasks[b], 1 / cpu, 1 / memory);
    });
    for (const std::size_t i : refused) {
      Place place;
      if (fleet.place(tasks[i], place) || (make_room(fleet, tasks, placed, tasks[i], budget) && fleet.place(tasks[i], place))) placed.push_back({i, place});
    }
  }
  return fleet.use();
}

double run_probe(double fill, const Contender& contender, std::uint64_t seed) {
  constexpr double cpu = 100 * 16'000, memory = 100.0 * 65'536;
  Random random(seed);
  Fleet fleet(std::vector<Node>(100, node(16'000, 65'536)), contender, seed);
  double used_cpu = 0, used_memory = 0;
  while (std::max(used_cpu / cpu, used_memory / memory) < fill) {
    const std::int64_t cores = std::uniform_int_distribution<std::int64_t>(500, 2000)(random);
    const std::int64_t mebibytes = std::uniform_int_distribution<std::int64_t>(2048, 8192)(random);
    Place place;
    // One-try random refuses some: they are not counted as fill.
    if (!fleet.place(ask(cores, mebibytes), place)) continue;
    used_cpu += static_cast<double>(cores);
    used_memory += static_cast<double>(mebibytes);
  }
  const int most = static_cast<int>(std::min((cpu - used_cpu) / 8000, (memory - used_memory) / 32'768));
  int placed = 0;
  for (int i = 0; i < most; ++i) {
    Place place;
    placed += fleet.place(ask(8000, 32'768), place) ? 1 : 0;
  }
  return most > 0 ? static_cast<double>(placed) / most : 1;
}

double run_steady(double fill, const Contender& contender, std::uint64_t seed, std::size_t steps) {
  const std::vector<Mix> all = mixes("");
  const Mix& mix = *std::find_if(all.begin(), all.end(), [](const Mix& m) { return m.name == "edge-hetero"; });
  std::vector<Node> nodes;
  double cpu = 0, memory = 0;
  for (int i = 0; i < 100; ++i) nodes.insert(nodes.end(), mix.nodes.begin(), mix.nodes.end());
  for (const Node& node : nodes) {
    cpu += static_cast<double>(node.capacity.cpu);
    memory += static_cast<double>(node.capacity.memory);
  }
  Random random(seed);
  Fleet fleet(nodes, contender, seed);
  struct Running {
    engine::Ask ask;
    Place place;
  };
  std::vector<Running> running;
  double used_cpu = 0, used_memory = 0;
  const auto come = [&](const engine::Ask& ask) {
    Running task{ask, {}};
    if (!fleet.place(task.ask, task.place)) return false;
    used_cpu += static_cast<double>(ask.amounts.cpu);
    used_memory += static_cast<double>(ask.amounts.memory);
    running.push_back(task);
    return true;
  };
  const auto leave = [&] {
    const std::size_t i = std::uniform_int_distribution<std::size_t>(0, running.size() - 1)(random);
    fleet.release(running[i].ask, running[i].place);
    used_cpu -= static_cast<double>(running[i].ask.amounts.cpu);
    used_memory -= static_cast<double>(running[i].ask.amounts.memory);
    running[i] = running.back();
    running.pop_back();
  };
  const auto with = [&](const engine::Ask& ask) {
    return std::max((used_cpu + static_cast<double>(ask.amounts.cpu)) / cpu, (used_memory + static_cast<double>(ask.amounts.memory)) / memory);
  };
  for (int misses = 0; with({}) < fill && misses < 200;) misses = come(mix.draw(random)) ? 0 : misses + 1;
  std::size_t came = 0, taken = 0;
  while (came < steps) {
    const engine::Ask ask = mix.draw(random);
    do leave();
    while (with(ask) > fill && !running.empty());
    ++came;
    taken += come(ask) ? 1 : 0;
    // A task that was refused leaves room, which others fill.
    for (int tries = 0; with({}) < fill - 0.001 && tries < 20; ++tries) come(mix.draw(random));
  }
  return static_cast<double>(taken) / static_cast<double>(came);
}

}  // namespace selvedge::bench
