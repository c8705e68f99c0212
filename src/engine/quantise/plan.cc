#include "engine/quantise/plan.h"

#include <algorithm>
#include <limits>

namespace selvedge::engine::quantise {

using base::Code;
using base::fail;
using base::Result;

namespace {

bool among(const Node& node, std::initializer_list<std::string_view> operators) {
  return std::ranges::any_of(operators, [&](std::string_view op) { return is(node, op); });
}

bool is_weighted(const View& view, const Node& node) {
  const Constant* second = view.numbers(input_of(node, 1));
  const std::string& bias = input_of(node, 2);
  if (is(node, "Conv"))
    return second != nullptr && second->shape.size() >= 3 && second->shape[0] > 0 &&
           (bias.empty() || view.numbers(bias) != nullptr);
  if (is(node, "Gemm"))
    return second != nullptr && second->shape.size() == 2 && integer_of(node, "transA", 0) == 0 &&
           real_of(node, "alpha", 1) == 1 && real_of(node, "beta", 1) == 1 &&
           (bias.empty() || (view.numbers(bias) != nullptr && view.numbers(bias)->shape.size() == 1));
  // Both may be activations (attention); weights must be a matrix.
  return is(node, "MatMul") && view.constant(input_of(node, 0)) == nullptr &&
         (view.constant(input_of(node, 1)) == nullptr || (second != nullptr && second->shape.size() == 2));
}

// Whether all that a node takes beside activations is of a form that the kernels know.
bool computes(const View& view, const Node& node) {
  if (among(node, {"GlobalAveragePool", "AveragePool", "Sigmoid", "LeakyRelu", "Concat"}))
    return std::ranges::none_of(node.inputs, [&](const std::string& name) { return view.constant(name) != nullptr; });
  if (!among(node, {"Add", "Mul"}) || node.inputs.size() != 2) return false;
  for (const std::string& name : node.inputs)
    if (view.constant(name) != nullptr && view.numbers(name) == nullptr) return false;
  return view.constant(node.inputs[0]) == nullptr || view.constant(node.inputs[1]) == nullptr;
}

bool moves(const View& view, const Node& node) {
  if (view.constant(input_of(node, 0)) != nullptr) return false;
  if (is(node, "MaxPool")) return node.outputs.size() == 1;
  if (is(node, "Resize")) {
    const Attribute* mode = node.attribute("mode");
    const auto* text = mode == nullptr ? nullptr : std::get_if<std::string>(&mode->value);
    return text == nullptr || *text == "nearest" || *text == "linear";
  }
  return among(node, {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Gather",
                      "DepthToSpace", "SpaceToDepth"});
}

struct Bounds {
  float least = -std::numeric_limits<float>::infinity(), greatest = std::numeric_limits<float>::infinity();
};

// What a Relu or Clip keeps its values between. Only bounds with 0 between them: a range holds it always.
std::optional<Bounds> bounds_of(const View& view, const Node& node) {
  Bounds bounds;
  if (is(node, "Relu")) {
    bounds.least = 0;
  } else if (is(node, "Clip")) {
    for (std::size_t i = 1; i <= 2; ++i) {
      if (input_of(node, i).empty()) continue;
      const auto bound = one_float(view, input_of(node, i));
      if (!bound) return std::nullopt;
      (i == 1 ? bounds.least : bounds.greatest) = *bound;
    }
  } else {
    return std::nullopt;
  }
  if (!(bounds.least <= 0 && bounds.greatest > 0)) return std::nullopt;
  return bounds;
}

class Planner {
 public:
  Planner(const Graph& graph, const Options& options) : graph_(graph), view_(graph), options_(options) {}

  Plan make() {
    plan_.kinds.assign(graph_.nodes.size(), Kind::in_float);
    mark_weighted();
    if (options_.heads == Heads::in_float) free_heads();
    spread_forward();
    spread_backward();
    trim();
    collect();
    return std::move(plan_);
  }

 private:
  bool eight_bits(std::size_t n) const { return plan_.kinds[n] != Kind::in_float; }
  bool kept_float(const Node& node) const {
    return std::ranges::any_of(options_.keep_float, [&](const std::string& one) {
      return one == node.op || (!one.empty() && one == node.name);
    });
  }
  bool makes_eight_bits(std::string_view value) const {
    const auto maker = view_.maker(value);
    return maker && eight_bits(*maker);
  }

  void mark_weighted() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (is_weighted(view_, graph_.nodes[n]) && !kept_float(graph_.nodes[n])) plan_.kinds[n] = Kind::weighted;
  }

  // Those after which no other node with weights comes.
  void free_heads() {
    std::vector<bool> leads(graph_.nodes.size());   // to a node with weights
    for (std::size_t n = graph_.nodes.size(); n-- > 0;)
      for (const std::string& output : graph_.nodes[n].outputs)
        for (const Use& use : view_.users(output))
          leads[n] = leads[n] || leads[use.node] || plan_.kinds[use.node] == Kind::weighted;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (!leads[n]) plan_.kinds[n] = Kind::in_float;
  }

  void spread_forward() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (plan_.kinds[n] != Kind::in_float || kept_float(node)) continue;
      if (absorbs(node)) plan_.kinds[n] = Kind::absorbed;
      const bool compute = computes(view_, node), move = !compute && moves(view_, node);
      if (!compute && !move) continue;
      const auto taken = activations_of(view_, node);
      if (!taken.empty() && std::ranges::all_of(taken, [&](const auto& value) { return makes_eight_bits(value); }))
        plan_.kinds[n] = compute ? Kind::computes : Kind::moves;
    }
  }

  bool absorbs(const Node& node) const {
    const std::string& from = input_of(node, 0);
    if (!bounds_of(view_, node) || !view_.private_to_one(from)) return false;
    const auto maker = view_.maker(from);
    // What only moves has the range of what it takes.
    return maker && (plan_.kinds[*maker] == Kind::weighted || plan_.kinds[*maker] == Kind::computes) &&
           !is(graph_.nodes[*maker], "Sigmoid") && !is(graph_.nodes[*maker], "Concat");
  }

  // Moving bytes is cheaper than moving floats: what only moves the input of 8-bit nodes does so after
  // the conversion.
  void spread_backward() {
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      if (plan_.kinds[n] != Kind::in_float || !moves(view_, node) || kept_float(node)) continue;
      bool all = !node.outputs.empty();
      for (const std::string& output : node.outputs) {
        const auto users = view_.users(output);
        all = all && !view_.is_output(output) && !users.empty() &&
              std::ranges::all_of(users, [&](const Use& use) { return eight_bits(use.node); });
      }
      if (all) plan_.kinds[n] = Kind::moves;
    }
  }

  void trim() {
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      if (plan_.kinds[n] != Kind::computes && plan_.kinds[n] != Kind::moves) continue;
      bool wanted = false;
      for (const std::string& output : graph_.nodes[n].outputs)
        for (const Use& use : view_.users(output)) wanted = wanted || wants(use.node);
      if (!wanted) plan_.kinds[n] = Kind::in_float;
    }
    // A Relu whose maker stays in float is a Relu.
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (plan_.kinds[n] == Kind::absorbed && !makes_eight_bits(graph_.nodes[n].inputs[0]))
        plan_.kinds[n] = Kind::in_float;
  }

  bool wants(std::size_t n) const {
    if (plan_.kinds[n] != Kind::absorbed) return eight_bits(n);
    return std::ranges::any_of(view_.users(graph_.nodes[n].outputs[0]),
                               [&](const Use& use) { return eight_bits(use.node); });
  }

  void tap(const std::string& value, int axis, const Bounds& bounds) {
    const auto [at, added] = known_.emplace(value, plan_.taps.size());
    if (added) plan_.taps.push_back({value, axis, std::nullopt, std::nullopt});
    Tap& made = plan_.taps[at->second];
    if (axis != 1) made.channel_axis = axis;
    if (bounds.least > -std::numeric_limits<float>::infinity()) made.least = bounds.least;
    if (bounds.greatest < std::numeric_limits<float>::infinity()) made.greatest = bounds.greatest;
  }

  void collect() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Kind kind = plan_.kinds[n];
      if (kind == Kind::in_float || kind == Kind::absorbed) continue;
      const Node& node = graph_.nodes[n];
      const int axis = is(node, "Gemm") || is(node, "MatMul") ? -1 : 1;
      for (const std::string& value : activations_of(view_, node)) tap(value, axis, {});
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        const std::string& made = i == 0 ? result_of(view_, plan_, n) : node.outputs[i];
        Bounds bounds;
        if (made != node.outputs[i]) bounds = *bounds_of(view_, graph_.nodes[*view_.maker(made)]);
        tap(made, 1, bounds);
      }
    }
  }

  const Graph& graph_;
  View view_;
  const Options& options_;
  Plan plan_;
  std::unordered_map<std::string, std::size_t> known_;
};

}  // namespace

std::size_t Plan::count(Kind kind) const { return std::size_t(std::ranges::count(kinds, kind)); }

std::vector<std::string> activations_of(const View& view, const Node& node) {
  std::vector<std::string> values;
  const bool first_only = among(node, {"Conv", "Gemm"}) || moves(view, node);
  for (const std::string& input : node.inputs) {
    if (input.empty() || view.constant(input) != nullptr) continue;
    values.push_back(input);
    if (first_only) break;
  }
  return values;
}

const std::string& result_of(const View& view, const Plan& plan, std::size_t node) {
  const std::string& made = view.graph().nodes[node].outputs[0];
  const auto users = view.users(made);
  if (users.size() == 1 && plan.kinds[users[0].node] == Kind::absorbed)
    return view.graph().nodes[users[0].node].outputs[0];
  return made;
}

Result<Plan> make_plan(const Graph& prepared, const Options& options) {
  Plan plan = Planner(prepared, options).make();
  if (plan.count(Kind::weighted) == 0)
    return fail(Code::invalid_input,
                "there is nothing to quantise: no convolution or matrix product with constant weights of float32" +
                    std::string(options.heads == Heads::in_float ? " beside the heads, which are to stay in float" : ""));
  return plan;
}

}  // namespace selvedge::engine::quantise
