// One picture of a camera: whether something moved, the model, what is reported.

#include <algorithm>
#include <utility>

#include "camera/camera_state.h"
#include "camera/movement_gate.h"
#include "serving/inference_call.h"

namespace selvedge::camera {

using base::Code;
using base::Error;
using base::Result;
using serving::ModelKey;
using serving::Models;

Result<ModelKey> Camera::State::model() const {
  auto key = models.resolve(options.model, options.version);
  if (key || key.error().code != Code::not_found) return key;
  const std::string version = options.version == 0 ? "" : " version " + std::to_string(options.version);
  return base::fail(Code::not_found, "model " + options.model + version + " is not on this node");
}

// Called last in what the loop called.
void Camera::State::tell_gone(Current& current) {
  if (const Told who = std::exchange(current.told, nullptr)) who(gone_outcome());
}

void Camera::State::begin(Current current) {
  looking = true;
  // Nobody would look at it: it need not be decoded.
  if (const auto key = model(); !key) return without_model(current, key.error());
  if (!gate) return ask(current, options.region);
  struct Job {
    Current current;
    Result<std::optional<engine::Region>> where;
  };
  const auto job = std::make_shared<Job>(std::move(current), std::nullopt);
  const auto crop = options.crop_to_motion ? MovementGate::Crop::to_motion : MovementGate::Crop::none;
  loop.work(
      lane_of(options.name),
      [job, its = gate, now = loop.now(), crop] { job->where = its->step(*job->current.file, now, crop); },
      [weak = weak_from_this(), job] {
        if (const auto self = weak.lock()) self->moved(job->current, job->where);
        else tell_gone(job->current);
      });
}

void Camera::State::moved(Current& current, const Result<std::optional<engine::Region>>& where) {
  // Damage is the picture's, as it is where the model decodes it.
  if (!where) return failed(current, {Code::invalid_input, where.error().message});
  if (*where) return ask(current, **where);
  if (!gone) count(&CameraStatus::still, metrics.still);
  tell(std::move(current.told), {.what = Outcome::What::still, .why = {}, .model = {}, .answer = {}});
  done();
}

void Camera::State::ask(Current& current, const engine::Region& region) {
  if (gone) return tell_gone(current);
  struct Seen {
    Current current;
    infer::RunOptions options;
    std::shared_ptr<infer::Answer> answer = std::make_shared<infer::Answer>();
  };
  const auto asked = std::make_shared<Seen>(std::move(current), infer::RunOptions{region, options.threshold});
  Models::Work work{options.model, options.version, Models::WhenFull::drop_oldest,
                    [asked](const infer::Pipeline& pipeline, const ModelKey&) -> Result<infer::Timings> {
                      *asked->answer = TRY(serving::look_at(pipeline, *asked->current.file, asked->options));
                      return asked->answer->timings;
                    }};
  models.run(std::move(work), [weak = weak_from_this(), asked](const Result<serving::Ran>& ran) {
    const auto self = weak.lock();
    if (!self) tell_gone(asked->current);
    else if (ran) self->looked(asked->current, ran->key, asked->answer);
    else self->refused(asked->current, ran.error());
  });
}

void Camera::State::looked(Current& current, ModelKey key, std::shared_ptr<const infer::Answer> answer) {
  tell(std::move(current.told), {.what = Outcome::What::looked_at, .why = {}, .model = key, .answer = answer});
  if (gone) return;
  count(&CameraStatus::looked_at, metrics.looked_at);
  metrics.delay->observe(static_cast<double>(loop.now().ns - current.came.ns) * 1e-9);
  seen.last = current.taken;
  last = Last{current.file, current.taken, key, answer};
  Look look{current.taken, key, *answer, {}};
  // A mask has nothing to count.
  if (!answer->ranked.empty()) look.report = counts.step(answer->ranked, current.taken);
  else if (!answer->mask) look.report = counts.step(answer->detections, current.taken);
  if (report) report(look);
  tell_watchers();
  done();
}

void Camera::State::without_model(Current& current, const Error& why) {
  tell(std::move(current.told), {.what = Outcome::What::without_model, .why = why, .model = {}, .answer = {}});
  if (gone) return;
  count(&CameraStatus::without_model, metrics.without_model);
  if (missing.pass(loop.now()))
    base::log::warn("camera", "pictures are dropped: the model does not serve",
                    {{"camera", options.name}, {"why", why}, {"also", missing.take_suppressed()}});
  done();
}

// The model did not look: it went meanwhile, had something newer to do, or failed.
void Camera::State::refused(Current& current, const Error& why) {
  if (why.code == Code::not_found || why.code == Code::unavailable) return without_model(current, why);
  if (why.code != Code::exhausted) return failed(current, why);
  if (!gone) count(&CameraStatus::dropped, metrics.dropped);
  tell(std::move(current.told), {.what = Outcome::What::dropped, .why = why, .model = {}, .answer = {}});
  done();
}

void Camera::State::failed(Current& current, const Error& why) {
  tell(std::move(current.told), {.what = Outcome::What::failed, .why = why, .model = {}, .answer = {}});
  if (gone) return;
  count(&CameraStatus::failed, metrics.failed);
  seen.last_error = why.message;
  if (failures.pass(loop.now()))
    base::log::warn("camera", "picture not looked at",
                    {{"camera", options.name}, {"why", why}, {"also", failures.take_suppressed()}});
  done();
}

void Camera::State::done() {
  looking = false;
  // Those that follow may be many: each has its own step of the loop.
  if (!gone) loop.defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->next();
  });
}

}  // namespace selvedge::camera
