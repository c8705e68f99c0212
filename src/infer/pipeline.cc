#include "infer/pipeline.h"

#include <chrono>
#include <cmath>
#include <mutex>

#include "engine/vision/placement.h"
#include "infer/picture_finish.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace {

// Says how long each step took.
class Stopwatch {
 public:
  std::int64_t lap() {
    const auto now = std::chrono::steady_clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    last_ = now;
    return took;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// What one frame needs for itself.
struct Worker {
  engine::Preparer preparer;
  Finisher finisher;
  base::Bytes tensor;
};

class PicturePipeline final : public Pipeline {
 public:
  PicturePipeline(const Description& description, std::unique_ptr<Session> session, PicturePlan plan)
      : description_(description), session_(std::move(session)), plan_(std::move(plan)) {}

  const Description& description() const override { return description_; }
  const Session& session() const override { return *session_; }

  Result<Answer> run(base::BytesView file, const RunOptions& options) const override;
  Result<Answer> run(const codec::Image& image, const RunOptions& options) const override;
  Result<void> warm_up() const;

 private:
  Result<void> look(const codec::Image& image, const RunOptions& options, const Region& region, Answer& into) const;
  Result<std::unique_ptr<Worker>> take_worker() const;
  void give_back(std::unique_ptr<Worker> worker) const;

  const Description description_;
  const std::unique_ptr<Session> session_;
  const PicturePlan plan_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Worker>> idle_;
};

Result<std::unique_ptr<Worker>> PicturePipeline::take_worker() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto worker = std::move(idle_.back());
      idle_.pop_back();
      return worker;
    }
  }
  auto preparer = TRY(engine::Preparer::make(plan_.rule, plan_.element));
  auto finisher = TRY(Finisher::make(description_, plan_));
  base::Bytes tensor(preparer.bytes());
  return std::make_unique<Worker>(std::move(preparer), std::move(finisher), std::move(tensor));
}

void PicturePipeline::give_back(std::unique_ptr<Worker> worker) const {
  constexpr std::size_t most_idle = 8;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(worker));
}

Result<void> PicturePipeline::look(const codec::Image& image, const RunOptions& options, const Region& region,
                                   Answer& into) const {
  Stopwatch watch;
  auto worker = TRY(take_worker());
  const Region seen = TRY(worker->preparer.run(image, region, worker->tensor));
  into.timings.prepare = watch.lap();
  const auto outputs = TRY(session_->run(std::array{TensorView{plan_.type, plan_.shape, worker->tensor}}));
  into.timings.infer = watch.lap();
  TRY(worker->finisher.run(outputs, options.threshold, seen, region, into));
  into.timings.finish = watch.lap();
  give_back(std::move(worker));
  return {};
}

// At least so many pixels of the file that the region has as many as the model looks at.
int least(int model, float from, float to) { return static_cast<int>(std::ceil(static_cast<float>(model) / (to - from))); }

Result<Answer> PicturePipeline::run(base::BytesView file, const RunOptions& options) const {
  Stopwatch watch;
  // The size is not known yet; any region that has one pixel of the largest picture is a region.
  constexpr int largest = 16'384;
  const Region region = TRY(engine::region_within(options.region, largest, largest));
  codec::DecodeOptions decode;
  decode.least_width = least(plan_.rule.width, region.left, region.right);
  decode.least_height = least(plan_.rule.height, region.top, region.bottom);
  const codec::Decoded decoded = TRY(codec::decode(file, decode));
  Answer answer;
  answer.width = decoded.file_width;
  answer.height = decoded.file_height;
  answer.timings.decode = watch.lap();
  TRY(look(decoded.image, options, TRY(engine::region_within(options.region, answer.width, answer.height)), answer));
  return answer;
}

Result<Answer> PicturePipeline::run(const codec::Image& image, const RunOptions& options) const {
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != std::size_t(image.width) * std::size_t(image.height) * 3)
    return fail(Code::invalid_input, "the picture has not as many pixels as its size says");
  Answer answer;
  answer.width = image.width;
  answer.height = image.height;
  TRY(look(image, options, TRY(engine::region_within(options.region, image.width, image.height)), answer));
  return answer;
}

Result<void> PicturePipeline::warm_up() const {
  constexpr std::uint8_t grey = 128;
  codec::Image image{plan_.rule.width, plan_.rule.height, {}};
  image.pixels.assign(std::size_t(image.width) * std::size_t(image.height) * 3, grey);
  TRY(run(image, {}));
  return {};
}

// A model that is run on numbers alone.
class TensorPipeline final : public Pipeline {
 public:
  TensorPipeline(const Description& description, std::unique_ptr<Session> session)
      : description_(description), session_(std::move(session)) {}

  const Description& description() const override { return description_; }
  const Session& session() const override { return *session_; }
  Result<Answer> run(base::BytesView, const RunOptions&) const override { return refuse(); }
  Result<Answer> run(const codec::Image&, const RunOptions&) const override { return refuse(); }
  Result<void> warm_up() const;

 private:
  Result<Answer> refuse() const {
    return fail(Code::invalid_input, "model " + description_.name + " takes no pictures");
  }

  const Description description_;
  const std::unique_ptr<Session> session_;
};

// On zeros, where the model says how many.
Result<void> TensorPipeline::warm_up() const {
  constexpr std::size_t most = std::size_t{64} << 20;
  std::vector<base::Bytes> zeros;
  std::vector<TensorView> inputs;
  for (const ValueInfo& input : session_->inputs()) {
    const auto elements = codec::onnx::elements_of(input.shape, most);
    if (!elements) return {};
    zeros.emplace_back(*elements * codec::onnx::bytes_of(input.type));
    inputs.push_back({input.type, input.shape, zeros.back()});
  }
  TRY(session_->run(inputs));
  return {};
}

template <typename Made>
Result<std::shared_ptr<Pipeline>> warmed_up(std::shared_ptr<Made> made) {
  TRY(base::while_doing("warm up", made->warm_up()));
  return made;
}

}  // namespace

Result<std::shared_ptr<Pipeline>> Pipeline::make(Runtime& runtime, const ModelPackage& package,
                                                 const SessionOptions& options) {
  const Description& description = package.description;
  const std::string step = "load model " + description.name;
  auto session = TRY(base::while_doing(step, runtime.load(package.model, options)));
  if (description.task == Task::tensors || description.task == Task::series)
    return base::while_doing(step, warmed_up(std::make_shared<TensorPipeline>(description, std::move(session))));
  auto plan = TRY(base::while_doing(step, plan_picture(description, *session, package.model)));
  // Only to say what does not fit before anything is run.
  TRY(base::while_doing(step, Finisher::make(description, plan)));
  return base::while_doing(
      step, warmed_up(std::make_shared<PicturePipeline>(description, std::move(session), std::move(plan))));
}

}  // namespace selvedge::infer
