#include "camera/camera.h"

#include <algorithm>
#include <utility>

#include "camera/camera_state.h"
#include "camera/movement_gate.h"

namespace selvedge::camera {

using base::Code;

namespace {

constexpr std::uint32_t first_lane = 0x4E00, lanes = 4;
constexpr base::Duration model_look = std::chrono::seconds(1);

}  // namespace

std::uint32_t lane_of(const std::string& camera) {
  return first_lane + static_cast<std::uint32_t>(std::hash<std::string>{}(camera) % lanes);
}

Outcome gone_outcome() {
  return {.what = Outcome::What::gone, .why = {Code::unavailable, "the camera is gone"}, .model = {}, .answer = {}};
}

std::string_view name(Outcome::What what) {
  switch (what) {
    case Outcome::What::looked_at: return "looked-at";
    case Outcome::What::still: return "still";
    case Outcome::What::dropped: return "dropped";
    case Outcome::What::failed: return "failed";
    case Outcome::What::without_model: return "without-model";
    case Outcome::What::gone: return "gone";
  }
  return "";
}

Camera::State::State(os::World& world, serving::Models& m, base::Registry& registry, CameraOptions o, Report r)
    : loop(world.loop()), models(m), options(std::move(o)), report(std::move(r)), metrics(registry, options.name),
      queue(options.queue, options.interval), counts(options.counts) {
  if (options.motion) gate = std::make_shared<MovementGate>(*options.motion, options.region);
}

void Camera::State::count(std::uint64_t CameraStatus::*which, base::Counter* metric) {
  ++(seen.*which);
  metric->add();
}

void Camera::State::tell(Told who, Outcome outcome) {
  if (!who) return;
  loop.defer([who = std::move(who), outcome = std::move(outcome)] { who(outcome); });
}

void Camera::State::picture(engine::CameraFrame frame, Told who) {
  count(&CameraStatus::pictures, metrics.pictures);
  told.push_back(std::move(who));
  if (queue.offer(std::move(frame)) > 0) {
    count(&CameraStatus::dropped, metrics.dropped);
    tell(std::move(told.front()), {.what = Outcome::What::dropped,
                                   .why = {Code::exhausted, "camera " + options.name + ": dropped for a newer picture"},
                                   .model = {},
                                   .answer = {}});
    told.pop_front();
  }
  next();
}

void Camera::State::next() {
  while (!gone && !looking) {
    const auto due = queue.due();
    if (!due) return;
    const base::Instant now = loop.now();
    if (now < *due) {
      if (due_timer != os::TimerId::none) return;
      due_timer = loop.after(base::Duration(due->ns - now.ns), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->gone) return;
        self->due_timer = os::TimerId::none;
        self->next();
      });
      return;
    }
    engine::CameraFrame frame = *queue.take(now);
    Current current{std::make_shared<const base::Bytes>(std::move(frame.file)), frame.taken, frame.came,
                    std::move(told.front())};
    told.pop_front();
    offer_room();
    begin(std::move(current));
  }
}

bool Camera::State::full() {
  const bool missing_model = !model();
  if (missing_model && source) watch_model();
  const bool is_full = missing_model || queue.full();
  source_waits = source_waits || is_full;
  return is_full;
}

// Later in this turn: a source may hand over its next picture within room().
void Camera::State::offer_room() {
  if (!source_waits || room_offered || !source) return;
  room_offered = true;
  loop.defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->gone) return;
    self->room_offered = false;
    if (!self->source || self->queue.full()) return;   // it is offered again when one is taken
    if (!self->model()) return self->watch_model();
    self->source_waits = false;
    self->source->room();
  });
}

void Camera::State::watch_model() {
  if (model_timer != os::TimerId::none) return;
  model_timer = loop.after(model_look, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->gone) return;
    self->model_timer = os::TimerId::none;
    if (!self->model()) return self->watch_model();
    self->offer_room();
  });
}

void Camera::State::tell_watchers_later() {
  loop.cancel(std::exchange(watch_timer, os::TimerId::none));
  if (gone || watchers.empty()) return;
  watch_timer = loop.after(alive, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->gone) return;
    self->watch_timer = os::TimerId::none;
    self->tell_watchers();
  });
}

void Camera::State::tell_watchers() {
  std::erase_if(watchers, [](const auto& one) { return one.expired(); });
  for (const auto& one : std::vector(watchers)) {
    const auto watcher = one.lock();
    if (watcher && watcher->told && !gone) watcher->told();
  }
  tell_watchers_later();
}

void Camera::State::end() {
  gone = true;
  loop.cancel(due_timer);
  loop.cancel(model_timer);
  loop.cancel(watch_timer);
  source.reset();
  for (Told& who : told) tell(std::move(who), gone_outcome());
  told.clear();
  // Not within the destructor: they may look for the camera by its name.
  for (const auto& one : std::exchange(watchers, {}))
    loop.defer([one] {
      const auto watcher = one.lock();
      if (watcher && watcher->gone) watcher->gone();
    });
}

// ---- from outside ----

Camera::Camera(os::World& world, serving::Models& models, base::Registry& metrics, CameraOptions options, Report report)
    : state_(std::make_shared<State>(world, models, metrics, std::move(options), std::move(report))) {}

Camera::~Camera() { state_->end(); }

void Camera::take_from(std::string kind, std::unique_ptr<Source> source) {
  state_->source_kind = std::move(kind);
  state_->source = std::move(source);
  if (state_->source) state_->source->start();
}

void Camera::picture(base::Bytes file, base::Time taken) {
  state_->picture({std::move(file), taken, state_->loop.now()}, nullptr);
}

void Camera::sent(base::Bytes file, Told told) {
  state_->picture({std::move(file), state_->loop.wall_now(), state_->loop.now()}, std::move(told));
}

bool Camera::full() const { return state_->full(); }

const std::string& Camera::name() const { return state_->options.name; }

CameraStatus Camera::status() const {
  CameraStatus status = state_->seen;
  status.name = state_->options.name;
  status.model = state_->options.model;
  status.source_kind = state_->source_kind;
  if (const auto key = state_->model(); !key) status.waiting_for = key.error().message;
  if (state_->source) {
    status.source = state_->source->status();
  } else if (status.pictures > 0) {
    status.source.state = SourceStatus::State::receiving;
    status.source.pictures = status.pictures;
  }
  return status;
}

std::optional<Camera::Last> Camera::last() const { return state_->last; }

Camera::Watching Camera::watch(std::function<void()> told, std::function<void()> gone) {
  std::erase_if(state_->watchers, [](const auto& one) { return one.expired(); });
  const auto watcher = std::make_shared<State::Watcher>(std::move(told), std::move(gone));
  state_->watchers.push_back(watcher);
  if (state_->watch_timer == os::TimerId::none) state_->tell_watchers_later();
  return watcher;
}

void Camera::drawn(DrawnTold told) { state_->draw(std::move(told)); }

}  // namespace selvedge::camera
