#include "node/fetcher.h"

#include <algorithm>

#include "base/log.h"
#include "codec/artifact/documents.h"
#include "node/fetcher_state.h"

namespace selvedge::node {

using base::Code;
using base::Error;
using base::Result;
using Stage = FetchJob::Stage;

namespace {

constexpr std::size_t remembered_failures = 256;

net::http::ClientLimits client_limits(const FetcherConfig& config) {
  net::http::ClientLimits limits;
  limits.connections = limits.connections_per_host = config.limits.parallel + 4;
  limits.waiting = 4096;
  limits.body_bytes = model::ArtifactLimits::document_bytes + (64 << 10);
  limits.timeout = config.timeout;
  return limits;
}

void count(base::Registry& metrics, const engine::Fetches& fetches, const char* name,
           const char* help, std::uint64_t engine::FetchStats::* member) {
  metrics.counter_from(name, help, [&fetches, member] {
    return static_cast<double>(fetches.stats().*member);
  });
}

}  // namespace

Fetcher::Fetcher(os::World& world, store::ArtifactStore& store, FetcherTrust trust,
                 base::Registry& metrics, FetcherConfig config)
    : state_(std::make_shared<State>(world, store, std::move(trust), config)) {
  State& s = *state_;
  using Stats = engine::FetchStats;
  count(metrics, s.fetches, "selvedge_artifact_received_bytes_total",
        "Bytes of artifacts received from the cloud.", &Stats::bytes_received);
  count(metrics, s.fetches, "selvedge_artifact_requests_total", "Requests for bytes of artifacts.",
        &Stats::requests);
  count(metrics, s.fetches, "selvedge_artifact_resumed_total",
        "Requests that went on where an earlier one was cut.", &Stats::resumed);
  count(metrics, s.fetches, "selvedge_artifact_chunks_copied_total",
        "Chunks taken from another artifact on this disk.", &Stats::chunks_copied);
  count(metrics, s.fetches, "selvedge_artifact_chunks_refused_total",
        "Chunks that were not what their digest says.", &Stats::chunks_refused);
  s.done_total = &metrics.counter("selvedge_artifact_holds_total", "Wishes for artifacts, by outcome.",
                                  {{"outcome", "held"}});
  s.failed_total = &metrics.counter("selvedge_artifact_holds_total", "Wishes for artifacts, by outcome.",
                                    {{"outcome", "failed"}});
}

Fetcher::~Fetcher() {
  State& s = *state_;
  s.world.loop().cancel(s.timer);
  for (const auto& [name, job] : s.jobs) s.world.loop().cancel(job->timer);
  s.client.reset();
  s.jobs.clear();
}

void Fetcher::set_cloud(std::string url, std::shared_ptr<os::Tls> tls) {
  State& s = *state_;
  while (url.ends_with('/')) url.pop_back();
  if (s.url == url && s.tls == tls) return;
  s.url = std::move(url);
  s.tls = std::move(tls);
  s.client = std::make_unique<net::http::Client>(s.world, client_limits(s.config), s.tls);
  hurry();
}

void Fetcher::hurry() {
  State& s = *state_;
  std::vector<State::Job> pausing;
  for (const auto& [name, job] : s.jobs)
    if (job->stage == Stage::pausing) pausing.push_back(job);
  for (const auto& job : pausing) s.look(job);
  engine::FetchOutputs out;
  s.fetches.hurry(s.world.loop().now(), out);
  s.carry_out(std::move(out));
}

void Fetcher::hold(ArtifactWish wish, Done done, Progress progress) {
  State& s = *state_;
  if (!codec::artifact::is_artifact_name(wish.name))
    return s.world.loop().defer([done = std::move(done)] {
      done(base::fail(Code::invalid_input, "that is not an artifact's name"));
    });
  cancel(wish.name);
  const auto job = std::make_shared<FetchJob>();
  job->id = engine::FetchId{++s.last_id};
  if (wish.deadline) job->deadline = s.world.loop().now() + *wish.deadline;
  job->done = std::move(done);
  job->progress = std::move(progress);
  job->wish = std::move(wish);
  s.failed.erase(job->wish.name);
  s.jobs[job->wish.name] = job;
  s.world.loop().defer([weak = s.weak_from_this(), job] {
    if (const auto self = weak.lock(); self && self->current(job)) self->look(job);
  });
}

void Fetcher::cancel(std::string_view name) {
  const auto at = state_->jobs.find(name);
  if (at != state_->jobs.end())
    state_->drop(at->second, {Code::conflict, "another wish took its place, or it was withdrawn"});
}

void Fetcher::release(std::string_view name) {
  cancel(name);
  for (const store::StoredArtifact& a : state_->store.list())
    if (a.entry.name == name && (a.held || a.entry.pinned)) state_->store.release(name, a.entry.version);
  if (const auto at = state_->held.find(name); at != state_->held.end()) state_->held.erase(at);
}

const engine::FetchStats& Fetcher::stats() const { return state_->fetches.stats(); }

std::vector<ArtifactStatus> Fetcher::list() const {
  std::vector<ArtifactStatus> all;
  std::set<std::string_view> seen;
  for (store::StoredArtifact& stored : state_->store.list()) {
    ArtifactStatus status;
    status.state = stored.entry.whole ? "whole" : "partial";
    status.have = stored.entry.whole ? stored.entry.size : 0;
    const auto at = state_->jobs.find(stored.entry.name);
    const bool job = at != state_->jobs.end() && at->second->wish.version == stored.entry.version;
    if (job) {
      seen.insert(at->first);
      const bool moves = at->second->stage == Stage::fetching || at->second->stage == Stage::publishing;
      status.state = moves ? "fetching" : "waiting";
      status.have = std::max(status.have, at->second->have);
      status.why = at->second->trouble;
    } else if (const auto failure = state_->failed.find(stored.entry.name);
               failure != state_->failed.end() && !stored.entry.whole) {
      status.state = "failed";
      status.why = failure->second;
    }
    const auto held = state_->held.find(stored.entry.name);
    status.wished = job || (held != state_->held.end() && held->second == stored.entry.version);
    status.stored = std::move(stored);
    all.push_back(std::move(status));
  }
  for (const auto& [name, job] : state_->jobs) {
    if (seen.contains(name)) continue;
    ArtifactStatus status;
    status.stored.entry.name = name;
    status.stored.entry.version = job->wish.version;
    status.wished = true;
    status.state = "waiting";
    status.why = job->trouble;
    all.push_back(std::move(status));
  }
  return all;
}

// ---- a wish's way ----

bool Fetcher::State::current(const Job& job) const {
  const auto at = jobs.find(job->wish.name);
  return at != jobs.end() && at->second == job;
}

// What is here comes first: it needs no link.
void Fetcher::State::look(const Job& job) {
  world.loop().cancel(std::exchange(job->timer, os::TimerId::none));
  job->stage = Stage::looking;
  arm_deadline(job);
  const store::ArtifactEntry* entry = store.find(job->wish.name, job->wish.version);
  if (entry == nullptr) return ask(job);
  store.document(job->wish.name, job->wish.version,
                 [weak = weak_from_this(), job](const Result<std::string>& document) {
                   const auto self = weak.lock();
                   if (!self || !self->current(job)) return;
                   if (!document) return self->ask(job);
                   self->take_what_is_here(job, *document);
                 });
}

void Fetcher::State::take_what_is_here(const Job& job, const std::string& document) {
  auto checked = trust.check(document, asked(job->wish));
  // A newer keys document, or a newer signature, may allow what this one does not.
  if (!checked) return ask(job);
  job->document = document;
  job->trusted = std::move(*checked);
  job->manifest = std::make_shared<const model::ArtifactManifest>(job->trusted->manifest);
  const store::ArtifactEntry* entry = store.find(job->wish.name, job->wish.version);
  if (entry == nullptr || !entry->whole || entry->digest != job->manifest->digest) return open(job);
  store.hold(job->wish.name, job->wish.version, job->wish.pin);
  const auto held_now = [weak = weak_from_this(), job, digest = entry->digest](const Result<void>& good) {
    const auto self = weak.lock();
    if (!self || !self->current(job)) return;
    if (good) {
      self->verified.insert(digest);
      self->publish(job);
    } else if (good.error().code == Code::corrupt) {
      self->open(job);   // made anew from what is good of it
    } else {
      self->finish(job, good);
    }
  };
  if (verified.contains(entry->digest)) return held_now({});
  store.verify(job->wish.name, job->wish.version, held_now);
}

engine::ArtifactAsk Fetcher::State::asked(const ArtifactWish& wish) const {
  engine::ArtifactAsk ask;
  ask.name = wish.name;
  ask.version = wish.version;
  ask.digest = wish.digest;
  return ask;
}

void Fetcher::State::arm_deadline(const Job& job) {
  if (!job->deadline) return;
  const base::Duration left = *job->deadline - world.loop().now();
  if (left > base::Duration::zero()) return;
  std::string why = "not here at its deadline";
  if (!job->trouble.empty()) why += "; last: " + job->trouble;
  world.loop().defer([weak = weak_from_this(), job, why] {
    if (const auto self = weak.lock(); self && self->current(job))
      self->drop(job, {Code::unavailable, why});
  });
}

// Tries again after a pause, if trying again can help.
void Fetcher::State::later(const Job& job, const Error& why) {
  job->trouble = why.message;
  const bool passing = why.code == Code::unavailable || why.code == Code::conflict;
  if (!passing) return finish(job, std::unexpected(why));
  job->stage = Stage::pausing;
  base::Duration pause = job->backoff.next(world.random_unit());
  if (job->deadline) pause = std::min(pause, std::max(base::Duration::zero(), *job->deadline - world.loop().now()));
  job->timer = world.loop().after(pause, [weak = weak_from_this(), job] {
    const auto self = weak.lock();
    if (!self || !self->current(job)) return;
    job->timer = os::TimerId::none;
    self->look(job);
  });
}

// Ends a job before it is done.
void Fetcher::State::drop(Job job, Error why) {
  jobs.erase(job->wish.name);
  world.loop().cancel(std::exchange(job->timer, os::TimerId::none));
  job->question.cancel();
  const Fetcher::Done done = std::exchange(job->done, nullptr);
  if (job->stage == Stage::fetching) {
    draining[job->id] = job;
    engine::FetchOutputs out;
    fetches.cancel(job->id, world.loop().now(), out);
    carry_out(std::move(out));
    if (!job->run) settled(job, nullptr);
  }
  if (!held.contains(job->wish.name) || held[job->wish.name] != job->wish.version)
    store.release(job->wish.name, job->wish.version);
  world.loop().defer([done, why = std::move(why)] { done(std::unexpected(why)); });
}

void Fetcher::State::finish(const Job& job, Result<void> outcome) {
  jobs.erase(job->wish.name);
  world.loop().cancel(std::exchange(job->timer, os::TimerId::none));
  const std::string& name = job->wish.name;
  if (!outcome) {
    failed_total->add();
    base::log::warn("artifacts", "not held",
                    {{"name", name}, {"version", job->wish.version}, {"why", outcome.error()}});
    if (failed.size() >= remembered_failures) failed.erase(failed.begin());
    failed[name] = outcome.error().message;
    if (const auto at = held.find(name); at == held.end() || at->second != job->wish.version)
      store.release(name, job->wish.version);
    return world.loop().defer([done = std::move(job->done), error = outcome.error()] {
      done(std::unexpected(error));
    });
  }
  done_total->add();
  const auto before = held.find(name);
  if (before != held.end() && before->second != job->wish.version) store.release(name, before->second);
  held[name] = job->wish.version;
  const model::ArtifactManifest& m = *job->manifest;
  world.loop().defer([done = std::move(job->done),
                      result = HeldArtifact{m.name, m.version, m.digest, m.kind, m.size}] {
    done(result);
  });
}

}  // namespace selvedge::node
