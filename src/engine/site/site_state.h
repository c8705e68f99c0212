// SiteView::State: beats of the others, promises, claims and what this node holds. site.cc takes inputs and keeps the
// lease, site_claims.cc promises and claims.

#pragma once

#include <deque>
#include <map>
#include <set>
#include <string_view>

#include "engine/site/site.h"

namespace selvedge::engine {

// A promise that nobody uses is forgotten after that; far longer than anybody may run a task without being heard.
inline constexpr base::Duration site_idle = std::chrono::minutes(1);

inline bool above(const SiteTask& a, const SiteTask& b) {
  return a.generation != b.generation ? a.generation > b.generation : a.epoch > b.epoch;
}

struct SiteView::State {
  struct Peer {
    std::optional<SiteBeat> last;
    base::Instant received{};
    std::optional<base::Instant> answered;         // when the newest beat was sent that it heard
  };
  struct Promise {
    SiteVote vote;
    base::Instant at{};
    std::optional<base::Instant> idle;             // since when nobody has it
  };
  struct Claim {
    SiteVote vote;
    base::Instant until{};
    std::set<std::string> voters;
  };
  struct Held {
    SiteVote vote;
    bool allowed = false;                          // SiteRun was said
    bool ending = false, ended = false;            // SiteEnd was said, SiteEnded
    bool lost = false;                             // for good
  };

  State(SiteRule r, base::Instant now);

  // site.cc
  void take(const SiteOwn& input);
  void take(const SiteHeard& input);
  void take(const SiteEnded& input);
  void take(const SiteTick& input);
  void keep_lease();
  void end(Held& held, SiteEnd::Why why);
  void outbid(const std::string& name);
  void send();
  std::size_t majority() const { return rule.members.size() / 2 + 1; }
  base::Instant leased_until() const;
  bool young() const { return now < begun + rule.lost_after + rule.grace_most; }

  // site_claims.cc
  void adopt(const SiteTask& task, const std::string& holder);
  void see(const SiteTask& task, const std::string& who);
  bool may_promise(const SiteVote& vote) const;
  bool gone(const std::string& node, const SiteTask& task, base::Instant since) const;
  bool promise(const SiteVote& vote);
  void look_for_claims();
  void claim(SiteTask task, const std::string& from);
  void count(const SiteBeat& beat);
  void won(Claim& claim);
  void forget_what_nobody_has();
  base::Duration turn_of(const SiteTask& task) const;

  SiteRule rule;
  base::Instant begun{}, now{}, next_beat{};
  std::uint64_t sequence = 0;
  std::deque<std::pair<std::uint64_t, base::Instant>> sent;      // own beats, the newest last
  std::map<std::string, Peer> peers;               // every other member
  std::map<std::string, Promise> promises;         // its own, and what others hold: the highest of each task
  std::map<std::string, SiteTask> seen;            // the highest of each task that anyone promised
  std::map<std::string, Claim> claims;
  std::map<std::string, Held> held;
  std::map<std::string, base::Instant> tried;      // claims that came to nothing: not before
  std::map<std::string, SiteTask> wished, wanted;  // wanted: which others hold in an older generation
  std::set<std::string> known;
  std::uint32_t load = 0;
  bool fenced = true, speak = false;
  SiteOutputs* out = nullptr;
};

}  // namespace selvedge::engine
