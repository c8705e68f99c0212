// Promises to others, and claims of this node.

#include <algorithm>

#include "engine/site/site_state.h"

namespace selvedge::engine {
namespace {

const SiteTask* find(const std::vector<SiteTask>& tasks, const std::string& name) {
  const auto at = std::ranges::find(tasks, name, &SiteTask::name);
  return at == tasks.end() ? nullptr : &*at;
}

std::uint64_t mixed(const std::string& task, const std::string& node) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;              // FNV-1a
  for (const std::string_view text : {std::string_view(task), std::string_view(node)})
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return hash ^ hash >> 29;
}

}  // namespace

// Another node holds it, so a majority promised it: as good as a promise of this one, which may have forgotten its own.
void SiteView::State::adopt(const SiteTask& task, const std::string& holder) {
  see(task, holder);
  const auto at = promises.find(task.name);
  if (at == promises.end() && promises.size() >= SiteLimits::votes) return;
  if (at == promises.end() || above(task, at->second.vote.task)) promises[task.name] = {{task, holder, ""}, now, {}};
}

// Somebody promised it to `who`, or the cloud wishes it there: what this node holds or claims below that ends.
void SiteView::State::see(const SiteTask& task, const std::string& who) {
  const auto at = seen.find(task.name);
  if (at == seen.end() && seen.size() < SiteLimits::votes) seen.emplace(task.name, task);
  if (at != seen.end() && above(task, at->second)) at->second = task;
  if (who == rule.self) return;
  if (const auto mine = held.find(task.name); mine != held.end() && above(task, mine->second.vote.task)) outbid(task.name);
  if (const auto mine = claims.find(task.name); mine != claims.end() && above(task, mine->second.vote.task)) claims.erase(mine);
}

// Whether `node` can no longer be running its `task`: it was silent for so long, or says that it does not.
bool SiteView::State::gone(const std::string& node, const SiteTask& task, base::Instant since) const {
  if (node.empty()) return true;
  if (node == rule.self) return !held.contains(task.name);
  const auto at = peers.find(node);
  if (at == peers.end()) return true;              // no member any more
  const Peer& peer = at->second;
  if (now >= std::max({peer.received, since, begun}) + rule.lost_after + task.grace) return true;
  if (!peer.last || peer.received < since) return false;
  const bool claims_it = std::ranges::any_of(peer.last->votes, [&](const SiteVote& vote) {
    return vote.node == node && vote.task.name == task.name;
  });
  return !claims_it && find(peer.last->tasks, task.name) == nullptr;
}

bool SiteView::State::may_promise(const SiteVote& vote) const {
  const std::string& name = vote.task.name;
  if (young()) return false;
  if (const auto mine = held.find(name); mine != held.end() && vote.node != rule.self) return false;
  if (const auto before = promises.find(name); before != promises.end()) {
    const Promise& made = before->second;
    if (made.vote == vote) return true;
    if (!above(vote.task, made.vote.task)) return false;
    if (made.vote.node != vote.node && !gone(made.vote.node, made.vote.task, made.at)) return false;
  }
  if (vote.from != vote.node && !gone(vote.from, vote.task, begun)) return false;
  return std::ranges::all_of(peers, [&](const auto& peer) {
    if (peer.first == vote.node || !peer.second.last) return true;
    const SiteTask* listed = find(peer.second.last->tasks, name);
    return listed == nullptr || gone(peer.first, *listed, begun);
  });
}

bool SiteView::State::promise(const SiteVote& vote) {
  if (vote.task.name.empty() || !may_promise(vote)) return false;
  if (promises.size() >= SiteLimits::votes && !promises.contains(vote.task.name)) return false;
  const auto before = promises.find(vote.task.name);
  if (before == promises.end() || before->second.vote != vote) {
    promises[vote.task.name] = {vote, now, {}};
    if (vote.node != rule.self) claims.erase(vote.task.name);      // a lower one of its own
    speak = true;
  }
  return true;
}

void SiteView::State::look_for_claims() {
  for (auto at = claims.begin(); at != claims.end();) {
    const auto one = at++;
    if (now < one->second.until) continue;
    tried[one->first] = now + turn_of(one->second.vote.task);
    claims.erase(one);
    speak = true;                                  // that it is given up
  }
  std::vector<std::string> over;                   // the old one first, and what is not for this node at all any more
  for (const auto& [name, one] : held) {
    const auto mine = wished.find(name);
    const bool older = mine != wished.end() && mine->second.generation > one.vote.task.generation;
    if (older || (mine == wished.end() && !known.contains(name))) over.push_back(name);
  }
  for (const std::string& name : over) outbid(name);
  wanted.clear();
  if (tried.size() > 2 * SiteLimits::tasks) tried.clear();
  if (fenced || young()) return;
  // What the cloud wishes here, unless the site moved that very generation elsewhere.
  for (const auto& [name, task] : wished) {
    if (held.contains(name) || claims.contains(name)) continue;
    const auto other = promises.find(name);
    if (other != promises.end() && task.generation > other->second.vote.task.generation) wanted.emplace(name, task);
    const bool moved = other != promises.end() && other->second.vote.task.generation >= task.generation;
    if (moved && other->second.vote.node != rule.self && !gone(other->second.vote.node, other->second.vote.task, other->second.at)) continue;
    claim(task, other == promises.end() ? "" : other->second.vote.node);
  }
  // What lost nodes held.
  for (const auto& [node, peer] : peers) {
    if (!peer.last || now < peer.received + rule.lost_after) continue;
    for (const SiteTask& task : peer.last->tasks) {
      if (held.contains(task.name) || claims.contains(task.name) || !known.contains(task.name)) continue;
      if (!gone(node, task, begun)) continue;
      const base::Duration wait = rule.lost_after + task.grace + turn_of(task);
      if (now >= peer.received + wait) claim(task, node);
    }
  }
}

void SiteView::State::claim(SiteTask task, const std::string& from) {
  if (held.size() + claims.size() >= SiteLimits::tasks) return;    // a beat that says more is not read
  if (const auto again = tried.find(task.name); again != tried.end() && now < again->second) return;
  if (const auto before = seen.find(task.name); before != seen.end()) {
    if (before->second.generation > task.generation) return;
    if (before->second.generation == task.generation) task.epoch = std::max(task.epoch, before->second.epoch);
  }
  ++task.epoch;
  Claim made{{task, rule.self, from}, now + rule.claim_wait, {rule.self}};
  if (!promise(made.vote)) return;
  see(task, rule.self);
  claims.insert_or_assign(task.name, made);
  tried.erase(task.name);
  if (claims.at(task.name).voters.size() >= majority()) won(claims.at(task.name));
}

void SiteView::State::count(const SiteBeat& beat) {
  std::vector<std::string> winners;
  for (auto& [name, one] : claims) {
    if (now >= one.until || std::ranges::find(beat.votes, one.vote) == beat.votes.end()) continue;
    one.voters.insert(beat.node);
    if (one.voters.size() >= majority()) winners.push_back(name);
  }
  for (const std::string& name : winners) won(claims.at(name));
}

void SiteView::State::won(Claim& one) {
  const std::string name = one.vote.task.name;
  held[name].vote = one.vote;                      // keep_lease says that it may run
  claims.erase(name);
  speak = true;
}

void SiteView::State::forget_what_nobody_has() {
  std::set<std::string_view> spoken_of, listed;
  for (const auto& [node, peer] : peers) {
    if (!peer.last) continue;
    for (const SiteTask& task : peer.last->tasks) listed.insert(task.name);
    for (const SiteVote& vote : peer.last->votes) {
      spoken_of.insert(vote.task.name);
      if (vote.node == node) listed.insert(vote.task.name);        // it claims it
    }
  }
  for (auto at = promises.begin(); at != promises.end();) {
    const auto one = at++;
    auto& [name, made] = *one;
    const bool in_use = held.contains(name) || claims.contains(name) || listed.contains(name) || wished.contains(name) ||
                        !gone(made.vote.node, made.vote.task, made.at);
    if (in_use) made.idle.reset();
    else if (!made.idle) made.idle = now;
    if (made.idle && now >= *made.idle + site_idle) promises.erase(one);
  }
  std::erase_if(seen, [&](const auto& one) {
    return !promises.contains(one.first) && !held.contains(one.first) && !claims.contains(one.first) &&
           !spoken_of.contains(one.first) && !listed.contains(one.first);
  });
}

// The least loaded claims first, the others one turn after the other; every node finds the same order.
base::Duration SiteView::State::turn_of(const SiteTask& task) const {
  const auto place = [&](std::uint32_t of, const std::string& node) {
    return std::tuple(of / 100, mixed(task.name, node), node);
  };
  const auto mine = place(load, rule.self);
  std::int64_t before = 0;
  for (const auto& [node, peer] : peers)
    if (peer.last && now - peer.received < rule.lost_after && place(peer.last->load, node) < mine) ++before;
  return rule.turn * before;
}

}  // namespace selvedge::engine
