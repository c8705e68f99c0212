#include "placement/openb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <numeric>
#include <string_view>

namespace selvedge::bench {
namespace {

constexpr std::array<std::string_view, 8> models = {"P100", "T4", "V100M16", "V100M32", "G1", "G2", "G3", "A10"};

std::uint64_t bit_of(std::string_view model) {
  const auto found = std::find(models.begin(), models.end(), model);
  return std::uint64_t{1} << (found == models.end() ? 63 : found - models.begin());
}

std::vector<std::string_view> split(std::string_view line, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = line.find(by);
    parts.push_back(line.substr(0, at));
    if (at == std::string_view::npos) return parts;
    line.remove_prefix(at + 1);
  }
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

template <typename Row>
void each_row(const std::string& file, Row row) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    row(split(line, ','));
  }
}

}  // namespace

std::vector<engine::Ask> read_pods(const std::string& file) {
  std::vector<engine::Ask> pods;
  each_row(file, [&](const std::vector<std::string_view>& row) {
    if (row.size() < 5) return;
    engine::Ask pod = ask(number(row[1]), number(row[2]));
    pod.devices = static_cast<std::uint32_t>(number(row[3]));
    pod.thousandths = pod.devices > 0 ? static_cast<std::uint32_t>(number(row[4])) : 1000;
    if (row.size() > 5 && !row[5].empty() && pod.devices > 0) {
      for (const std::string_view model : split(row[5], '|')) pod.models |= bit_of(model);
    }
    pods.push_back(pod);
  });
  return pods;
}

std::vector<Node> read_nodes(const std::string& file) {
  std::vector<Node> nodes;
  each_row(file, [&](const std::vector<std::string_view>& row) {
    if (row.size() < 5) return;
    nodes.push_back(node(number(row[1]), number(row[2])));
    nodes.back().devices.assign(static_cast<std::size_t>(number(row[3])), 1000);
    nodes.back().model = bit_of(row[4]);
  });
  return nodes;
}

double run_openb(const std::vector<Node>& nodes, const std::vector<engine::Ask>& pods, const Contender& contender, std::uint64_t seed) {
  double capacity = 0;
  for (const Node& node : nodes) capacity += 1000.0 * static_cast<double>(node.devices.size());
  std::mt19937_64 random(seed);
  std::vector<std::size_t> order(pods.size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  Fleet fleet(nodes, contender, seed);
  double asked = 0;
  // Once through all pods, and on with pods drawn again while there are too few.
  for (std::size_t i = 0; asked < 1.3 * capacity; ++i) {
    const std::size_t which = i < order.size() ? order[i] : std::uniform_int_distribution<std::size_t>(0, pods.size() - 1)(random);
    const engine::Ask& ask = pods[which];
    Place place;
    fleet.place(ask, place);
    asked += static_cast<double>(ask.devices) * static_cast<double>(ask.thousandths);
  }
  double free = 0;
  for (const Node& node : fleet.nodes()) free = std::accumulate(node.devices.begin(), node.devices.end(), free);
  return 100 * (1 - free / capacity);
}

}  // namespace selvedge::bench
