#include "node/anomaly_models.h"

#include <span>
#include <utility>

#include "infer/series_model.h"

namespace selvedge::node {

using base::Result;

namespace {

Result<double> score(const infer::Pipeline& pipeline, double threshold, std::span<const double> window) {
  // The pipeline lives as long as the job that was given it.
  const auto model = TRY(infer::SeriesModel::make(std::shared_ptr<const infer::Pipeline>(std::shared_ptr<void>(), &pipeline)));
  if (model.window() > window.size())
    return base::fail(base::Code::invalid_input, "the model wants " + std::to_string(model.window()) +
                                                     " values, and window is " + std::to_string(window.size()));
  const double said = TRY(model.score(window.last(model.window())));
  return model.threshold() > 0 ? said / model.threshold() * threshold : said;
}

}  // namespace

Anomalies::Ask asking(serving::Models& models) {
  return [&models](const std::string& model, std::uint64_t version, double threshold, std::vector<double> window,
                   std::function<void(Result<double>)> answer) {
    const auto said = std::make_shared<double>(0);
    serving::Models::Work work;
    work.model = model;
    work.version = version;
    work.job = [said, threshold, window = std::move(window)](const infer::Pipeline& pipeline,
                                                             const serving::ModelKey&) -> Result<infer::Timings> {
      const std::int64_t begin = serving::monotonic_ns();
      *said = TRY(score(pipeline, threshold, window));
      infer::Timings timings;
      timings.infer = serving::monotonic_ns() - begin;
      return timings;
    };
    models.run(std::move(work), [said, answer = std::move(answer)](Result<serving::Ran> ran) {
      if (!ran) return answer(std::unexpected(ran.error()));
      answer(*said);
    });
  };
}

}  // namespace selvedge::node
