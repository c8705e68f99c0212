#include "engine/serving/serving.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace selvedge::engine {

using base::Code;
using base::Error;
using base::Result;

namespace {

std::string text_of(const ServingKey& key) {
  return "model " + base::printable(key.name, 64) + " version " + std::to_string(key.version);
}

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

std::string_view name(ServingState state) {
  switch (state) {
    case ServingState::loading: return "loading";
    case ServingState::serving: return "serving";
    case ServingState::failed: return "failed";
    case ServingState::leaving: return "leaving";
  }
  return "";
}

Serving::Serving(ServingLimits limits) : limits_(limits) {
  limits_.workers = std::max<std::size_t>(limits_.workers, 1);
  for (std::size_t worker = limits_.workers; worker > 0; --worker) free_.push_back(worker - 1);
}

void Serving::step(const ServingInput& input, base::Instant now, Outputs& out) {
  std::visit(Overloaded{[&](const LoadVersion& in) { load(in.key, out); },
                        [&](const UnloadVersion& in) { unload(in.key, out); },
                        [&](const VersionRead& in) { read(in, out); },
                        [&](const VersionMade& in) { made(in, out); },
                        [&](const AskVersion& in) { ask(in, now, out); },
                        [&](const RequestDone& in) { done(in, out); }},
             input);
  hand_out(now, out);
}

// ---- versions ----

void Serving::load(const ServingKey& key, Outputs& out) {
  const auto at = versions_.find(key);
  if (at == versions_.end()) {
    if (versions_.size() >= limits_.versions) {
      out.push_back(LoadEnded{key, Error{Code::exhausted, "load " + text_of(key) + ": " +
                                                              std::to_string(limits_.versions) +
                                                              " versions of models are known already"}});
      out.push_back(VersionGone{key});
      return;
    }
    versions_.emplace(key, Version{});
    out.push_back(ReadVersion{key});
    return;
  }
  Version& version = at->second;
  switch (version.state) {
    case ServingState::loading:
      ++version.loads;
      version.abandoned = false;
      end_unloads(at, out);
      return;
    case ServingState::serving: out.push_back(LoadEnded{key, std::nullopt}); return;
    case ServingState::failed:
      version.state = ServingState::loading;
      version.stage = Version::Stage::reading;
      version.failed.reset();
      version.loads = 1;
      out.push_back(ReadVersion{key});
      return;
    case ServingState::leaving:
      // It is still here and good: it stays.
      version.state = ServingState::serving;
      end_unloads(at, out);
      out.push_back(LoadEnded{key, std::nullopt});
      return;
  }
}

void Serving::unload(const ServingKey& key, Outputs& out) {
  const auto at = versions_.find(key);
  if (at == versions_.end()) {
    out.push_back(UnloadEnded{key});
    return;
  }
  ++at->second.unloads;
  if (at->second.state == ServingState::loading) {
    at->second.abandoned = true;                     // what reads or makes it cannot be stopped
    return;
  }
  at->second.state = ServingState::leaving;
  go_if_idle(at, out);
}

void Serving::read(const VersionRead& input, Outputs& out) {
  const auto at = versions_.find(input.key);
  if (at == versions_.end() || at->second.state != ServingState::loading ||
      at->second.stage != Version::Stage::reading)
    return;
  if (at->second.abandoned) return abandon(at, out);
  if (input.failed) return end_load(at, input.failed, out);
  if (memory_ + input.memory > limits_.memory || memory_ + input.memory < memory_)
    return end_load(at, no_room(input.key, input.memory), out);
  set_memory(at->second, input.memory);
  at->second.stage = Version::Stage::making;
  out.push_back(MakeVersion{input.key});
}

void Serving::made(const VersionMade& input, Outputs& out) {
  const auto at = versions_.find(input.key);
  if (at == versions_.end() || at->second.state != ServingState::loading ||
      at->second.stage != Version::Stage::making)
    return;
  if (at->second.abandoned) return abandon(at, out);
  if (input.failed) return end_load(at, input.failed, out);
  set_memory(at->second, input.memory);
  at->second.stage = Version::Stage::made;
  end_load(at, std::nullopt, out);
}

void Serving::end_load(Versions::iterator at, std::optional<Error> failed, Outputs& out) {
  Version& version = at->second;
  version.state = failed ? ServingState::failed : ServingState::serving;
  version.failed = failed;
  if (failed) set_memory(version, 0);
  for (; version.loads > 0; --version.loads) out.push_back(LoadEnded{at->first, failed});
  if (failed) out.push_back(VersionGone{at->first});
}

void Serving::abandon(Versions::iterator at, Outputs& out) {
  const ServingKey key = at->first;
  set_memory(at->second, 0);
  for (; at->second.loads > 0; --at->second.loads)
    out.push_back(LoadEnded{key, Error{Code::conflict, "load " + text_of(key) + ": it was unloaded meanwhile"}});
  out.push_back(VersionGone{key});
  end_unloads(at, out);
  versions_.erase(at);
}

void Serving::go_if_idle(Versions::iterator at, Outputs& out) {
  Version& version = at->second;
  if (version.state != ServingState::leaving || version.running > 0 || !version.queue.empty()) return;
  set_memory(version, 0);
  out.push_back(VersionGone{at->first});
  end_unloads(at, out);
  versions_.erase(at);
}

void Serving::end_unloads(Versions::iterator at, Outputs& out) {
  for (; at->second.unloads > 0; --at->second.unloads) out.push_back(UnloadEnded{at->first});
}

void Serving::set_memory(Version& version, std::uint64_t bytes) {
  memory_ -= version.memory;
  memory_ += bytes;
  version.memory = bytes;
}

Error Serving::no_room(const ServingKey& key, std::uint64_t needed) const {
  std::string holders;
  for (const auto& [other, version] : versions_)
    if (version.memory > 0)
      holders += (holders.empty() ? "" : ", ") + base::printable(other.name, 64) + " " +
                 std::to_string(other.version) + " has " + base::size_text(version.memory);
  if (holders.size() > 500) holders = holders.substr(0, 500) + " ...";
  return {Code::exhausted, "load " + text_of(key) + ": it needs " + base::size_text(needed) + " and " +
                               base::size_text(limits_.memory - std::min(memory_, limits_.memory)) + " of " +
                               base::size_text(limits_.memory) + " are free" +
                               (holders.empty() ? "" : " (" + holders + ")") + "; models.memory sets the bound"};
}

// ---- requests ----

Result<ServingKey> Serving::resolve(std::string_view name, std::uint64_t version) const {
  const std::string shown = base::printable(name, 64);
  const Version* newest = nullptr;                   // of those that do not serve
  ServingKey its;
  for (auto at = versions_.upper_bound(ServingKey{std::string(name), UINT64_MAX}); at != versions_.begin();) {
    --at;
    if (at->first.name != name) break;
    if (version != 0 && at->first.version != version) continue;
    if (at->second.state == ServingState::serving) return at->first;
    if (newest == nullptr) newest = &at->second, its = at->first;
  }
  if (newest == nullptr)
    return base::fail(Code::not_found, version == 0 ? "there is no model " + shown
                                                    : "there is no version " + std::to_string(version) +
                                                          " of model " + shown);
  std::string why = text_of(its) + " is " + std::string(engine::name(newest->state));
  if (newest->failed) why += ": " + newest->failed->message;
  return base::fail(Code::unavailable, why);
}

void Serving::ask(const AskVersion& input, base::Instant now, Outputs& out) {
  const auto key = resolve(input.name, input.version);
  if (!key) {
    out.push_back(RefuseRequest{input.request, key.error()});
    return;
  }
  Version& version = versions_.find(*key)->second;
  if (free_.empty() && version.queue.size() >= limits_.queue) {
    const Error full{Code::exhausted, text_of(*key) + ": " + std::to_string(limits_.queue) +
                                          " requests wait already"};
    const auto oldest = std::ranges::find_if(version.queue, [](const Waiting& w) { return w.may_drop; });
    if (input.when_full == AskVersion::WhenFull::refuse || oldest == version.queue.end()) {
      out.push_back(RefuseRequest{input.request, full});
      return;
    }
    out.push_back(RefuseRequest{oldest->request,
                                {Code::exhausted, text_of(*key) + ": dropped for a newer request; " +
                                                      std::to_string(limits_.queue) + " may wait"},
                                true});
    version.queue.erase(oldest);
    --waiting_;
  }
  ++version.requests;
  ++waiting_;
  version.queue.push_back({input.request, input.when_full == AskVersion::WhenFull::drop_oldest, now});
}

void Serving::done(const RequestDone& input, Outputs& out) {
  const auto running = running_.find(input.request);
  if (running == running_.end()) return;
  free_.push_back(running->second.worker);
  const auto at = versions_.find(running->second.key);
  running_.erase(running);
  CHECK(at != versions_.end() && at->second.running > 0);
  --at->second.running;
  if (input.failed) ++at->second.failures;
  go_if_idle(at, out);
}

// The version after the one that had its turn last goes first, so that none starves.
void Serving::hand_out(base::Instant now, Outputs& out) {
  while (!free_.empty() && waiting_ > 0) {
    auto at = versions_.upper_bound(turn_);
    for (;; ++at) {
      if (at == versions_.end()) at = versions_.begin();
      if (!at->second.queue.empty()) break;
    }
    turn_ = at->first;
    const Waiting next = at->second.queue.front();
    at->second.queue.pop_front();
    --waiting_;
    ++at->second.running;
    const std::size_t worker = free_.back();
    free_.pop_back();
    running_.emplace(next.request, Running{at->first, worker});
    out.push_back(RunRequest{next.request, at->first, worker, now - next.since});
  }
}

std::vector<ServingStatus> Serving::list() const {
  std::vector<ServingStatus> all;
  for (const auto& [key, version] : versions_)
    all.push_back({key, version.state, version.failed, version.memory, version.requests, version.failures,
                   version.queue.size(), version.running});
  return all;
}

}  // namespace selvedge::engine
