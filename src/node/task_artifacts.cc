#include "node/task_artifacts.h"

#include <algorithm>
#include <utility>

namespace selvedge::node {

using base::Code;
using base::Result;

struct TaskArtifacts::State : std::enable_shared_from_this<State> {
  State(Fetcher& f, store::ArtifactStore& s, TaskArtifactsHost h) : fetcher(f), store(s), host(std::move(h)) {}

  using Version = std::pair<std::string, std::uint64_t>;
  struct Waiting {
    model::TaskArtifact what;
    Done done;
  };

  void check_and_open(const model::TaskArtifact& what, const Done& done);
  void open(const model::Sha256& digest, const Done& done);
  void fetch_next(const std::string& name);
  void fetched(const std::string& name, const Result<HeldArtifact>& held);
  void let_go(const Version& version);

  Fetcher& fetcher;
  store::ArtifactStore& store;
  TaskArtifactsHost host;
  std::map<std::string, std::deque<Waiting>> queues;       // by name; the first is being fetched
  std::map<Version, std::set<std::string>> users;
};

TaskArtifacts::TaskArtifacts(Fetcher& fetcher, store::ArtifactStore& store, TaskArtifactsHost host)
    : state_(std::make_shared<State>(fetcher, store, std::move(host))) {}
TaskArtifacts::~TaskArtifacts() = default;

void TaskArtifacts::acquire(const std::string& user, const model::TaskArtifact& what, Done done) {
  State& s = *state_;
  s.users[{what.name, what.version}].insert(user);
  const store::ArtifactEntry* entry = s.store.find(what.name, what.version);
  if (entry != nullptr && entry->whole && (!what.digest || *what.digest == entry->digest)) {
    s.store.hold(what.name, what.version, store::Pin::yes);
    return s.check_and_open(what, done);
  }
  auto& queue = s.queues[what.name];
  queue.push_back({what, std::move(done)});
  if (queue.size() == 1) s.fetch_next(what.name);
}

void TaskArtifacts::State::check_and_open(const model::TaskArtifact& what, const Done& done) {
  store.document(what.name, what.version, [weak = weak_from_this(), what, done](const Result<std::string>& document) {
    const auto self = weak.lock();
    if (!self) return;
    if (!document) return done(std::unexpected(document.error()));
    engine::ArtifactAsk ask;
    ask.name = what.name;
    ask.version = what.version;
    ask.digest = what.digest;
    ask.stayed = true;
    const auto trusted = self->host.check(*document, ask);
    if (!trusted) return done(std::unexpected(trusted.error()));
    self->open(trusted->manifest.digest, done);
  });
}

void TaskArtifacts::State::open(const model::Sha256& digest, const Done& done) {
  store.open(digest, [done](Result<std::unique_ptr<store::ArtifactReader>> opened) {
    if (!opened) return done(std::unexpected(opened.error()));
    done(Reader(std::move(*opened)));
  });
}

void TaskArtifacts::State::fetch_next(const std::string& name) {
  const auto at = queues.find(name);
  if (at->second.empty()) {
    queues.erase(at);
    return;
  }
  const model::TaskArtifact& what = at->second.front().what;
  ArtifactWish wish;
  wish.name = name;
  wish.version = what.version;
  wish.digest = what.digest;
  wish.pin = store::Pin::yes;
  fetcher.hold(std::move(wish), [weak = weak_from_this(), name](const Result<HeldArtifact>& held) {
    if (const auto self = weak.lock()) self->fetched(name, held);
  });
}

void TaskArtifacts::State::fetched(const std::string& name, const Result<HeldArtifact>& held) {
  const auto at = queues.find(name);
  const Waiting first = std::move(at->second.front());
  at->second.pop_front();
  // The fetcher keeps one version of a name; others of ours stay, too.
  for (const auto& [version, its] : users)
    if (version.first == name && !its.empty())
      if (const auto* entry = store.find(name, version.second); entry != nullptr && entry->whole)
        store.hold(name, version.second, store::Pin::yes);
  if (held) open(held->digest, first.done);
  else first.done(std::unexpected(held.error()));
  if (!users.contains({name, first.what.version})) let_go({name, first.what.version});
  fetch_next(name);
}

void TaskArtifacts::release(const std::string& user, const std::vector<model::TaskArtifact>& kept) {
  State& s = *state_;
  std::vector<State::Version> over;
  for (auto& [version, users] : s.users) {
    const auto is = [&](const model::TaskArtifact& one) { return one.name == version.first && one.version == version.second; };
    if (std::ranges::any_of(kept, is) || users.erase(user) == 0 || !users.empty()) continue;
    over.push_back(version);
  }
  for (const State::Version& version : over) {
    s.users.erase(version);
    s.let_go(version);
  }
}

void TaskArtifacts::State::let_go(const Version& version) {
  const auto same = [&](const auto& one) { return one.first.first == version.first; };
  const bool named = std::ranges::any_of(users, same) || queues.contains(version.first);
  if (host.is_wished(version.first)) return;
  if (named) store.release(version.first, version.second);
  else fetcher.release(version.first);
}

void TaskArtifacts::damaged(const store::ArtifactReader& reader) {
  state_->store.damaged(reader.manifest().digest, [](const Result<void>&) {});
}

}  // namespace selvedge::node
