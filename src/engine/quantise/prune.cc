#include "engine/quantise/prune.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine::quantise {
namespace {

// Kernels work on several channels at once; an odd one costs as much as four.
constexpr std::size_t multiple = 4;

using Channels = std::vector<std::optional<float>>;    // of each channel: what it always is

struct Run {
  std::vector<std::size_t> nodes;                  // first and last: convolutions over all channels
  std::vector<std::size_t> kept;                   // channels
  std::vector<float> shift;                        // to add to the biases of the last
};

std::size_t group_of(const Node& node) { return std::size_t(std::max<std::int64_t>(1, integer_of(node, "group", 1))); }

bool is_bound(const Node& node) { return is(node, "Relu") || is(node, "Clip"); }

bool pads(const Node& node) {
  const Attribute* automatic = node.attribute("auto_pad");
  const auto sizes = integers_of(node, "pads");
  return automatic != nullptr || std::ranges::any_of(sizes, [](std::int64_t size) { return size != 0; });
}

class Finder {
 public:
  Finder(const Graph& graph, const Plan& plan, std::span<const Statistics> seen)
      : graph_(graph), view_(graph), plan_(plan), seen_(seen) {
    for (std::size_t t = 0; t < plan.taps.size(); ++t) taps_.emplace(plan.taps[t].value, t);
  }

  std::vector<Run> runs() const {
    std::vector<Run> found;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (plan_.kinds[n] != Kind::weighted || !is(graph_.nodes[n], "Conv") || group_of(graph_.nodes[n]) != 1) continue;
      Run run{before(n), {}, {}};
      if (run.nodes.size() >= 2 && choose(run)) found.push_back(std::move(run));
    }
    return found;
  }

 private:
  const Statistics* seen(const std::string& value) const {
    const auto found = taps_.find(value);
    return found == taps_.end() ? nullptr : &seen_[found->second];
  }

  // The nodes that lead to convolution n, first to last; fewer than two when there is no such run.
  std::vector<std::size_t> before(std::size_t n) const {
    std::vector<std::size_t> nodes{n};
    while (true) {
      const std::string& value = graph_.nodes[nodes.back()].inputs[0];
      const auto maker = view_.maker(value);
      if (!maker || !view_.private_to_one(value)) return {};
      const Node& node = graph_.nodes[*maker];
      nodes.push_back(*maker);
      if (is_bound(node)) continue;
      if (plan_.kinds[*maker] != Kind::weighted || !is(node, "Conv")) return {};
      const Constant* weights = view_.numbers(node.inputs[1]);
      if (group_of(node) == 1) break;
      if (group_of(node) != std::size_t(weights->shape[0]) || weights->shape[1] != 1) return {};
    }
    std::ranges::reverse(nodes);
    return nodes;
  }

  // A quarter of the step of what the node makes.
  float tolerance(std::size_t n) const {
    const Statistics* made = seen(result_of(view_, plan_, n));
    return made == nullptr || made->empty() ? 0 : (std::max(made->greatest(), 0.0F) - std::min(made->least(), 0.0F)) / 1020;
  }

  // What a channel of convolution n is when its inputs do not move it.
  std::optional<float> constant(std::size_t n, std::size_t channel) const {
    const Node& node = graph_.nodes[n];
    const Statistics* inputs = seen(node.inputs[0]);
    const Constant* weights = view_.numbers(node.inputs[1]);
    const auto per_channel = std::size_t(weights->shape[1]);
    if (inputs == nullptr || inputs->channels().size() != per_channel * group_of(node)) return std::nullopt;
    const auto outputs = std::size_t(weights->shape[0]);
    const std::vector<float>& numbers = numbers_of(*weights);
    const std::size_t each = numbers.size() / outputs, taps = each / per_channel;
    const std::size_t first = group_of(node) == 1 ? 0 : channel;
    float moved = 0;
    double value = bias(node, channel);
    for (std::size_t i = 0; i < each; ++i) {
      const Channel& input = inputs->channels()[first + i / taps];
      const float weight = numbers[channel * each + i];
      // Pads are 0.
      moved += std::abs(weight) * (std::max(input.greatest, 0.0F) - std::min(input.least, 0.0F));
      value += double(weight) * inputs->mean(first + i / taps);
    }
    if (moved > tolerance(n)) return std::nullopt;
    return static_cast<float>(value);
  }

  float bias(const Node& node, std::size_t channel) const {
    const Constant* biases = view_.numbers(input_of(node, 2));
    return biases == nullptr ? 0 : numbers_of(*biases)[channel];
  }

  const std::vector<float>& numbers_of(const Constant& constant) const {
    auto& numbers = numbers_[&constant];
    if (numbers.empty()) numbers = floats_of(constant);
    return numbers;
  }

  float clip(const Node& node, float value) const {
    if (is(node, "Relu")) return std::max(value, 0.0F);
    value = std::max(value, one_float(view_, input_of(node, 1)).value_or(value));
    return std::min(value, one_float(view_, input_of(node, 2)).value_or(value));
  }

  float sum_of_taps(const Node& node, std::size_t channel) const {
    const std::vector<float>& numbers = numbers_of(*view_.numbers(node.inputs[1]));
    const std::size_t each = numbers.size() / group_of(node);
    float sum = 0;
    for (std::size_t i = 0; i < each; ++i) sum += numbers[channel * each + i];
    return sum;
  }

  std::optional<float> follow(const Run& run, std::size_t channel) const {
    std::optional<float> value = constant(run.nodes[0], channel);
    float tiny = tolerance(run.nodes[0]);
    for (std::size_t at = 1; at + 1 < run.nodes.size(); ++at) {
      const Node& node = graph_.nodes[run.nodes[at]];
      if (is_bound(node)) {
        if (value) value = clip(node, *value);
        continue;
      }
      // At the border a depthwise convolution sees pads: what is not 0 does not stay constant.
      if (value && (std::abs(*value) <= tiny || !pads(node))) value = bias(node, channel) + *value * sum_of_taps(node, channel);
      else value = constant(run.nodes[at], channel);
      tiny = tolerance(run.nodes[at]);
    }
    const Node& last = graph_.nodes[run.nodes.back()];
    if (value && std::abs(*value) > tiny && pads(last)) return std::nullopt;
    return value;
  }

  bool choose(Run& run) const {
    const auto channels = std::size_t(view_.numbers(graph_.nodes[run.nodes[0]].inputs[1])->shape[0]);
    const Constant* last = view_.numbers(graph_.nodes[run.nodes.back()].inputs[1]);
    if (std::size_t(last->shape[1]) != channels) return false;
    Channels values(channels);
    std::size_t gone = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      values[c] = follow(run, c);
      if (values[c]) ++gone;
    }
    std::size_t keep = std::max(multiple, (channels - gone + multiple - 1) / multiple * multiple);
    if (keep >= channels) return false;
    for (std::size_t c = 0, extra = keep - (channels - gone); c < channels && extra > 0; ++c)
      if (values[c]) values[c].reset(), --extra;
    add_shift(run, *last, values);
    for (std::size_t c = 0; c < channels; ++c)
      if (!values[c]) run.kept.push_back(c);
    return true;
  }

  void add_shift(Run& run, const Constant& last, const Channels& values) const {
    const std::vector<float>& numbers = numbers_of(last);
    const auto outputs = std::size_t(last.shape[0]), channels = values.size();
    const std::size_t taps = numbers.size() / (outputs * channels);
    run.shift.assign(outputs, 0);
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t t = 0; values[c] && t < taps; ++t) run.shift[o] += numbers[(o * channels + c) * taps + t] * *values[c];
  }

  const Graph& graph_;
  View view_;
  const Plan& plan_;
  std::span<const Statistics> seen_;
  std::unordered_map<std::string_view, std::size_t> taps_;
  mutable std::unordered_map<const Constant*, std::vector<float>> numbers_;
};

// Takes entries of one axis of a constant.
Constant only(const Constant& from, std::size_t axis, std::span<const std::size_t> kept) {
  const std::vector<float> numbers = floats_of(from);
  std::size_t outer = 1, inner = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= std::size_t(from.shape[i]);
  for (std::size_t i = axis + 1; i < from.shape.size(); ++i) inner *= std::size_t(from.shape[i]);
  const auto side = std::size_t(from.shape[axis]);
  std::vector<float> values;
  values.reserve(outer * kept.size() * inner);
  for (std::size_t o = 0; o < outer; ++o)
    for (const std::size_t k : kept) {
      const auto start = numbers.begin() + std::ptrdiff_t((o * side + k) * inner);
      values.insert(values.end(), start, start + std::ptrdiff_t(inner));
    }
  Shape shape = from.shape;
  shape[axis] = std::int64_t(kept.size());
  return make_floats(from.name, shape, values);
}

void replace_input(Graph& graph, Node& node, std::size_t index, Constant with) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1);
  node.inputs[index] = add_constant(graph, std::move(with));
}

void apply(Graph& graph, const Run& run) {
  for (std::size_t at = 0; at < run.nodes.size(); ++at) {
    Node& node = graph.nodes[run.nodes[at]];
    if (!is(node, "Conv")) continue;
    const Constant weights = *graph.constant(node.inputs[1]);
    const bool last = at + 1 == run.nodes.size();
    replace_input(graph, node, 1, only(weights, last ? 1 : 0, run.kept));
    const std::string bias = input_of(node, 2);
    if (last) {
      std::vector<float> sums = bias.empty() ? std::vector<float>(run.shift.size()) : floats_of(*graph.constant(bias));
      for (std::size_t o = 0; o < sums.size(); ++o) sums[o] += run.shift[o];
      replace_input(graph, node, 2, make_floats(node.outputs[0] + "_bias", {std::int64_t(sums.size())}, sums));
      continue;
    }
    if (!bias.empty()) replace_input(graph, node, 2, only(*graph.constant(bias), 0, run.kept));
    if (at > 0) {
      remove(node, "group");
      node.attributes.push_back({"group", std::int64_t(run.kept.size())});
    }
  }
}

}  // namespace

Pruned prune(Graph prepared, const Plan& plan, std::span<const Statistics> seen) {
  const std::vector<Run> runs = Finder(prepared, plan, seen).runs();
  Pruned pruned{std::move(prepared), 0};
  for (const Run& run : runs) {
    const std::size_t before = std::size_t(pruned.graph.constant(pruned.graph.nodes[run.nodes[0]].inputs[1])->shape[0]);
    pruned.channels += before - run.kept.size();
    apply(pruned.graph, run);
  }
  // Constants that the pruned ones replaced.
  const View view(pruned.graph);
  std::vector<bool> used;
  for (const Constant& constant : pruned.graph.constants)
    used.push_back(!view.users(constant.name).empty() || view.is_output(constant.name));
  std::size_t at = 0;
  std::erase_if(pruned.graph.constants, [&](const Constant&) { return !used[at++]; });
  return pruned;
}

}  // namespace selvedge::engine::quantise
