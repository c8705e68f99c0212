#include "placement/mixes.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "placement/openb.h"

namespace selvedge::bench {
namespace {

double uniform(Random& random, double from, double to) { return std::uniform_real_distribution<double>(from, to)(random); }
std::int64_t whole(Random& random, double from, double to) { return static_cast<std::int64_t>(uniform(random, from, to)); }
int one_of(Random& random, int count) { return std::uniform_int_distribution<int>(0, count - 1)(random); }

std::vector<Node> times(std::size_t count, std::int64_t cpu, std::int64_t memory) {
  return std::vector<Node>(count, node(cpu, memory));
}

std::vector<Node> join(std::initializer_list<std::vector<Node>> parts) {
  std::vector<Node> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

engine::Ask edge_task(Random& random) {
  const double kind = uniform(random, 0, 1);
  if (kind < 0.60) return ask(whole(random, 500, 2000), whole(random, 512, 6144));
  if (kind < 0.93) return ask(whole(random, 2000, 6000), whole(random, 2048, 14336));
  return ask(whole(random, 8000, 16000), whole(random, 24576, 57344));
}

engine::Ask vm(Random& random) {
  const double size = uniform(random, 0, 1), kind = uniform(random, 0, 1);
  const std::int64_t cores = size < 0.4 ? 1 : size < 0.7 ? 2 : size < 0.9 ? 4 : 8;
  const std::int64_t each = kind < 0.35 ? 2 : kind < 0.8 ? 4 : 8;
  return ask(cores * 1000, std::min<std::int64_t>(cores * each, 64) * 1024);
}

engine::Ask micro(Random& random) {
  std::exponential_distribution<double> drawn(1);
  const auto cpu = static_cast<std::int64_t>(std::min(8000.0, 100 + 1000 * drawn(random)));
  return ask(cpu, static_cast<std::int64_t>(std::min(32768.0, 128 + 3100 * drawn(random))));
}

double size_of(const engine::Ask& task, const model::Resources& all) {
  return (static_cast<double>(task.amounts.cpu) / static_cast<double>(all.cpu) +
          static_cast<double>(task.amounts.memory) / static_cast<double>(all.memory)) / 2;
}

model::Resources sum(const std::vector<Node>& nodes) {
  model::Resources all;
  for (const Node& node : nodes) {
    all.cpu += node.capacity.cpu;
    all.memory += node.capacity.memory;
  }
  return all;
}

}  // namespace

std::vector<Mix> mixes(const std::string& data) {
  std::vector<Mix> all;
  const auto same = times(10, 16'000, 65'536);
  all.push_back({"uniform", "16 cores 64 GiB; tasks of 1..8 cores and 1..32 GiB, whole numbers",
                 same, [](Random& r) { return ask(1000 * (1 + one_of(r, 8)), 1024 * (1 + one_of(r, 32))); }});
  all.push_back({"micro", "16 cores 64 GiB; exponential, 0.1 + 1.0 cores, 0.13 + 3 GiB", same, micro});
  all.push_back({"complementary", "16 cores 64 GiB; 1/8..3/8 of one resource and 1/16..1/8 of the other, either way round",
                 same, [](Random& r) {
                   const double much = uniform(r, 0.125, 0.375), little = uniform(r, 0.0625, 0.125);
                   const bool cpu = one_of(r, 2) == 0;
                   return ask(static_cast<std::int64_t>(16'000 * (cpu ? much : little)),
                              static_cast<std::int64_t>(65'536 * (cpu ? little : much)));
                 }});
  all.push_back({"bimodal", "16 cores 64 GiB; 17 % of 8..14.5 cores and 32..60 GiB, else 1..3 cores and 4..12 GiB", same,
                 [](Random& r) {
                   return uniform(r, 0, 1) < 0.17 ? ask(whole(r, 8000, 14500), whole(r, 32768, 61440))
                                                  : ask(whole(r, 1000, 3000), whole(r, 4096, 12288));
                 }});
  all.push_back({"vm-pow2", "16 cores 64 GiB; 1, 2, 4, 8 cores (40, 30, 20, 10 %) with 2, 4, 8 GiB each (35, 45, 20 %)", same, vm});
  all.push_back({"half-plus", "16 cores 64 GiB; a quarter to three quarters of a node, each resource by itself", same,
                 [](Random& r) { return ask(whole(r, 4000, 12000), whole(r, 16384, 49152)); }});
  all.push_back({"edge-hetero", "4 of 4 cores 8 GiB, 3 of 8/16, 2 of 16/64, 1 of 64/256; 60 % .5..2 cores .5..6 GiB, 33 % 2..6 and 2..14, 7 % 8..16 and 24..56",
                 join({times(4, 4'000, 8'192), times(3, 8'000, 16'384), times(2, 16'000, 65'536), times(1, 64'000, 262'144)}), edge_task});
  all.push_back({"edge-mild", "4 of 8 cores 32 GiB, 4 of 16/64, 2 of 32/128; 55 % .5..4 cores 1..16 GiB, else 4..12 and 8..48",
                 join({times(4, 8'000, 32'768), times(4, 16'000, 65'536), times(2, 32'000, 131'072)}), [](Random& r) {
                   return uniform(r, 0, 1) < 0.55 ? ask(whole(r, 500, 4000), whole(r, 1024, 16384))
                                                  : ask(whole(r, 4000, 12000), whole(r, 8192, 49152));
                 }});
  if (auto pods = read_pods(data + "/openb/openb_pod_list_default.csv"); !pods.empty()) {
    all.push_back({"openb", "96 cores 448 GiB; cpu and memory of a pod of OpenB's default list", times(10, 96'000, 458'752),
                   [pods = std::move(pods)](Random& r) {
                     engine::Ask task = pods[std::uniform_int_distribution<std::size_t>(0, pods.size() - 1)(r)];
                     task.devices = 0;
                     task.models = 0;
                     task.thousandths = 1000;
                     return task;
                   }});
  }
  return all;
}

std::vector<engine::Ask> list_of(const Mix& mix, double load, std::uint64_t seed) {
  Random random(seed);
  const model::Resources all = sum(mix.nodes);
  std::vector<engine::Ask> tasks;
  double cpu = 0, memory = 0;
  while (std::max(cpu, memory) < load) {
    tasks.push_back(mix.draw(random));
    cpu += static_cast<double>(tasks.back().amounts.cpu) / static_cast<double>(all.cpu);
    memory += static_cast<double>(tasks.back().amounts.memory) / static_cast<double>(all.memory);
  }
  return tasks;
}

double bound(const Mix& mix, const std::vector<engine::Ask>& tasks) {
  // Nodes of one capacity are one group; a task may be split over the groups in which it fits. Prices per group and
  // resource; any prices bound the program, subgradient steps lower the bound.
  struct Group {
    model::Resources each;
    double cpu = 0, memory = 0;                    // shares of all
    double cpu_price = 0.25, memory_price = 0.25;
  };
  const model::Resources all = sum(mix.nodes);
  std::vector<Group> groups;
  for (const Node& node : mix.nodes) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.each == node.capacity; });
    if (group == groups.end()) group = groups.insert(groups.end(), {node.capacity, 0, 0, 0.25, 0.25});
    group->cpu += static_cast<double>(node.capacity.cpu) / static_cast<double>(all.cpu);
    group->memory += static_cast<double>(node.capacity.memory) / static_cast<double>(all.memory);
  }
  double offered = 0;
  for (const engine::Ask& task : tasks) offered += size_of(task, all);
  double best = offered;
  for (int step = 0; step < 600; ++step) {
    double value = 0;
    std::vector<std::pair<double, double>> used(groups.size());
    for (const Group& group : groups) value += group.cpu * group.cpu_price + group.memory * group.memory_price;
    for (const engine::Ask& task : tasks) {
      const double cpu = static_cast<double>(task.amounts.cpu) / static_cast<double>(all.cpu);
      const double memory = static_cast<double>(task.amounts.memory) / static_cast<double>(all.memory);
      double gain = 0;
      std::size_t where = groups.size();
      for (std::size_t g = 0; g < groups.size(); ++g) {
        if (task.amounts.cpu > groups[g].each.cpu || task.amounts.memory > groups[g].each.memory) continue;
        const double here = (cpu + memory) / 2 - cpu * groups[g].cpu_price - memory * groups[g].memory_price;
        if (here > gain) {
          gain = here;
          where = g;
        }
      }
      if (where == groups.size()) continue;
      value += gain;
      used[where].first += cpu;
      used[where].second += memory;
    }
    best = std::min(best, value);
    const double pace = 0.5 / (10 + step);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      groups[g].cpu_price = std::max(0.0, groups[g].cpu_price - pace * (1 - used[g].first / groups[g].cpu));
      groups[g].memory_price = std::max(0.0, groups[g].memory_price - pace * (1 - used[g].second / groups[g].memory));
    }
  }
  return best;
}

double place_list(const Mix& mix, const std::vector<engine::Ask>& tasks, const Contender& contender, std::uint64_t seed) {
  Fleet fleet(mix.nodes, contender, seed);
  Place place;
  for (const engine::Ask& task : tasks) fleet.place(task, place);
  return fleet.use();
}

double place_list(const Mix& mix, const std::vector<engine::Ask>& tasks, const Together& together) {
  Fleet fleet(mix.nodes, {"ours", Kind::placer}, 0);
  fleet.place_all(tasks, together);
  return fleet.use();
}

LossResult run_loss(const Mix& mix, double load, double span, const Contender& contender, std::uint64_t seed) {
  struct End {
    double at;
    engine::Ask ask;
    Place place;
    bool operator<(const End& other) const { return at > other.at; }
  };
  const model::Resources all = sum(mix.nodes);
  Random sample(99);
  std::vector<double> sizes;
  double cpu = 0, memory = 0;
  constexpr int samples = 20'000;
  for (int i = 0; i < samples; ++i) {
    const engine::Ask task = mix.draw(sample);
    cpu += static_cast<double>(task.amounts.cpu) / static_cast<double>(all.cpu) / samples;
    memory += static_cast<double>(task.amounts.memory) / static_cast<double>(all.memory) / samples;
    sizes.push_back(size_of(task, all));
  }
  std::nth_element(sizes.begin(), sizes.begin() + samples / 2, sizes.end());
  const double median = sizes[samples / 2];
  const double rate = load / std::max(cpu, memory);

  Random random(seed);
  std::exponential_distribution<double> drawn(1);
  Fleet fleet(mix.nodes, contender, seed + 1000);
  std::priority_queue<End> ends;
  constexpr double warm = 5;
  double now = 0, area = 0;
  double came[2] = {}, taken[2] = {};
  const auto pass = [&](double until) {
    if (until > warm) area += fleet.use() * (until - std::max(now, warm));
    now = until;
  };
  while (true) {
    const double next = now + drawn(random) / rate;
    const engine::Ask task = mix.draw(random);
    const double life = drawn(random);
    while (!ends.empty() && ends.top().at <= std::min(next, warm + span)) {
      pass(ends.top().at);
      fleet.release(ends.top().ask, ends.top().place);
      ends.pop();
    }
    pass(std::min(next, warm + span));
    if (next >= warm + span) break;
    Place place;
    const bool placed = fleet.place(task, place);
    if (placed) ends.push({now + life, task, place});
    if (now > warm) {
      const std::size_t large = size_of(task, all) > median ? 1 : 0;
      came[large] += 1;
      taken[large] += placed ? 1 : 0;
    }
  }
  return {area / span, taken[0] / std::max(1.0, came[0]), taken[1] / std::max(1.0, came[1])};
}

}  // namespace selvedge::bench
