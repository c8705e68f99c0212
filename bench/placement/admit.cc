#include "placement/admit.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace selvedge::bench {
namespace {

// The pairs of numbers in the list of lists that follows `name`.
std::vector<std::pair<std::int64_t, std::int64_t>> pairs_of(const std::string& text, const std::string& name) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  std::size_t at = text.find("\"" + name + "\"");
  if (at == std::string::npos) return pairs;
  const std::size_t end = text.find("]]", at);
  at = text.find('[', at) + 1;
  while (at < end && (at = text.find('[', at)) < end) {
    const std::size_t comma = text.find(',', at);
    pairs.emplace_back(std::atoll(text.c_str() + at + 1), std::atoll(text.c_str() + comma + 1));
    at = comma;
  }
  return pairs;
}

std::vector<engine::Ask> in_order(const Admit& admit, std::uint64_t seed) {
  std::vector<engine::Ask> tasks = admit.tasks;
  std::mt19937_64 random(seed);
  std::shuffle(tasks.begin(), tasks.end(), random);
  return tasks;
}

}  // namespace

Admit read_admit(const std::string& data, const std::string& mix, int number) {
  std::ifstream in(data + "/vbp/admit_" + mix + "_" + std::to_string(number) + ".json");
  std::ostringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  Admit admit;
  for (const auto& [cpu, memory] : pairs_of(text, "nodes")) admit.nodes.push_back(node(cpu, memory));
  for (const auto& [cpu, memory] : pairs_of(text, "tasks")) admit.tasks.push_back(ask(cpu, memory));
  if (const std::size_t at = text.find("\"best_known\""); at != std::string::npos) admit.best = std::strtod(text.c_str() + text.find(':', at) + 1, nullptr);
  return admit.best > 0 ? admit : Admit{};
}

double run_admit(const Admit& admit, const Contender& contender, std::uint64_t seed) {
  Fleet fleet(admit.nodes, contender, seed);
  Place place;
  for (const engine::Ask& task : in_order(admit, seed)) fleet.place(task, place);
  return fleet.use() / admit.best;
}

double run_admit(const Admit& admit, const Together& together, std::uint64_t seed) {
  Fleet fleet(admit.nodes, {"ours", Kind::placer}, seed);
  fleet.place_all(in_order(admit, seed), together);
  return fleet.use() / admit.best;
}

}  // namespace selvedge::bench
