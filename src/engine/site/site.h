// SiteView: how the nodes of a site agree, without the cloud, who runs a task, and heal the loss of a node.
//
// Each node sends beats to all others. Of a node the newest beat counts, of a task the highest (generation, epoch), so
// what is known merges in any order. A task runs where a majority of the site's members promised it to: a node claims it
// with a higher epoch, the others promise it to one claim of each epoch, and only once whoever may have run it before
// is silent for `lost_after` and the task's grace, or says that it has ended it. Nodes that start wait so long before
// they promise anything or are counted for anyone.
//
// A node goes on running what it holds only while a majority hears it: `fence_after` after it *sent* the newest beat that
// a majority answered it must begin to end what it holds, to be over within the task's grace. fence_after is shorter than
// lost_after by more than clocks of one site differ in that time, so nothing runs twice, however the site is cut. A site of
// three nodes heals the loss of one, of five that of two; of two nodes none.
//
// A view that begins holds nothing, so the host ends what it finds running of the site's tasks before the first step; and a
// program that does not run ends nothing, so what starts it again at once is part of the promise.
//
// The cloud's wish has a generation; a newer one is above every epoch of the site, and the site's holder ends the task
// before the new one may claim it. What the site moved stays where it is until the cloud says otherwise.
//
// A promise is forgotten when nobody had its task for a minute, so what is remembered does not grow with the tasks that
// come and go.
//
// Source: leases and one promise an epoch as in Gray and Cheriton, "Leases" (1989), and Lamport, "Paxos Made Simple" (2001).
// Bounds: SiteLimits. step(input, now) -> outputs: no clock, no I/O, no randomness. Belongs to one thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "engine/site/beat.h"

namespace selvedge::engine {

struct SiteRule {
  std::string self;
  std::vector<std::string> members;                // of the site, self among them; the same at all
  std::uint64_t incarnation = 0;
  base::Duration beat_every = std::chrono::milliseconds(500);
  base::Duration lost_after = std::chrono::milliseconds(1'500);
  base::Duration fence_after = std::chrono::milliseconds(1'300);
  base::Duration turn = std::chrono::milliseconds(100);    // the next best waits so long for the best to claim
  base::Duration claim_wait = std::chrono::milliseconds(300);
  base::Duration grace_most = std::chrono::milliseconds(500);   // tasks that take longer to end are not for the site
};

// ---- inputs ----

// What this node can run: what the cloud wishes of it, and what it could take over.
struct SiteOwn {
  std::uint32_t load = 0;
  std::vector<SiteTask> wished;                    // epochs do not matter
  std::vector<std::string> known;                  // tasks whose documents and artifacts it could get
};
struct SiteHeard {
  SiteBeat beat;
};
// A task of which SiteEnd was said has ended.
struct SiteEnded {
  std::string name;
};
struct SiteTick {};                                // at or after wake_at()
using SiteInput = std::variant<SiteOwn, SiteHeard, SiteEnded, SiteTick>;

// ---- outputs ----

struct SiteEnd {
  std::string name;
  enum class Why : std::uint8_t {
    cut_off,                                       // SiteRun says when it may go on
    outbid,                                        // another node has it, or it is not wished for
  } why = Why::cut_off;
};
struct SiteOutputs {
  std::optional<SiteBeat> beat;                    // to every other member
  std::vector<SiteEnd> ends;                       // begin to end it now, SIGKILL after its grace; then SiteEnded
  std::vector<SiteTask> runs;                      // this node may run it
  void clear() {
    beat.reset();
    ends.clear();
    runs.clear();
  }
};

class SiteView {
 public:
  SiteView(SiteRule rule, base::Instant now);
  ~SiteView();

  void step(const SiteInput& input, base::Instant now, SiteOutputs& out);
  base::Instant wake_at() const;

  // Whether a majority hears this node.
  bool fenced() const;
  // What is known of each task: who may run it.
  void each(const std::function<void(const SiteVote&)>& visit) const;

  struct State;                                    // site_state.h

 private:
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
