// A convolution followed by y = a * x + b for each channel is a convolution: weights a * w, bias
// a * bias + b. BatchNormalization has a = scale / sqrt(variance + epsilon), b = shift - a * mean.

#include <algorithm>
#include <cmath>

#include "engine/quantise/steps.h"

namespace selvedge::engine::quantise {

using base::Code;
using base::fail;
using base::Result;

namespace {

struct Affine {
  std::vector<float> factor, shift;                // for each channel
};

std::optional<std::vector<float>> channel_numbers(const View& view, const std::string& name, std::size_t channels) {
  const Constant* constant = view.numbers(name);
  if (constant == nullptr) return std::nullopt;
  std::vector<float> values = floats_of(*constant);
  if (values.size() != channels) return std::nullopt;
  return values;
}

Result<std::optional<Affine>> normalisation(const View& view, const Node& node, std::size_t channels) {
  std::vector<float> parts[4];
  for (std::size_t i = 0; i < 4; ++i) {
    auto found = channel_numbers(view, input_of(node, i + 1), channels);
    if (!found) return std::nullopt;
    parts[i] = std::move(*found);
  }
  if (integer_of(node, "training_mode", 0) != 0)
    return fail(Code::invalid_input, title_of(node) + " is in training mode: export the model for inference");
  const float epsilon = real_of(node, "epsilon", 1e-5F);
  Affine affine{parts[0], parts[1]};
  for (std::size_t c = 0; c < channels; ++c) {
    affine.factor[c] = parts[0][c] / std::sqrt(parts[3][c] + epsilon);
    affine.shift[c] = parts[1][c] - parts[2][c] * affine.factor[c];
    if (!std::isfinite(affine.factor[c]) || !std::isfinite(affine.shift[c])) return std::nullopt;
  }
  return affine;
}

// A constant that is one number, or one for each channel, shaped [C,1,1] or [1,C,1,1].
std::optional<std::vector<float>> by_channel(const View& view, const std::string& name, std::size_t channels,
                                             std::size_t rank) {
  const Constant* constant = view.numbers(name);
  if (constant == nullptr) return std::nullopt;
  std::vector<float> values = floats_of(*constant);
  if (values.size() == 1 && constant->shape.size() <= rank) return std::vector<float>(channels, values[0]);
  Shape shape = constant->shape;
  if (shape.size() == rank && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != rank - 1 || shape[0] != std::int64_t(channels) || values.size() != channels) return std::nullopt;
  return values;
}

Result<std::optional<Affine>> affine_of(const View& view, const Node& node, const std::string& input,
                                        std::size_t channels, std::size_t rank) {
  if (is(node, "BatchNormalization")) return normalisation(view, node, channels);
  if (!is(node, "Mul") && !is(node, "Add")) return std::nullopt;
  const std::string& other = node.inputs[0] == input ? node.inputs[1] : node.inputs[0];
  const auto values = by_channel(view, other, channels, rank);
  if (!values) return std::nullopt;
  if (is(node, "Mul")) return Affine{*values, std::vector<float>(channels, 0.0F)};
  return Affine{std::vector<float>(channels, 1.0F), *values};
}

// The pads of a Pad node of zeros around rows and columns, as a convolution has them.
std::optional<std::vector<std::int64_t>> spatial_pads(const View& view, const Node& node) {
  const Attribute* mode = node.attribute("mode");
  if (mode != nullptr && std::get_if<std::string>(&mode->value) != nullptr &&
      std::get<std::string>(mode->value) != "constant") return std::nullopt;
  if (!input_of(node, 3).empty()) return std::nullopt;
  if (!input_of(node, 2).empty() && one_float(view, input_of(node, 2)).value_or(1) != 0) return std::nullopt;
  const Constant* pads = view.constant(input_of(node, 1));
  if (pads == nullptr || pads->type != ElementType::int64) return std::nullopt;
  const std::vector<std::int64_t> all = integers_of(*pads);
  const std::size_t rank = all.size() / 2;
  if (rank < 3 || all[0] != 0 || all[1] != 0 || all[rank] != 0 || all[rank + 1] != 0) return std::nullopt;
  std::vector<std::int64_t> kept(all.begin() + 2, all.begin() + std::ptrdiff_t(rank));
  kept.insert(kept.end(), all.begin() + std::ptrdiff_t(rank) + 2, all.end());
  if (std::ranges::any_of(kept, [](std::int64_t pad) { return pad < 0; })) return std::nullopt;
  return kept;
}

bool fold_pad(Graph& graph, std::size_t n) {
  const View view(graph);
  Node& node = graph.nodes[n];
  const Attribute* automatic = node.attribute("auto_pad");
  if (automatic != nullptr && std::get<std::string>(automatic->value) != "NOTSET") return false;
  const auto before = view.maker(node.inputs[0]);
  if (!before || !is(graph.nodes[*before], "Pad")) return false;
  const auto more = spatial_pads(view, graph.nodes[*before]);
  if (!more) return false;
  std::vector<std::int64_t> pads = integers_of(node, "pads");
  if (pads.empty()) pads.resize(more->size());
  if (pads.size() != more->size()) return false;
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] += (*more)[i];
  node.inputs[0] = graph.nodes[*before].inputs[0];
  set(node, "pads", pads);
  return true;
}

// Puts what follows convolution n into it; whether there was something.
Result<bool> fold_next(Graph& graph, std::size_t n) {
  const View view(graph);
  Node& node = graph.nodes[n];
  const Constant* weights = view.numbers(input_of(node, 1));
  const std::string bias = input_of(node, 2);
  if (weights == nullptr || weights->shape.size() < 3 || !view.private_to_one(node.outputs[0])) return false;
  if (!bias.empty() && view.numbers(bias) == nullptr) return false;
  const auto channels = std::size_t(weights->shape[0]);
  const std::size_t next = view.users(node.outputs[0])[0].node;
  const auto affine = TRY(affine_of(view, graph.nodes[next], node.outputs[0], channels, weights->shape.size()));
  if (!affine || channels == 0) return false;

  std::vector<float> numbers = floats_of(*weights);
  std::vector<float> biases = bias.empty() ? std::vector<float>(channels) : floats_of(*view.numbers(bias));
  if (biases.size() != channels) return false;
  const std::size_t each = numbers.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < each; ++i) numbers[c * each + i] *= affine->factor[c];
    biases[c] = biases[c] * affine->factor[c] + affine->shift[c];
  }
  const Shape shape = weights->shape;
  const std::string made = graph.nodes[next].outputs[0];
  node.inputs.resize(3);
  node.inputs[1] = add_constant(graph, make_floats(made + "_weights", shape, numbers));
  node.inputs[2] = add_constant(graph, make_floats(made + "_bias", {std::int64_t(channels)}, biases));
  node.outputs[0] = made;
  graph.nodes.erase(graph.nodes.begin() + std::ptrdiff_t(next));
  return true;
}

}  // namespace

Result<void> fold_convolutions(Graph& graph) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!is(graph.nodes[n], "Conv")) continue;
    while (TRY(fold_next(graph, n))) {
    }
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (is(graph.nodes[n], "Conv")) fold_pad(graph, n);
  return {};
}

}  // namespace selvedge::engine::quantise
