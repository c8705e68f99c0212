// How one authority follows another: authority.h tells the phases.

#include <algorithm>
#include <cstdint>

#include "base/log.h"
#include "cloud/authority.h"
#include "identity/renewal.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;

namespace {

constexpr base::Duration steady_for = std::chrono::hours(1);
constexpr base::Duration jump = std::chrono::minutes(5);
constexpr base::Time beginning{0};

auto with_phase(std::vector<AuthorityGeneration>& all, AuthorityPhase phase) {
  return std::ranges::find(all, phase, &AuthorityGeneration::phase);
}

}  // namespace

// Steps that only the wall clock asks for wait until it has run evenly for an hour: a clock that is
// years ahead for a minute must not retire what the fleet trusts.
bool Authority::clock_is_steady() {
  const base::Instant instant = world_.loop().now();
  const base::Duration by_wall = now() - last_wall_, by_loop = instant - last_tick_;
  if (by_wall - by_loop > jump || by_loop - by_wall > jump) {
    base::log::warn("identity", "the clock jumped: authorities stay as they are for an hour",
                    {{"by", by_wall - by_loop}});
    steady_since_ = instant;
  }
  last_wall_ = now();
  last_tick_ = instant;
  return instant - steady_since_ >= steady_for;
}

std::vector<IssuedCertificate> Authority::nodes(base::Time at) const {
  auto list = ledger_->holders(UINT32_MAX, at, {});
  std::erase_if(list, [](const IssuedCertificate& c) { return c.role != crypto::Role::node; });
  return list;
}

Result<void> Authority::rotate(const std::string& key_uri) {
  if (generations_.size() > 1)
    return base::fail(Code::conflict,
                      "rotate authority: generation " + std::to_string(generations_.back().number) +
                          " is " + std::string(name(generations_.back().phase)) +
                          " and the one before it not retired yet (selvedge authority show)");
  auto all = generations_;
  // A number is never used again, so that a certificate's generation stays what it was.
  AuthorityGeneration next = TRY(base::while_doing(
      "rotate authority", make_generation(*dir_, all.back().number + 1,
                                          {now(), options_.valid, key_uri})));
  next.phase = AuthorityPhase::announced;
  all.push_back(std::move(next));
  TRY(save_authorities(*dir_, all));
  generations_ = std::move(all);
  take_trust();
  base::log::info("identity", "a new authority is announced",
                  {{"generation", generations_.back().number}});
  return {};
}

Result<void> Authority::advance() {
  auto all = generations_;
  if (all.size() < 2)
    return base::fail(Code::conflict, "advance authority: no rotation is under way");
  const auto announced = with_phase(all, AuthorityPhase::announced);
  std::string gone;
  const bool switching = announced != all.end();
  if (switching) {
    const auto signing = with_phase(all, AuthorityPhase::active);
    signing->phase = AuthorityPhase::retiring;
    announced->phase = AuthorityPhase::active;
    signing->since = announced->since = now();
  } else {
    if (all.front().key_uri.empty()) gone = "ca-" + std::to_string(all.front().number) + ".key";
    all.erase(all.begin());
  }
  TRY(save_authorities(*dir_, all));
  if (!gone.empty()) base::ignore(dir_->remove(gone), "a key that is trusted by nobody");
  generations_ = std::move(all);
  take_trust();
  base::log::info("identity", switching ? "the new authority signs" : "the old authority is retired",
                  {{"generation", active().number}});
  return {};
}

void Authority::confirm(const std::string& node, const std::string& trust_version) {
  confirmed_[node] = trust_version;
}

Result<bool> Authority::move_rotation_on() {
  const bool steady = clock_is_steady();
  if (generations_.size() == 1) {
    const AuthorityGeneration& only = generations_.front();
    const bool due = steady && only.key_uri.empty() && identity::renew_at(only.info, 0) <= now();
    if (!due) return false;
    TRY(rotate(""));
    return true;
  }
  if (generations_.back().phase == AuthorityPhase::announced) {
    const auto known = nodes(now());
    const bool all_know = std::ranges::all_of(known, [&](const IssuedCertificate& node) {
      const auto at = confirmed_.find(node.name);
      return at != confirmed_.end() && at->second == trust_version_;
    });
    const bool waited = steady && now() - generations_.back().since >= options_.announce;
    if (!all_know && !waited) return false;
    TRY(advance());
    return true;
  }
  const std::uint32_t old = generations_.front().number;
  const bool all_moved = ledger_->holders(old, beginning, {}).empty();
  const bool all_ended = steady && ledger_->holders(old, now(), options_.node_grace).empty();
  if (!all_moved && !all_ended) return false;
  TRY(advance());
  return true;
}

Authority::Status Authority::status() const {
  Status status;
  for (const AuthorityGeneration& g : generations_) {
    status.generations.push_back(g);
    status.generations.back().pair.key.clear();
  }
  const auto known = nodes(now());
  status.nodes = known.size();
  status.nodes_unaware = static_cast<std::size_t>(
      std::ranges::count_if(known, [&](const IssuedCertificate& node) {
        const auto at = confirmed_.find(node.name);
        return at == confirmed_.end() || at->second != trust_version_;
      }));
  if (generations_.front().phase == AuthorityPhase::retiring)
    status.holders =
        ledger_->holders(generations_.front().number, now(), options_.node_grace);
  status.own = own_.info;
  return status;
}

}  // namespace selvedge::cloud
