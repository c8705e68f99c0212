#include "engine/quantise/short_names.h"

#include <algorithm>

namespace selvedge::engine::quantise {
namespace {

constexpr std::size_t most_title = 48;             // letters of a node's name

class Renamer {
 public:
  explicit Renamer(const Graph& graph) {
    for (const auto& input : graph.inputs) names_[input.name] = input.name;
    for (const auto& output : graph.outputs) names_[output.name] = output.name;
    for (const auto& [outside, same] : names_) taken_[same] = true;
  }

  void rename(std::string& name) {
    if (name.empty()) return;
    std::string& given = names_[name];
    while (given.empty()) {
      std::string next = short_form(count_++);
      if (!taken_.contains(next)) given = std::move(next);
    }
    name = given;
  }

 private:
  static std::string short_form(std::size_t number) {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string text;
    for (; number > 0 || text.empty(); number /= digits.size()) text.insert(text.begin(), digits[number % digits.size()]);
    return "v" + text;
  }

  std::unordered_map<std::string, std::string> names_;
  std::unordered_map<std::string, bool> taken_;
  std::size_t count_ = 0;
};

}  // namespace

void shorten_names(Graph& graph) {
  if (has_inner_graph(graph)) return;
  Renamer renamer(graph);
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) renamer.rename(input);
    for (std::string& output : node.outputs) renamer.rename(output);
    if (node.name.size() <= most_title) continue;
    std::size_t end = most_title;
    while (end > 0 && (static_cast<unsigned char>(node.name[end]) & 0xC0U) == 0x80) --end;   // not within a letter
    node.name.resize(end);
  }
  for (Constant& constant : graph.constants) renamer.rename(constant.name);
  std::ranges::stable_sort(graph.constants, [](const Constant& a, const Constant& b) {
    return std::pair(a.type, a.data.size()) < std::pair(b.type, b.data.size());
  });
}

}  // namespace selvedge::engine::quantise
