#include "infer/quantise.h"

#include <algorithm>

#include "engine/quantise/prepare.h"
#include "engine/quantise/prune.h"
#include "engine/quantise/quantise.h"
#include "infer/quantise_calibrate.h"
#include "infer/quantise_judge.h"
#include "infer/quantise_report.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
using engine::quantise::Options;
using engine::quantise::Plan;
using engine::quantise::RangeRule;

namespace {

constexpr std::size_t most_judged = 128, most_compared = 48;   // views: at the end; for each candidate
constexpr int timed_rounds = 15;
constexpr std::size_t least_judged = 2;            // files

class ModelQuantiser {
 public:
  ModelQuantiser(Runtime& runtime, const ModelPackage& package, const QuantiseOptions& options)
      : runtime_(runtime), package_(package), options_(options) {}

  Result<Quantised> run() {
    TRY(load());
    TRY(gather());
    TRY(look());
    TRY(choose());
    TRY(judge());
    describe();
    find_shortfalls(options_.limits, report_);
    Quantised made{package_, {}, {}};
    made.package.model = std::move(best_model_);
    made.file = TRY(pack(made.package));
    report_.packed = made.file.size();
    made.report = std::move(report_);
    return made;
  }

 private:
  Result<void> load() {
    // First, for the runtime refuses nodes that lack what their operators need; the rest relies on that.
    float_ = TRY(base::while_doing("load the float model", runtime_.load(package_.model)));
    graph_ = TRY(engine::quantise::prepare(TRY(codec::onnx::read(package_.model))));
    const Task task = package_.description.task;
    if (task != Task::tensors && task != Task::series)
      plan_ = TRY(plan_picture(package_.description, *float_, package_.model));
    return {};
  }

  const PicturePlan* pictures() const { return plan_ ? &*plan_ : nullptr; }

  Result<void> gather() {
    const SampleRules rules{options_.views, options_.most_samples};
    calibration_ = TRY(Samples::open(options_.calibrate, pictures(), float_->inputs(), rules));
    const std::size_t found = calibration_->files();
    report_.notes = calibration_->left_out();
    if (options_.judge.empty()) {
      judging_ = calibration_->split();
    } else {
      judging_ = TRY(Samples::open(options_.judge, pictures(), float_->inputs(), rules));
      for (const std::string& one : judging_->left_out()) report_.notes.push_back(one);
    }
    report_.calibrated = calibration_->files();
    report_.calibrated_views = calibration_->size();
    report_.judged = judging_->files();
    const std::string what = plan_ ? " pictures" : " files of numbers";
    const std::string why = report_.notes.empty() ? "" : "; left out: " + report_.notes.front() +
                            (report_.notes.size() > 1 ? " and " + std::to_string(report_.notes.size() - 1) + " more" : "");
    if (calibration_->files() < options_.least_samples)
      return fail(Code::invalid_input, "calibrate with " + options_.calibrate + ": at least " + std::to_string(options_.least_samples) +
                                           " different" + what + " are needed" + (options_.judge.empty() ? " beside as many to judge with" : "") +
                                           ", there are " + std::to_string(found) + why);
    if (judging_->files() < least_judged)
      return fail(Code::invalid_input, "judge with " + (options_.judge.empty() ? options_.calibrate : options_.judge) + ": at least " +
                                           std::to_string(least_judged) + " different" + what + " are needed, there are " +
                                           std::to_string(judging_->files()) + why);
    return {};
  }

  // What values are seen to be; channels that never change go, and the rest is looked at again.
  Result<void> look() {
    what_ = TRY(engine::quantise::make_plan(graph_, options_.numbers));
    const bool may_prune = options_.prune;
    const auto histograms = [&](bool wanted) { return wanted ? Histograms::yes : Histograms::no; };
    const bool counted = options_.range != RangeRule::extremes;
    seen_ = TRY(calibrate(runtime_, graph_, what_, *calibration_, histograms(counted && !may_prune), options_));
    TRY(check_useful());
    if (!may_prune) return {};
    auto pruned = engine::quantise::prune(graph_, what_, seen_);
    report_.pruned = pruned.channels;
    graph_ = std::move(pruned.graph);
    what_ = TRY(engine::quantise::make_plan(graph_, options_.numbers));
    seen_ = TRY(calibrate(runtime_, graph_, what_, *calibration_, histograms(counted), options_));
    return {};
  }

  // Data in which most values stand still says nothing of what they can be.
  Result<void> check_useful() const {
    std::size_t still = 0;
    for (const auto& seen : seen_) still += seen.greatest() - seen.least() <= 0 ? 1 : 0;
    if (still * 2 > seen_.size())
      return fail(Code::invalid_input, "calibrate with " + options_.calibrate + ": " + std::to_string(still) + " of " +
                                           std::to_string(seen_.size()) + " values of the model never change on this data");
    return {};
  }

  Result<void> choose() {
    std::vector<RangeRule> rules{RangeRule::extremes, RangeRule::percentile, RangeRule::least_error};
    if (options_.range) rules = {*options_.range};
    std::optional<Judge> judge;
    if (rules.size() > 1)
      judge = TRY(Judge::make(*float_, package_.description, pictures(), *calibration_, most_compared, options_));
    for (const RangeRule rule : rules) {
      Options numbers = options_.numbers;
      numbers.range = rule;
      auto made = TRY(engine::quantise::quantise(graph_, what_, seen_, numbers));
      base::Bytes model = codec::onnx::write(made.graph);
      auto session = TRY(base::while_doing("load the quantised model", runtime_.load(model)));
      float distance = 0;
      if (judge) {
        distance = TRY(judge->compare(*session, "try ranges by " + std::string(name_of(rule)))).distance;
        report_.candidates.push_back({std::string(name_of(rule)), distance});
      }
      if (best_ && distance >= best_distance_) continue;
      best_ = std::move(session);
      best_distance_ = distance;
      best_model_ = std::move(model);
      made.graph = {};
      made_ = std::move(made);
      report_.range = name_of(rule);
    }
    return {};
  }

  Result<void> judge() {
    const Judge judge = TRY(Judge::make(*float_, package_.description, pictures(), *judging_, most_judged, options_));
    report_.judged_views = judge.samples();
    report_.agreement = TRY(judge.compare(*best_, "judge"));
    if (options_.progress) options_.progress({"measure speed", 0, 1});
    const Speed speed = TRY(compare_speed(*float_, *best_, TRY(judging_->load(0)), timed_rounds));
    report_.milliseconds_float = speed.milliseconds_float;
    report_.milliseconds = speed.milliseconds;
    if (options_.progress) options_.progress({"measure speed", 1, 1});
    return {};
  }

  Result<base::Bytes> pack(const ModelPackage& package) const {
    if (options_.progress) options_.progress({"pack", 0, 1});
    auto file = write_package(package, codec::Packing::smallest);
    if (options_.progress) options_.progress({"pack", 1, 1});
    return file;
  }

  void describe() {
    report_.bytes_float = package_.model.size();
    report_.bytes = best_model_.size();
    report_.target = name_of(options_.numbers.target);
    report_.layers = made_.layers;
    report_.others = made_.others;
    report_.in_float = made_.in_float;
    report_.channels = made_.channels;
    report_.guarded = made_.guarded;
    report_.empty = made_.empty;
    report_.saturated = made_.saturated;
    for (const auto& head : made_.heads) report_.heads.push_back({head.value, head.least, head.greatest, head.step});
  }

  Runtime& runtime_;
  const ModelPackage& package_;
  const QuantiseOptions& options_;
  QuantiseReport report_;
  codec::onnx::Graph graph_;                       // prepared, then pruned
  std::unique_ptr<Session> float_, best_;
  std::optional<PicturePlan> plan_;                // of a model that sees pictures
  std::optional<Samples> calibration_, judging_;
  Plan what_;
  SeenValues seen_;
  float best_distance_ = 0;
  base::Bytes best_model_;
  engine::quantise::Quantised made_;
};

}  // namespace

Result<Quantised> quantise_model(Runtime& runtime, const ModelPackage& package, const QuantiseOptions& options) {
  return base::while_doing("quantise model " + package.description.name, ModelQuantiser(runtime, package, options).run());
}

}  // namespace selvedge::infer
