#include "engine/site/site.h"

#include <algorithm>

#include "base/result.h"
#include "engine/site/site_state.h"

namespace selvedge::engine {

SiteView::SiteView(SiteRule rule, base::Instant now) : state_(std::make_unique<State>(std::move(rule), now)) {}
SiteView::~SiteView() = default;

SiteView::State::State(SiteRule r, base::Instant start) : rule(std::move(r)), begun(start), now(start), next_beat(start) {
  CHECK(rule.fence_after < rule.lost_after && rule.members.size() <= SiteLimits::nodes);
  for (const std::string& member : rule.members)
    if (member != rule.self) peers[member].received = start;
}

void SiteView::step(const SiteInput& input, base::Instant now, SiteOutputs& out) {
  State& s = *state_;
  s.now = std::max(s.now, now);
  s.out = &out;
  std::visit([&](const auto& one) { s.take(one); }, input);
  s.keep_lease();
  s.look_for_claims();
  if (s.speak || s.now >= s.next_beat) s.send();
  s.out = nullptr;
}

bool SiteView::fenced() const { return state_->fenced; }

void SiteView::each(const std::function<void(const SiteVote&)>& visit) const {
  for (const auto& [name, promise] : state_->promises) visit(promise.vote);
}

base::Instant SiteView::wake_at() const {
  const State& s = *state_;
  base::Instant at = s.next_beat;
  if (!s.fenced) at = std::min(at, s.leased_until());
  // Losses and claims are looked at often while they are new; of one that stays lost, with each beat.
  const base::Duration settled = s.rule.lost_after + s.rule.grace_most + 2 * s.rule.claim_wait +
                                 s.rule.turn * static_cast<std::int64_t>(s.rule.members.size());
  const bool quiet = s.claims.empty() && std::ranges::all_of(s.peers, [&](const auto& peer) {
    const base::Duration silent = s.now - peer.second.received;
    return silent < 2 * s.rule.beat_every || silent > settled;
  });
  if (!quiet) at = std::min(at, s.now + s.rule.turn / 4);
  return std::max(at, s.now + base::Duration(1));
}

void SiteView::State::take(const SiteOwn& input) {
  load = input.load;
  wished.clear();
  for (const SiteTask& task : input.wished)
    if (task.grace <= rule.grace_most && wished.size() < SiteLimits::tasks) wished.insert_or_assign(task.name, task);
  known.clear();
  for (const std::string& name : input.known)
    if (known.size() < SiteLimits::tasks) known.insert(name);
}

void SiteView::State::take(const SiteHeard& input) {
  const SiteBeat& beat = input.beat;
  const auto at = peers.find(beat.node);
  if (at == peers.end()) return;
  Peer& peer = at->second;
  if (peer.last && std::pair(peer.last->incarnation, peer.last->sequence) >= std::pair(beat.incarnation, beat.sequence)) return;
  // First what it knows, then that it heard: whoever counts for this node has told it who else may run its tasks.
  peer.received = now;
  peer.last = beat;
  for (const SiteTask& task : beat.tasks) adopt(task, beat.node);
  for (const SiteVote& vote : beat.votes) see(vote.task, vote.node);
  for (const SiteVote& vote : beat.votes)
    if (vote.node == beat.node) promise(vote);
  for (const SiteTask& task : beat.wanted) see(task, beat.node);
  count(beat);
  for (const SiteBeat::Heard& one : beat.heard) {
    if (one.node != rule.self || one.incarnation != rule.incarnation) continue;
    for (const auto& [number, when] : sent)
      if (number == one.sequence) peer.answered = std::max(peer.answered.value_or(when), when);
  }
}

void SiteView::State::take(const SiteEnded& input) {
  const auto at = held.find(input.name);
  if (at == held.end() || !at->second.ending) return;
  at->second.ended = true;
  if (!at->second.lost) return;
  held.erase(at);
  speak = true;
}

void SiteView::State::take(const SiteTick&) {}

// Until when the node may go on with what it holds.
base::Instant SiteView::State::leased_until() const {
  std::vector<base::Instant> answers{now};
  for (const auto& [name, peer] : peers)
    if (peer.answered) answers.push_back(*peer.answered);
  if (answers.size() < majority()) return {INT64_MIN};
  std::ranges::sort(answers, std::greater<>());
  return answers[majority() - 1] + rule.fence_after;
}

void SiteView::State::end(Held& one, SiteEnd::Why why) {
  const bool again = one.ending;
  one.lost |= why == SiteEnd::Why::outbid;
  one.ending = true;
  one.allowed = false;
  if (!again || why == SiteEnd::Why::outbid) out->ends.push_back({one.vote.task.name, why});
}

void SiteView::State::outbid(const std::string& name) {
  const auto at = held.find(name);
  if (at == held.end() || at->second.lost) return;
  end(at->second, SiteEnd::Why::outbid);
  speak = true;
  if (at->second.ended) held.erase(at);
}

void SiteView::State::keep_lease() {
  fenced = now >= leased_until();
  for (auto at = held.begin(); at != held.end();) {
    Held& one = (at++)->second;
    if (fenced && one.allowed) end(one, SiteEnd::Why::cut_off);
    if (fenced || one.lost || one.allowed) continue;
    if (one.ending && !one.ended) continue;
    one.ending = one.ended = false;
    one.allowed = true;
    out->runs.push_back(one.vote.task);
  }
  if (!fenced) return;
  for (const auto& [name, one] : claims) tried[name] = now + rule.turn;
  claims.clear();
}

void SiteView::State::send() {
  if (now >= next_beat) forget_what_nobody_has();
  SiteBeat beat;
  beat.node = rule.self;
  beat.incarnation = rule.incarnation;
  beat.sequence = ++sequence;
  beat.load = load;
  // A node that just started may have forgotten what it promised, so it does not count yet.
  if (!young())
    for (const auto& [name, peer] : peers)
      if (peer.last) beat.heard.push_back({name, peer.last->incarnation, peer.last->sequence});
  for (const auto& [name, one] : held) beat.tasks.push_back(one.vote.task);
  for (const auto& [name, one] : promises) {
    if (one.vote.node == rule.self && !claims.contains(name) && !held.contains(name)) continue;   // given up
    if (beat.votes.size() < SiteLimits::votes) beat.votes.push_back(one.vote);
  }
  for (const auto& [name, task] : wanted) beat.wanted.push_back(task);
  sent.emplace_back(sequence, now);
  if (sent.size() > 256) sent.pop_front();
  next_beat = now + rule.beat_every;
  speak = false;
  out->beat = std::move(beat);
}

}  // namespace selvedge::engine
