#include "node/reconciler.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/log.h"
#include "model/twin.h"
#include "node/reconciler_state.h"
#include "base/json_pointer.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr std::string_view file_name = "reconcile";
constexpr std::uint64_t file_limit = 64 << 20;
constexpr std::uint32_t file_lane = 0x5304;
constexpr base::Duration save_again = std::chrono::seconds(5);
constexpr std::string_view retry_leaf = "/reconcile/retry";

}  // namespace

Result<base::Bytes> read_reconcile_file(os::World& world, std::string_view state) {
  const auto dir = TRY(world.directory(state, false));
  return os::read_file(*dir, file_name, file_limit);
}

std::map<std::string, std::string> good_wishes(base::BytesView saved, std::string_view kind) {
  std::map<std::string, std::string> good;
  engine::Reconcile reader({}, {}, 0);
  if (!reader.load(saved)) return good;
  reader.each_good([&](const engine::ItemKey& key, std::string_view value) {
    if (key.kind == kind) good.emplace(key.name, value);
  });
  return good;
}

Reconciler::State::State(os::World& w, store::TwinStore& t,
                         std::vector<std::unique_ptr<ReconcileKind>> k, base::Registry& metrics)
    : world(w), twins(t), kinds(std::move(k)) {
  std::vector<engine::KindRule> rules;
  for (const auto& one : kinds) rules.push_back(one->rule());
  engine = std::make_unique<engine::Reconcile>(std::move(rules), engine::ReconcileLimits{},
                                               static_cast<std::uint32_t>(world.random_u64()));
  const auto counter = [&](const char* metric, const char* help, auto read) {
    metrics.counter_from(metric, help,
                         [this, read] { return static_cast<double>(read(engine->stats())); });
  };
  using S = const engine::ReconcileStats&;
  counter("selvedge_reconcile_actions_total", "Actions started.", [](S s) { return s.started; });
  counter("selvedge_reconcile_failures_total", "Actions that failed.", [](S s) { return s.failed; });
  counter("selvedge_reconcile_cancelled_total", "Actions ended for a newer wish or for want of progress.",
          [](S s) { return s.cancelled; });
  counter("selvedge_reconcile_refused_total", "Wishes beyond the bounds.", [](S s) { return s.refused; });
  metrics.gauge_from("selvedge_reconcile_items", "Things wished for.",
                     [this] { return static_cast<double>(engine->stats().items); });
}

Reconciler::State::~State() {
  world.loop().cancel(timer);
  world.loop().cancel(report_timer);
  if (watch != 0) twins.unwatch(watch);
}

ReconcileKind* Reconciler::State::kind(std::string_view name) const {
  for (const auto& one : kinds)
    if (one->rule().kind == name) return one.get();
  return nullptr;
}

// ---- wishes ----

void Reconciler::State::read_wishes_soon() {
  if (std::exchange(read_planned, true)) return;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->read_planned = false;
    self->read_wishes();
  });
}

void Reconciler::State::read_wishes() {
  const engine::Twin* twin = twins.find(id);
  const std::uint64_t revision = ++readings;
  for (const auto& one : kinds) {
    const std::string name = one->rule().kind;
    std::set<std::string> now;
    if (twin != nullptr)
      one->wished(*twin, [&](std::string item, std::string value) {
        now.insert(item);
        feed(engine::Wished{{name, std::move(item)}, std::move(value), revision, {}});
      });
    for (const std::string& before : wished[name])
      if (!now.contains(before)) feed(engine::Wished{{name, before}, std::nullopt, revision, {}});
    wished[name] = std::move(now);
  }
  if (twin == nullptr) return;
  const std::string retry(twin->leaf(model::TwinPart::desired, retry_leaf));
  if (retry.empty() || retry == twin->leaf(model::TwinPart::reported, retry_leaf) || retry == retried)
    return;
  retried = retry;
  feed(engine::Retry{{}, engine::Retry::Which::rested_too});
  leaves["reconcile"].push_back({"/retry", retry});
  report_soon();
}

// ---- driving ----

void Reconciler::State::feed(engine::ReconcileInput input) {
  inputs.push_back(std::move(input));
  drain();
}

void Reconciler::State::drain() {
  if (draining) return;
  draining = true;
  const auto self = shared_from_this();
  while (!inputs.empty()) {
    const engine::ReconcileInput input = std::move(inputs.front());
    inputs.pop_front();
    engine::ReconcileOutputs out;
    engine->step(input, world.loop().now(), out);
    carry_out(std::move(out));
  }
  draining = false;
  arm();
}

void Reconciler::State::carry_out(engine::ReconcileOutputs out) {
  for (engine::ItemReport& report : out.reports) {
    reports[report.key] = std::move(report);
    report_soon();
  }
  for (const engine::CancelAction& cancel : out.cancels) {
    const auto is_it = [&](const engine::StartAction& s) { return s.action == cancel.action; };
    const auto waiting = std::erase_if(held_back, is_it) + std::erase_if(next_held_back, is_it);
    if (waiting > 0) {
      engine::Finished end{cancel.key, cancel.action, engine::Finished::Outcome::cancelled, {}};
      inputs.push_back(std::move(end));
    } else if (ReconcileKind* one = kind(cancel.key.kind)) {
      one->cancel(cancel);
    }
  }
  if (out.save_first) {
    for (engine::StartAction& start : out.starts) next_held_back.push_back(std::move(start));
    out.starts.clear();
  }
  if (out.save) save();
  for (const engine::StartAction& start : out.starts) start_action(start);
}

void Reconciler::State::start_action(const engine::StartAction& start) {
  ReconcileKind* const one = kind(start.key.kind);
  one->start(start, [weak = weak_from_this(), key = start.key, action = start.action](ActionEnd end) {
    if (const auto self = weak.lock())
      self->feed(engine::Finished{key, action, end.outcome, std::move(end.reason), end.left});
  });
}

void Reconciler::State::progressed(const engine::ItemKey& key, std::uint64_t action) {
  feed(engine::Progressed{key, action});
  engine->each([&](const engine::ItemReport& report) {
    if (report.key == key) reports[key] = report;
  });
  report_soon();
}

// What runs, and what the twin says of an earlier run: if that is no longer wished it is undone.
void Reconciler::State::observe(const ReconcileKind& one) {
  std::map<std::string, std::string> there;
  const std::string prefix = "/" + base::pointer_token(one.feature());
  if (const engine::Twin* twin = twins.find(id))
    twin->each([&](model::TwinPart part, std::string_view path, std::string_view, model::Stamp) {
      if (part != model::TwinPart::reported || !path.starts_with(prefix + "/")) return;
      std::string name = one.item_of(path.substr(prefix.size()));
      if (!name.empty()) there.emplace(std::move(name), "");
    });
  one.running([&](std::string name, std::string value) { there[std::move(name)] = std::move(value); });
  for (auto& [name, value] : there)
    feed(engine::Observed{{one.rule().kind, name}, std::move(value)});
}

void Reconciler::State::arm() {
  const auto wake = engine->wake_at();
  if (timer != os::TimerId::none && wake && *wake == timer_at) return;
  world.loop().cancel(std::exchange(timer, os::TimerId::none));
  if (!wake) return;
  timer_at = *wake;
  timer = world.loop().after(std::max(*wake - world.loop().now(), base::Duration(0)), [this] {
    timer = os::TimerId::none;
    feed(engine::Tick{});
  });
}

// ---- what survives ----

void Reconciler::State::save() {
  if (saving) {
    dirty = true;
    return;
  }
  saving = true;
  dirty = false;
  held_back = std::exchange(next_held_back, {});
  auto bytes = std::make_shared<base::Bytes>();
  engine->save(*bytes);
  auto outcome = std::make_shared<Result<void>>();
  world.loop().work(
      file_lane, [dir = dir, bytes, outcome] { *outcome = os::write_file(*dir, file_name, *bytes); },
      [weak = weak_from_this(), outcome] {
        if (const auto self = weak.lock()) self->saved(*outcome);
      });
}

void Reconciler::State::saved(const Result<void>& outcome) {
  saving = false;
  if (!outcome) {
    base::log::warn("reconcile", "cannot save how far it is", {{"why", outcome.error()}});
    // What waits for it goes on waiting.
    for (engine::StartAction& start : held_back) next_held_back.push_back(std::move(start));
    held_back.clear();
    world.loop().after(save_again, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->save();
    });
    return;
  }
  const auto starts = std::exchange(held_back, {});
  for (const engine::StartAction& start : starts) start_action(start);
  if (dirty || !next_held_back.empty()) save();
}

// ---- from outside ----

Reconciler::Reconciler(std::shared_ptr<State> state) : state_(std::move(state)) {}
Reconciler::~Reconciler() = default;

Result<std::unique_ptr<Reconciler>> Reconciler::open(
    os::World& world, std::string_view state, store::TwinStore& twins,
    std::vector<std::unique_ptr<ReconcileKind>> kinds, base::Registry& metrics) {
  auto made = std::make_shared<State>(world, twins, std::move(kinds), metrics);
  made->dir = TRY(world.directory(state, true));
  const auto bytes = read_reconcile_file(world, state);
  if (!bytes && bytes.error().code != base::Code::not_found) return std::unexpected(bytes.error());
  if (bytes) {
    if (const auto loaded = made->engine->load(*bytes); !loaded)
      base::log::warn("reconcile", "begins without its saved state", {{"why", loaded.error()}});
  }
  return std::unique_ptr<Reconciler>(new Reconciler(std::move(made)));
}

void Reconciler::start(std::string node) {
  State& s = *state_;
  const bool first = s.id.empty();
  s.id = model::twin_id(node, model::node_twin_name);
  if (first) {
    for (const auto& one : s.kinds) {
      one->on_progress([weak = s.weak_from_this(), kind = one->rule().kind](const std::string& name,
                                                                            std::uint64_t action) {
        if (const auto self = weak.lock()) self->progressed({kind, name}, action);
      });
      s.observe(*one);
    }
    s.watch = s.twins.watch([this](const store::TwinEvent& event) {
      if (event.id == state_->id) state_->read_wishes_soon();
    });
  }
  s.read_wishes();
  if (first) s.feed(engine::Begin{});
}

void Reconciler::hurry() {
  if (!state_->id.empty()) state_->feed(engine::Retry{{}, engine::Retry::Which::waiting});
}

void Reconciler::retry() {
  if (!state_->id.empty()) state_->feed(engine::Retry{{}, engine::Retry::Which::rested_too});
}

bool Reconciler::settled() const {
  const State& s = *state_;
  return s.inputs.empty() && !s.saving && !s.dirty && !s.read_planned && s.reports.empty() &&
         s.leaves.empty() && s.engine->stats().in_flight == 0 && !s.engine->wake_at();
}

std::string Reconciler::items_json() const {
  base::JsonWriter json;
  json.begin_array();
  state_->engine->each([&](const engine::ItemReport& report) {
    json.begin_object()
        .field("kind", report.key.kind)
        .field("name", report.key.name)
        .field("state", engine::name(report.state))
        .field("reason", report.reason)
        .field("attempts", static_cast<std::uint64_t>(report.attempts))
        .end_object();
  });
  return json.end_array().take();
}

}  // namespace selvedge::node
