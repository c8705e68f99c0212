#include "base/log.h"
#include "os/process.h"
#include "serving/models_state.h"

namespace selvedge::serving {

using base::Result;

namespace {

constexpr std::uint32_t load_lane = 0x4D00;        // one load at a time: measuring memory needs that

// What a model of so many bytes takes once it is loaded: its weights, the form in which the runtime
// multiplies them, and values between operators. Measured afterwards, where that can be.
std::uint64_t estimate(const infer::ModelPackage& package) {
  return 3 * static_cast<std::uint64_t>(package.model.size()) + (std::uint64_t{4} << 20);
}

std::string text_of(const ModelKey& key) { return "model " + key.name + " version " + std::to_string(key.version); }

}  // namespace

ModelLoader runtime_loader(std::string library, std::shared_ptr<RuntimeStatus> status) {
  ModelLoader loader;
  loader.read = [](base::BytesView package) { return infer::read_package(package); };
  loader.make = [library = std::move(library), status](
                    const infer::ModelPackage& package,
                    const infer::SessionOptions& options) -> Result<std::shared_ptr<const infer::Pipeline>> {
    const auto runtime = infer::Runtime::open(library);
    if (!runtime) {
      *status = {RuntimeStatus::State::absent, "", "", runtime.error().message};
      return std::unexpected(runtime.error());
    }
    *status = {RuntimeStatus::State::available, (*runtime)->version(), (*runtime)->path(), ""};
    return TRY(infer::Pipeline::make(**runtime, package, options));
  };
  return loader;
}

void Models::State::operator()(const engine::ReadVersion& out) {
  const auto at = versions.find(out.key);
  CHECK(at != versions.end());
  struct Job {
    std::function<Result<base::Bytes>()> bytes;
    Result<std::shared_ptr<infer::ModelPackage>> package;
  };
  const auto job = std::make_shared<Job>(Job{at->second.request.package, nullptr});
  at->second.began = loop.now();
  loop.work(
      load_lane,
      [job, read = loader.read] {
        job->package = [&]() -> Result<std::shared_ptr<infer::ModelPackage>> {
          const base::Bytes bytes = TRY(job->bytes());
          return std::make_shared<infer::ModelPackage>(TRY(base::while_doing("read package", read(bytes))));
        }();
        job->bytes = nullptr;
      },
      [weak = weak_from_this(), job, key = out.key] {
        const auto self = weak.lock();
        if (!self) return;
        const auto version = self->versions.find(key);
        if (version == self->versions.end()) return;
        if (!job->package)
          return self->step(engine::VersionRead{
              key, 0, base::Error(job->package.error()).while_doing("load " + text_of(key))});
        version->second.package = *job->package;
        version->second.estimate = estimate(**job->package);
        self->step(engine::VersionRead{key, version->second.estimate, std::nullopt});
      });
}

void Models::State::operator()(const engine::MakeVersion& out) {
  const auto at = versions.find(out.key);
  CHECK(at != versions.end());
  struct Job {
    std::shared_ptr<infer::ModelPackage> package;
    infer::SessionOptions options;
    Result<std::shared_ptr<const infer::Pipeline>> pipeline;
    std::uint64_t least = 0, most = 0, memory = 0;
    RuntimeStatus runtime = {};
  };
  const auto job = std::make_shared<Job>(Job{std::move(at->second.package), {}, nullptr});
  job->options.cache = at->second.request.secret ? "" : config.cache;
  job->least = job->package->model.size();
  job->most = at->second.estimate;
  loop.work(
      load_lane,
      [job, make = loader.make, there = runtime_there] {
        const std::uint64_t before = os::resident_memory();
        job->pipeline = [&]() -> Result<std::shared_ptr<const infer::Pipeline>> {
          auto pipeline = TRY(make(*job->package, job->options));
          TRY(infer::check_golden(*pipeline, *job->package));
          return pipeline;
        }();
        job->package.reset();
        job->runtime = *there;
        const std::uint64_t after = os::resident_memory();
        // Others allocate meanwhile too: what was measured counts within what can be.
        job->memory = std::clamp(after > before ? after - before : 0, job->least, job->most);
      },
      [weak = weak_from_this(), job, key = out.key] {
        const auto self = weak.lock();
        if (!self) return;
        self->runtime = job->runtime;
        const auto version = self->versions.find(key);
        if (version == self->versions.end()) return;
        if (!job->pipeline)
          return self->step(engine::VersionMade{
              key, 0, base::Error(job->pipeline.error()).while_doing("load " + text_of(key))});
        version->second.pipeline = std::move(*job->pipeline);
        version->second.load_time = self->loop.now() - version->second.began;
        self->step(engine::VersionMade{key, job->memory, std::nullopt});
      });
}

void Models::State::operator()(const engine::LoadEnded& out) {
  const auto at = versions.find(out.key);
  if (at != versions.end() && at->second.began != base::Instant{}) {
    const base::Duration took = loop.now() - at->second.began;
    at->second.began = {};
    instruments.loaded(!out.failed, took);
    if (out.failed)
      base::log::warn("models", "not loaded", {{"model", out.key.name}, {"version", out.key.version}, {"why", *out.failed}});
    else
      base::log::info("models", "serving", {{"model", out.key.name}, {"version", out.key.version}, {"after", took}});
  }
  auto& waiting = loads[out.key];
  if (!waiting.empty()) {
    later([done = std::move(waiting.front()), failed = out.failed] {
      done(failed ? Result<void>(std::unexpected(*failed)) : Result<void>());
    });
    waiting.pop_front();
  }
  if (waiting.empty()) loads.erase(out.key);
}

void Models::State::operator()(const engine::VersionGone& out) {
  auto gone = versions.extract(out.key);
  if (!gone.empty() && gone.mapped().pipeline) let_go(std::move(gone.mapped().pipeline));
}

void Models::State::operator()(const engine::UnloadEnded& out) {
  const auto at = unloads.find(out.key);
  if (at == unloads.end()) return;
  later(std::move(at->second.front()));
  at->second.pop_front();
  if (at->second.empty()) unloads.erase(at);
}

// Taking a model apart takes milliseconds, and so does giving its memory back.
void Models::State::let_go(std::shared_ptr<const infer::Pipeline> pipeline) {
  loop.work(
      load_lane,
      [held = std::make_shared<std::shared_ptr<const infer::Pipeline>>(std::move(pipeline))] {
        held->reset();
        os::release_free_memory();
      },
      [] {});
}

void Models::load(LoadRequest request, Loaded done) {
  State& s = *state_;
  const ModelKey key = request.key;
  s.loads[key].push_back(std::move(done));
  // One that is under way or serves keeps what it was loaded from.
  s.versions.try_emplace(key, State::Version{.request = std::move(request)});
  s.step(engine::LoadVersion{key});
}

void Models::unload(const ModelKey& key, std::function<void()> done) {
  State& s = *state_;
  s.unloads[key].push_back(std::move(done));
  s.step(engine::UnloadVersion{key});
}

}  // namespace selvedge::serving
