// SiteBeat: what a node of a site says of itself to the others, twice a second and when something changed.
//
// "SSB1", then varints, texts and counts as in docs/spec/uplink.md, then CRC-32C. Decoding trusts nothing: counts and
// names are bounded by SiteLimits, moments by what sums can hold. Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace selvedge::engine {

struct SiteLimits {
  static constexpr std::uint32_t nodes = 64, tasks = 1'000, votes = 4'000, name_bytes = 100;
  static constexpr base::Duration grace_most = std::chrono::seconds(60);
};

// Who may run a task: of two claims the one with the higher (generation, epoch) counts.
struct SiteTask {
  std::string name;
  std::uint64_t generation = 0, epoch = 0;
  base::Duration grace{};                          // its end may take so long
  friend bool operator==(const SiteTask&, const SiteTask&) = default;
};

// What a node has promised of a task: that `node` may run it. Of its own: it claims it, or holds it.
struct SiteVote {
  SiteTask task;
  std::string node, from;                          // from: who held it before; "": nobody
  friend bool operator==(const SiteVote&, const SiteVote&) = default;
};

struct SiteBeat {
  std::string node;
  std::uint64_t incarnation = 0;                   // grows with each start of the program
  std::uint64_t sequence = 0;
  std::uint32_t load = 0;                          // thousandths
  struct Heard {
    std::string node;
    std::uint64_t incarnation = 0, sequence = 0;
    friend bool operator==(const Heard&, const Heard&) = default;
  };
  std::vector<Heard> heard;                        // the newest of each
  std::vector<SiteTask> tasks;                     // it runs, or might for all others know
  std::vector<SiteVote> votes;
  std::vector<SiteTask> wanted;                    // wished of it in a generation above what another holds
  friend bool operator==(const SiteBeat&, const SiteBeat&) = default;
};

void encode_site_beat(const SiteBeat& beat, base::Bytes& out);
base::Result<SiteBeat> decode_site_beat(base::BytesView bytes);

}  // namespace selvedge::engine
