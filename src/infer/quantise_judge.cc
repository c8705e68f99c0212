#include "infer/quantise_judge.h"

#include <time.h>

#include <algorithm>
#include <cmath>

#include "infer/picture_finish.h"
#include "infer/quantise_parallel.h"

namespace selvedge::infer {

using base::Result;

namespace {

double cpu_milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

}  // namespace

Result<Judge> Judge::make(const Session& reference, const Description& description, const PicturePlan* plan,
                          const Samples& samples, std::size_t most, const QuantiseOptions& options) {
  Judge judge(reference, description, plan, samples, options);
  const std::size_t count = std::min(most, samples.size());
  for (std::size_t i = 0; i < count; ++i) judge.chosen_.push_back(i * samples.size() / count);
  judge.said_ = TRY(judge.ask(reference, "ask the float model"));
  return judge;
}

Result<std::vector<Said>> Judge::ask(const Session& session, const std::string& step) const {
  std::vector<Said> all(chosen_.size());
  // What there is to rank beyond the best: a class that fell back is still found.
  Description description = *description_;
  description.rank.most = std::max<std::size_t>(description.rank.most, 100);
  description.rank.threshold = 0;
  TRY(for_each_sample(chosen_.size(), *options_, step, [&](std::size_t, std::size_t index) -> Result<void> {
    const Sample sample = TRY(samples_->load(chosen_[index]));
    Said& said = all[index];
    said.outputs = TRY(session.run(sample.views()));
    if (plan_ == nullptr) return {};
    auto finisher = TRY(Finisher::make(description, *plan_));
    const std::optional<float> threshold =
        description.task == Task::detection ? std::optional(AgreementCounter::least_score) : std::nullopt;
    return finisher.run(said.outputs, threshold, sample.seen, sample.within, said.answer);
  }));
  return all;
}

Result<Agreement> Judge::compare(const Session& other, const std::string& step) const {
  const std::vector<Said> said = TRY(ask(other, step));
  AgreementCounter counter(description_->task);
  for (std::size_t i = 0; i < said.size(); ++i) counter.add(said_[i], said[i], reference_->outputs());
  return counter.result();
}

Result<Speed> compare_speed(const Session& reference, const Session& other, const Sample& sample, int rounds) {
  Speed best{HUGE_VAL, HUGE_VAL};
  const std::vector<TensorView> inputs = sample.views();
  for (int round = 0; round < rounds; ++round)
    for (const auto& [session, time] : {std::pair{&reference, &best.milliseconds_float}, std::pair{&other, &best.milliseconds}}) {
      const double before = cpu_milliseconds();
      TRY(session->run(inputs));
      *time = std::min(*time, cpu_milliseconds() - before);
    }
  return best;
}

}  // namespace selvedge::infer
