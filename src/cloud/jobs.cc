#include "cloud/jobs.h"

#include <algorithm>

#include "base/log.h"
#include "cloud/jobs_state.h"

namespace selvedge::cloud {

using base::Result;
using engine::AskPlace;
using engine::MemberKey;

namespace {

constexpr base::Duration retry_after = std::chrono::seconds(1);
// A turn that does not come to an end by itself goes on in the next one; what was placed so far is written meanwhile.
constexpr int most_rounds = 1'000;
constexpr std::size_t most_answers = 1'000;        // a few milliseconds
// How much of a replay of recent asks is done at once (some microseconds each), and how often.
constexpr std::uint32_t replayed_at_once = 500;
constexpr base::Duration between_replays = std::chrono::milliseconds(50);

}  // namespace

Jobs::Jobs(std::shared_ptr<State> state) : state_(std::move(state)) {}
Jobs::~Jobs() = default;

Result<std::unique_ptr<Jobs>> Jobs::open(os::World& world, const std::string& path, store::TwinStore& twins,
                                         JobsSettings settings, base::Registry& metrics) {
  auto state = std::make_shared<State>(world, twins, std::move(settings), metrics);
  TRY(base::while_doing("open jobs", state->restore(path)));
  state->plan_turn();
  return std::unique_ptr<Jobs>(new Jobs(std::move(state)));
}

void Jobs::node_connected(std::string_view node) {
  const auto known = state_->nodes.find(node);
  if (known != state_->nodes.end() && known->second.connected) return;
  state_->nodes[std::string(node)].connected = true;
  state_->changed_nodes.emplace(node);
  state_->heard_nodes.emplace(node);
  state_->plan_turn();
}

void Jobs::node_left(std::string_view node) {
  const auto known = state_->nodes.find(node);
  if (known == state_->nodes.end() || !known->second.connected) return;
  known->second.connected = false;
  state_->changed_nodes.emplace(node);
  state_->plan_turn();
}

void Jobs::close(std::function<void()> done) { state_->file->commit(std::move(done)); }

Jobs::State::State(os::World& w, store::TwinStore& t, JobsSettings s, base::Registry& metrics)
    : world(w), twins(t), settings(std::move(s)), book(settings.limits), places(settings.places) {
  make_metrics(metrics);
  watch = twins.watch([this](const store::TwinEvent& event) { changed(event); });
}

Jobs::State::~State() {
  twins.unwatch(watch);
  world.loop().cancel(wake_timer);
  world.loop().cancel(retry_timer);
  world.loop().cancel(learn_timer);
}

void Jobs::State::plan_turn() {
  if (std::exchange(turn_planned, true)) return;
  world.loop().defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->turn();
  });
}

Result<void> Jobs::State::step(const engine::JobInput& input) {
  return book.step(input, world.loop().now(), out);
}

void Jobs::State::turn() {
  turn_planned = false;
  take_nodes();
  take_reports();
  for (const engine::MemberDisplaced& one : std::exchange(displaced, {}))
    base::ignore(step(one), "a member that is not there any more needs no room");
  settle();
  deliver();
  arm();
  learn_soon();
}

void Jobs::State::learn_soon() {
  if (learn_timer != os::TimerId::none || !places.has_to_learn()) return;
  learn_timer = world.loop().after(between_replays, [this] {
    learn_timer = os::TimerId::none;
    if (places.learn(replayed_at_once))
      base::log::info("jobs", "another rule places tasks", {{"rule", engine::name(places.rule())}});
    learn_soon();
  });
}

void Jobs::State::settle() {
  const base::Instant now = world.loop().now();
  book.settle(now, out);
  std::size_t answered = 0;
  for (int round = 0; round < most_rounds; ++round) {
    for (AskPlace& ask : std::exchange(out.asks, {})) asks.add(std::move(ask));
    if (!out.released.empty()) {
      free_rooms();
    } else {
      for (engine::HoldPlace& one : std::exchange(out.held, {}))
        places.hold({one.member, one.node, one.tenant, std::move(one.group)});
      if (asks.empty()) return;
      if (answered >= most_answers) break;
      while (!asks.empty() && answered < most_answers) {
        const AskPlace ask = asks.take([this](const std::string& tenant) { return places.share(tenant); });
        answered += ask.members.size();
        answer(ask);
      }
    }
    book.settle(now, out);
  }
  plan_turn();
}

void Jobs::State::free_rooms() {
  for (const engine::ReleasePlace& one : std::exchange(out.released, {})) {
    places.release(one.member, one.node);
    for (auto at = displacing.begin(); at != displacing.end();) {
      at->second.erase(one.member);
      at = at->second.empty() ? displacing.erase(at) : std::next(at);
    }
  }
  refused.clear();
  base::ignore(step(engine::RoomAppeared{}), "it is always taken");
}

void Jobs::State::answer(const AskPlace& ask) {
  places.saw(ask);
  const std::pair group{ask.members.front().job, ask.group.name};
  const auto known = ask.not_on.empty() ? refused.find(group) : refused.end();
  Result<std::vector<std::string>> found =
      known == refused.end() ? places.place(ask) : base::fail(base::Code::exhausted, known->second);
  if (found) {
    placed_total->add(ask.members.size());
    for (std::size_t i = 0; i < ask.members.size(); ++i)
      base::ignore(step(engine::MemberPlaced{ask.members[i], ask.ask, (*found)[i]}), "it is always taken");
    return;
  }
  refused_total->add(ask.members.size());
  std::string reason = found.error().message;
  if (ask.not_on.empty()) refused[group] = reason;
  if (known == refused.end()) displace_for(ask, reason);
  for (const MemberKey& member : ask.members)
    base::ignore(step(engine::MemberNotPlaced{member, ask.ask, reason}), "it is always taken");
}

// Others of lower priority are asked to go; when they have, the rooms that they leave are offered to the highest first.
void Jobs::State::displace_for(const AskPlace& ask, std::string& reason) {
  const MemberKey& member = ask.members.front();
  if (displacing.contains(member)) {
    reason = "waits for tasks of lower priority to end";
    return;
  }
  const std::vector<MemberKey> victims = places.to_displace(ask);
  if (victims.empty()) return;
  displaced_total->add(victims.size());
  for (const MemberKey& victim : victims) {
    displacing[member].insert(victim);
    base::ignore(step(engine::MemberDisplaced{victim, "displaced by " + task_name(member) + ", of higher priority"}),
                 "it is always taken");
  }
  reason = "waits for tasks of lower priority to end";
}

void Jobs::State::when_saved(Saved done) {
  waiters.push_back(std::move(done));
  plan_turn();
}

// First what must outlive a crash, then the twins.
void Jobs::State::deliver() {
  unsaved.insert(out.save.begin(), out.save.end());
  for (engine::WishTask& wish : out.wishes) {
    Node& node = nodes[wish.node];
    Change change{wish.node, wish.name, std::move(wish.task), ++node.revision};
    if (change.wish) {
      node.withdrawn.erase(change.task);
    } else {
      LeftTask left{.node = change.node, .task = change.task, .number = 0, .revision = change.revision, .resources = {},
                    .accelerators = {}, .disconnect = wish.disconnect};
      if (const auto member = engine::member_of(change.task))
        if (const auto room = places.room(*member, change.node)) {
          left.resources = room->resources;
          left.accelerators = room->accelerators;
        }
      node.withdrawn[change.task] = change.revision;
      unsaved_left.push_back(std::move(left));
    }
    unwritten.push_back(std::move(change));
  }
  out.clear();
  const bool to_save = !unsaved.empty() || !unsaved_left.empty() || !waiters.empty();
  if (!to_save && unwritten.empty()) return;
  if (!to_save && commits == 0) return apply(std::exchange(unwritten, {}));
  if (const auto saved = save(); !saved) {
    base::log::warn("jobs", "cannot save; tried again", {{"why", saved.error()}});
    for (const Saved& waiter : std::exchange(waiters, {})) waiter(std::unexpected(saved.error()));
    return try_again();
  }
  ++commits;
  file->commit([weak = weak_from_this(), changes = std::exchange(unwritten, {}), told = std::exchange(waiters, {})]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    --self->commits;
    self->apply(std::move(changes));
    for (const Saved& waiter : told) waiter({});
  });
}

Result<void> Jobs::State::save() {
  while (!unsaved.empty()) {
    TRY(file->save(*unsaved.begin(), book.record(*unsaved.begin())));
    unsaved.erase(unsaved.begin());
  }
  while (!unsaved_left.empty()) {
    TRY(file->save_left(unsaved_left.front()));
    unsaved_left.erase(unsaved_left.begin());
  }
  return {};
}

void Jobs::State::try_again() {
  if (retry_timer != os::TimerId::none) return;
  retry_timer = world.loop().after(retry_after, [this] {
    retry_timer = os::TimerId::none;
    if (commits == 0) apply({});
    plan_turn();
  });
}

void Jobs::State::arm() {
  world.loop().cancel(wake_timer);
  wake_timer = os::TimerId::none;
  const auto at = book.wake_at();
  if (!at) return;
  wake_timer = world.loop().after(std::max(*at - world.loop().now(), base::Duration{}), [this] {
    wake_timer = os::TimerId::none;
    plan_turn();
  });
}

}  // namespace selvedge::cloud
