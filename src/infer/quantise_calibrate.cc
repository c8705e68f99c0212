#include "infer/quantise_calibrate.h"

#include <algorithm>

#include "engine/quantise/taps.h"
#include "infer/quantise_parallel.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
using engine::quantise::Plan;
using engine::quantise::Statistics;
using engine::quantise::Tap;

namespace {

// Values of one run that are kept at once.
constexpr std::size_t most_bytes = std::size_t{192} << 20;
constexpr std::size_t probed_at_once = 48;

struct Part {
  std::vector<std::size_t> taps;
  std::unique_ptr<Session> session;
};

class Calibrator {
 public:
  Calibrator(Runtime& runtime, const codec::onnx::Graph& graph, const Plan& plan, const Samples& samples,
             const QuantiseOptions& options)
      : runtime_(runtime), graph_(graph), plan_(plan), samples_(samples), options_(options),
        workers_(std::size_t(std::max(1, options.threads)), SeenValues(plan.taps.size())) {}

  Result<SeenValues> run(Histograms histograms) {
    find_inputs();
    TRY(divide());
    TRY(pass("look at values", [&](Statistics& statistics, const Tensor& tensor, const Tap& tap) -> Result<void> {
      if (!statistics.see(tensor.floats(), tensor.shape, tap.channel_axis))
        return fail(Code::invalid_input, "value '" + tap.value + "' is not finite, or too large to be squared");
      return {};
    }));
    SeenValues seen = workers_[0];
    for (std::size_t w = 1; w < workers_.size(); ++w)
      for (std::size_t t = 0; t < seen.size(); ++t) seen[t].merge_seen(workers_[w][t]);
    if (histograms == Histograms::no) return seen;
    for (SeenValues& worker : workers_) worker = seen;
    TRY(pass("count values", [](Statistics& statistics, const Tensor& tensor, const Tap&) -> Result<void> {
      statistics.count(tensor.floats());
      return {};
    }));
    for (const SeenValues& worker : workers_)
      for (std::size_t t = 0; t < seen.size(); ++t) seen[t].merge_counted(worker[t]);
    return seen;
  }

 private:
  using Look = std::function<Result<void>(Statistics&, const Tensor&, const Tap&)>;

  void find_inputs() {
    for (std::size_t t = 0; t < plan_.taps.size(); ++t)
      for (std::size_t i = 0; i < graph_.inputs.size(); ++i)
        if (graph_.inputs[i].name == plan_.taps[t].value) inputs_.push_back({t, i});
  }

  bool is_input(std::size_t tap) const {
    return std::ranges::any_of(inputs_, [&](const auto& one) { return one.first == tap; });
  }

  Result<std::unique_ptr<Session>> load(const std::vector<std::size_t>& taps) const {
    std::vector<std::string> names;
    for (const std::size_t t : taps) names.push_back(plan_.taps[t].value);
    // The values alone: what the model itself puts out would be copied for nothing, and may be among them.
    codec::onnx::Graph graph = graph_;
    graph.outputs.clear();
    return base::while_doing("load the model with its inner values", runtime_.load(engine::quantise::with_taps(graph, names)));
  }

  // Into parts whose values fit into memory, by what they take for the first sample.
  Result<void> divide() {
    const Sample sample = TRY(samples_.load(0));
    std::vector<std::size_t> all;
    for (std::size_t t = 0; t < plan_.taps.size(); ++t)
      if (!is_input(t)) all.push_back(t);
    std::size_t bytes = most_bytes;
    for (std::size_t start = 0; start < all.size(); start += probed_at_once) {
      const auto end = all.begin() + std::ptrdiff_t(std::min(start + probed_at_once, all.size()));
      const std::vector<std::size_t> some(all.begin() + std::ptrdiff_t(start), end);
      const auto session = TRY(load(some));
      const auto values = TRY(session->run(sample.views()));
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (values[i].type != ElementType::float32)
          return fail(Code::invalid_input, "value '" + plan_.taps[some[i]].value + "' is not float32");
        if (bytes + values[i].data.size() > most_bytes) parts_.emplace_back(), bytes = 0;
        parts_.back().taps.push_back(some[i]);
        bytes += values[i].data.size();
      }
    }
    for (Part& part : parts_) part.session = TRY(load(part.taps));
    return {};
  }

  Result<void> pass(const std::string& step, const Look& look) {
    return for_each_sample(samples_.size(), options_, step, [&](std::size_t worker, std::size_t index) -> Result<void> {
      const Sample sample = TRY(samples_.load(index));
      SeenValues& seen = workers_[worker];
      for (const auto& [tap, input] : inputs_) TRY(look(seen[tap], sample.inputs[input], plan_.taps[tap]));
      for (const Part& part : parts_) {
        const auto values = TRY(part.session->run(sample.views()));
        for (std::size_t i = 0; i < part.taps.size(); ++i)
          TRY(look(seen[part.taps[i]], values[i], plan_.taps[part.taps[i]]));
      }
      return {};
    });
  }

  Runtime& runtime_;
  const codec::onnx::Graph& graph_;
  const Plan& plan_;
  const Samples& samples_;
  const QuantiseOptions& options_;
  std::vector<SeenValues> workers_;
  std::vector<std::pair<std::size_t, std::size_t>> inputs_;   // taps that are inputs of the model
  std::vector<Part> parts_;
};

}  // namespace

Result<SeenValues> calibrate(Runtime& runtime, const codec::onnx::Graph& prepared, const Plan& plan,
                             const Samples& samples, Histograms histograms, const QuantiseOptions& options) {
  return Calibrator(runtime, prepared, plan, samples, options).run(histograms);
}

}  // namespace selvedge::infer
