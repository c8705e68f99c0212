#include "serving/models.h"

#include <algorithm>
#include <chrono>

#include "serving/models_state.h"

namespace selvedge::serving {

using base::Code;
using base::Result;

namespace {

constexpr std::uint32_t worker_lane = 0x4D01;      // and those above, one a worker
constexpr std::size_t most_workers = 64;

engine::ServingLimits limits_of(const ModelsConfig& config) {
  return {.memory = config.memory,
          .queue = config.queue,
          .workers = std::clamp<std::size_t>(config.workers, 1, most_workers)};
}

}  // namespace

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Models::State::State(os::Loop& l, ModelsConfig c, base::Registry& registry, ModelLoader how)
    : loop(l), config(std::move(c)), loader(std::move(how)), serving(limits_of(config)), instruments(registry) {
  if (!loader.make) loader = runtime_loader(config.runtime, runtime_there);
}

void Models::State::make_metrics(base::Registry& registry) {
  const std::weak_ptr<State> weak = weak_from_this();
  const auto gauge = [&](const char* name, const char* help, auto read) {
    registry.gauge_from(name, help, [weak, read] {
      const auto self = weak.lock();
      return self ? static_cast<double>(read(*self)) : 0.0;
    });
  };
  gauge("selvedge_inference_queue_length", "Requests that wait for a worker.",
        [](const State& s) { return s.serving.waiting(); });
  gauge("selvedge_model_memory_bytes", "Of all models that are loaded, as estimated.",
        [](const State& s) { return s.serving.memory(); });
  gauge("selvedge_models_serving", "Versions of models that answer requests.", [](const State& s) {
    return std::ranges::count_if(s.serving.list(), [](const engine::ServingStatus& status) {
      return status.state == ModelState::serving;
    });
  });
}

void Models::State::step(const engine::ServingInput& input) {
  std::vector<engine::ServingOutput> outputs;
  serving.step(input, loop.now(), outputs);
  for (const engine::ServingOutput& output : outputs) std::visit(*this, output);
}

void Models::State::later(std::function<void()> what) {
  loop.defer([weak = weak_from_this(), what = std::move(what)] {
    if (weak.lock()) what();
  });
}

void Models::State::operator()(const engine::RunRequest& out) {
  struct Job {
    Pending pending;
    std::shared_ptr<const infer::Pipeline> pipeline;
    Result<infer::Timings> outcome;
  };
  auto at = pending.extract(out.request);
  const auto version = versions.find(out.key);
  CHECK(!at.empty() && version != versions.end() && version->second.pipeline);
  const auto job = std::make_shared<Job>(Job{std::move(at.mapped()), version->second.pipeline, {}});
  loop.work(
      worker_lane + static_cast<std::uint32_t>(out.worker),
      [job, key = out.key] {
        job->outcome = job->pending.job(*job->pipeline, key);
        job->pending.job = nullptr;                // what it holds goes on this thread
        job->pipeline.reset();
      },
      [weak = weak_from_this(), job, out] {
        const auto self = weak.lock();
        if (!self) return;
        ModelInstruments& seen = self->instruments.of(job->pending.model);
        seen.requests->add();
        if (job->outcome) seen.observe(out.waited, *job->outcome);
        else seen.failures->add();
        self->step(engine::RequestDone{out.request, !job->outcome});
        if (!job->outcome) return job->pending.done(std::unexpected(job->outcome.error()));
        job->pending.done(Ran{out.key, *job->outcome, out.waited});
      });
}

void Models::State::operator()(const engine::RefuseRequest& out) {
  auto at = pending.extract(out.request);
  CHECK(!at.empty());
  ModelInstruments* seen = nullptr;
  // A name that nobody gave a model gets no instruments: strangers may ask for any.
  if (out.why.code != Code::not_found) seen = &instruments.of(at.mapped().model);
  if (seen != nullptr) (out.dropped ? seen->dropped : seen->refused)->add();
  later([done = std::move(at.mapped().done), why = out.why] { done(std::unexpected(why)); });
}

// ---- from outside ----

Models::Models(os::Loop& loop, ModelsConfig config, base::Registry& metrics)
    : Models(loop, std::move(config), metrics, {}) {}

Models::Models(os::Loop& loop, ModelsConfig config, base::Registry& metrics, ModelLoader loader)
    : state_(std::make_shared<State>(loop, std::move(config), metrics, std::move(loader))) {
  state_->make_metrics(metrics);
  loop.add_workers(static_cast<unsigned>(state_->serving.limits().workers));
}

Models::~Models() = default;

void Models::run(Work work, std::function<void(Result<Ran>)> done) {
  State& s = *state_;
  const std::uint64_t request = ++s.last_request;
  const engine::AskVersion ask{request, work.model, work.version, work.when_full};
  s.pending.emplace(request, State::Pending{std::move(work.model), std::move(work.job), std::move(done)});
  s.step(ask);
}

void Models::look(Picture picture, Answered done) {
  struct Seen {
    Picture picture;
    infer::Answer answer;
  };
  const auto seen = std::make_shared<Seen>(Seen{std::move(picture), {}});
  Work work{seen->picture.model, seen->picture.version, seen->picture.when_full,
            [seen](const infer::Pipeline& pipeline, const ModelKey&) -> Result<infer::Timings> {
              seen->answer = TRY(pipeline.run(seen->picture.file, seen->picture.options));
              return seen->answer.timings;
            }};
  run(std::move(work), [seen, done = std::move(done)](const Result<Ran>& ran) {
    if (!ran) return done(std::unexpected(ran.error()));
    done(std::move(seen->answer));
  });
}

void Models::compute(std::string model, std::uint64_t version, std::vector<infer::Tensor> inputs, Computed done) {
  struct Numbers {
    std::vector<infer::Tensor> in, out;
  };
  const auto numbers = std::make_shared<Numbers>(Numbers{std::move(inputs), {}});
  Work work{std::move(model), version, WhenFull::refuse,
            [numbers](const infer::Pipeline& pipeline, const ModelKey&) -> Result<infer::Timings> {
              std::vector<infer::TensorView> views;
              for (const infer::Tensor& tensor : numbers->in) views.push_back(tensor.view());
              const std::int64_t began = monotonic_ns();
              numbers->out = TRY(pipeline.session().run(views));
              return infer::Timings{.infer = monotonic_ns() - began};
            }};
  run(std::move(work), [numbers, done = std::move(done)](const Result<Ran>& ran) {
    if (!ran) return done(std::unexpected(ran.error()));
    done(std::move(numbers->out));
  });
}

Result<ModelKey> Models::resolve(std::string_view name, std::uint64_t version) const {
  return state_->serving.resolve(name, version);
}

Result<std::shared_ptr<const infer::Pipeline>> Models::find(std::string_view name, std::uint64_t version) const {
  return state_->versions.at(TRY(resolve(name, version))).pipeline;
}

std::vector<ModelStatus> Models::list() const {
  std::vector<ModelStatus> all;
  for (const engine::ServingStatus& status : state_->serving.list()) {
    ModelStatus one{.key = status.key,
                    .state = status.state,
                    .reason = status.failed ? status.failed->message : "",
                    .memory = status.memory,
                    .requests = status.requests,
                    .failures = status.failures,
                    .waiting = status.waiting,
                    .running = status.running};
    if (const auto at = state_->versions.find(status.key); at != state_->versions.end()) {
      one.load_time = at->second.load_time;
      one.secret = at->second.request.secret;
    }
    all.push_back(std::move(one));
  }
  return all;
}

RuntimeStatus Models::runtime() const { return state_->runtime; }
std::uint64_t Models::memory() const { return state_->serving.memory(); }
const ModelsConfig& Models::config() const { return state_->config; }

}  // namespace selvedge::serving
