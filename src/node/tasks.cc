#include "node/tasks.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/task/task.h"
#include "crypto/crypto.h"
#include "node/tasks_state.h"
#include "node/task_preparing.h"
#include "os/file_at.h"
#include "os/process.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr std::uint64_t most_saved = 64 << 20;
constexpr base::Duration most_check = std::chrono::minutes(10);
// A wall clock before this was not set since the machine has none of its own.
constexpr base::Time long_ago{1'735'689'600'000'000'000};        // 2025

// What is in a group of one's own is ended at a start. Nodes of one name may share a machine, and a node gets another name
// when it joins: the place of its state is what tells nodes apart.
std::string group_of(const std::string& state) {
  const crypto::Digest digest = crypto::sha256(base::as_bytes(state));
  return "selvedge-" + base::to_hex(base::BytesView(digest).first(4));
}

}  // namespace

Tasks::State::State(os::World& w, TasksConfig c, store::TwinStore& t, Fetcher& fetcher, store::ArtifactStore& artifact_store,
                    TaskArtifactsHost trust, Ingest& i, base::Registry& metrics, TasksHost h)
    : world(w), config(std::move(c)), twins(t), ingest(i), host(std::move(h)),
      artifacts(fetcher, artifact_store, std::move(trust)), supervisor({}, static_cast<std::uint32_t>(w.random_u64())),
      boot(os::machine().boot) {
  place.root = config.state + "/tasks";
  place.state = os::absolute_path(config.state);
  place.absolute = place.state + "/tasks";
  place.group = group_of(place.state);
  if (!config.secrets.empty()) place.secrets = os::absolute_path(config.secrets);
  place.user = config.user;
  place.without_sandbox = config.without_sandbox;
  net::http::ClientLimits limits;
  limits.timeout = most_check;
  limits.body_bytes = 64 << 10;
  client = std::make_unique<net::http::Client>(world, limits, nullptr);
  standby = std::make_unique<TaskStandby>(world, artifacts, [this] {
    if (site != nullptr) site->look_again();
  });
  make_metrics(metrics);
}

Tasks::State::~State() {
  for (const os::TimerId one : {timer, stop_timer, report_timer, beat_timer}) world.loop().cancel(one);
  if (watch != 0) twins.unwatch(watch);
}

void Tasks::State::make_metrics(base::Registry& metrics) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t engine::TaskSupervisorStats::* which) {
    metrics.counter_from(name, help, [this, which] { return static_cast<double>(supervisor.stats().*which); });
  };
  using S = engine::TaskSupervisorStats;
  counter("selvedge_task_starts_total", "Runs of tasks that were started.", &S::starts);
  counter("selvedge_task_exits_total", "Runs of tasks that ended.", &S::exits);
  counter("selvedge_task_failures_total", "Ends and troubles that counted as failures.", &S::failures);
  counter("selvedge_task_killed_total", "Runs that did not end when they were asked to.", &S::killed);
  counter("selvedge_task_adopted_total", "Runs that were taken over when the program started.", &S::adopted);
  counter("selvedge_task_interrupted_total", "Runs that were cut off by a crash of program or machine.", &S::interrupted);
  counter("selvedge_task_refused_total", "Wishes for tasks that could not be read, or were too many.", &S::refused);
  metrics.gauge_from("selvedge_tasks", "Tasks wished for here.", [this] { return static_cast<double>(wished.size()); });
  metrics.gauge_from("selvedge_task_runs", "Tasks that run.", [this] { return static_cast<double>(runs.size()); });
  readings_stored = &metrics.counter("selvedge_task_readings_total", "Readings that tasks wrote.");
  readings_refused = &metrics.counter("selvedge_task_readings_refused_total", "Lines of tasks whose readings were not stored.");
  metrics.counter_from("selvedge_task_unread_total", "Lines that tasks which run were to be fed and did not read.", [this] {
    std::uint64_t sum = unread_before;
    for (const auto& [key, run] : runs) sum += run->unread();
    return static_cast<double>(sum);
  });
}

Tasks::Tasks(std::shared_ptr<State> state) : state_(std::move(state)) {}
Tasks::~Tasks() = default;

Result<std::unique_ptr<Tasks>> Tasks::open(os::World& world, TasksConfig config, store::TwinStore& twins, Fetcher& fetcher,
                                           store::ArtifactStore& artifacts, TaskArtifactsHost trust, Ingest& ingest,
                                           base::Registry& metrics, TasksHost host) {
  auto state = std::make_shared<State>(world, std::move(config), twins, fetcher, artifacts, std::move(trust), ingest, metrics,
                                       std::move(host));
  // Where there is no sandbox the user of tasks passes through it.
  const auto own = TRY(world.directory(state->config.state, true));
  state->dir = TRY(own->public_subdir("tasks"));
  TRY(own->sync());
  const auto bytes = os::read_file(*state->dir, supervisor_file, most_saved);
  if (!bytes && bytes.error().code != base::Code::not_found) return std::unexpected(bytes.error());
  if (bytes)
    if (const auto loaded = state->supervisor.load(*bytes); !loaded)
      base::log::warn("tasks", "begins without its saved state", {{"why", loaded.error()}});
  return std::unique_ptr<Tasks>(new Tasks(std::move(state)));
}

void Tasks::start() {
  State& s = *state_;
  if (s.phase != State::Phase::idle) return s.read_wishes_soon();
  s.phase = State::Phase::adopting;
  s.place.node = s.host.node();
  auto files = read_run_files(s.world, s.place.root);
  if (!files) base::log::error("tasks", "cannot look for what runs", {{"why", files.error()}});
  s.adopt_all(files ? std::move(*files) : std::vector<TaskRunFile>());
}

void Tasks::State::adopt_all(std::vector<TaskRunFile> files) {
  to_adopt = files.size() + 1;
  for (TaskRunFile& file : files) {
    const RunKey key{file.name, file.run};
    auto log = log_of(file.name, file.task.log);
    auto run = std::make_shared<TaskRun>(world, place, std::move(file), std::move(log), lane(key.first), *this);
    runs.emplace(key, run);
    run->adopt();
  }
  adopted_one();
}

// When it is known of each what became of it, what nobody knows is ended, and then it begins.
void Tasks::State::adopted_one() {
  if (phase != Phase::adopting || --to_adopt > 0) return;
  std::vector<std::string> kept;
  for (const auto& [key, run] : runs) kept.push_back(key.first);
  world.end_leftovers(place.group, std::move(kept), [weak = weak_from_this()](const std::vector<std::string>& ended) {
    const auto self = weak.lock();
    if (!self || self->phase != Phase::adopting) return;
    for (const std::string& name : ended) base::log::warn("tasks", "ended what an earlier run left", {{"task", name}});
    self->begin();
  });
}

void Tasks::State::begin() {
  phase = Phase::running;
  watch = twins.watch([this](const store::TwinEvent& event) {
    if (event.id != id()) return;
    if (event.change != nullptr && event.change->difference.find("desiredProperties") == std::string::npos) return;
    read_wishes_soon();
  });
  read_wishes();
  std::map<std::string, std::uint64_t> places;
  for (const auto& [key, run] : runs) places[key.first] = run->file().preparation;
  for (auto& [key, one] : std::exchange(found, {})) feed(std::move(one));
  engine::TaskBegin begins;
  begins.boot = boot;
  begins.wall = world.loop().wall_now() >= long_ago ? engine::TaskBegin::Wall::trusted : engine::TaskBegin::Wall::doubtful;
  feed(std::move(begins));
  // What is on disk and belongs to nothing.
  std::set<std::string> known;
  supervisor.each([&](const std::string& name, const model::TaskStatus& status) {
    known.insert(name);
    reports[name] = status;
  });
  const auto names = task_names(world, place.root);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const std::uint64_t kept = places.contains(name) ? places[name] : 0;
    const bool all = !known.contains(name) && kept == 0;
    // Preparations that began just now have their jobs behind this one.
    world.loop().work(
        lane(name),
        [&w = world, root = place.root, name, kept, all] {
          base::ignore(all ? remove_task_folder(w, root, name) : remove_places(w, root, name, kept), "tried at the next start");
        },
        [] {});
  }
  if (const engine::Twin* twin = twins.find(id()))
    twin->each([&](model::TwinPart part, std::string_view path, std::string_view, model::Stamp) {
      if (part != model::TwinPart::reported || !path.starts_with("/tasks/")) return;
      path.remove_prefix(7);
      std::string name(path.substr(0, path.find('/')));
      if (!name.starts_with('_') && !known.contains(name)) reports.emplace(std::move(name), std::nullopt);
    });
  report_soon();
  check_heard();
  beat();
  check_site();
}

void Tasks::stop(std::function<void()> done) {
  State& s = *state_;
  s.phase = State::Phase::stopped;
  for (os::TimerId* one : {&s.timer, &s.report_timer, &s.beat_timer}) s.world.loop().cancel(std::exchange(*one, os::TimerId::none));
  s.logs.clear();
  if (!s.config.stop_with_node) s.leave_runs();
  s.site = nullptr;
  s.stop_runs(std::move(done));
}

std::string Tasks::summary_json() const {
  std::map<model::TaskState, std::uint64_t> count;
  state_->supervisor.each([&](const std::string&, const model::TaskStatus& status) { ++count[status.state]; });
  base::JsonWriter json;
  json.begin_object();
  for (const auto state : {model::TaskState::waiting, model::TaskState::starting, model::TaskState::running,
                           model::TaskState::stopping, model::TaskState::done, model::TaskState::failed, model::TaskState::stopped})
    json.field(codec::task::name(state), count[state]);
  return json.end_object().take();
}

}  // namespace selvedge::node
