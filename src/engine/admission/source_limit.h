// SourceLimit: how often a source may be wrong: passwords, tokens, joins, handshakes. Pure.
//
// A token bucket a source (see source.h): each failure takes one, one comes back every `refill`.
// Whoever has none left is refused before anything is looked up, so that guessing costs the guesser
// time and us nothing. What proves itself (a certificate, a right password that was proven before)
// is not asked about here by its callers, so no neighbour behind the same address can lock it out.
//
// The table holds `sources`; beyond that the one whose last failure is longest ago is forgotten,
// which whoever has more addresses than that can use, and which costs memory nothing. A source
// whose bucket is full again is forgotten too.

#pragma once

#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "engine/admission/source.h"

namespace selvedge::engine {

struct SourceLimits {
  std::uint32_t burst = 10;
  base::Duration refill = std::chrono::seconds(6);
  std::uint32_t sources = 4096;
};

class SourceLimit {
 public:
  explicit SourceLimit(SourceLimits limits) : limits_(limits) {}

  // May it try again? Counts the refusal if not.
  bool allows(std::string_view address, base::Instant now);
  // The same without counting.
  bool is_over(std::string_view address, base::Instant now) const;
  void failed(std::string_view address, base::Instant now);
  // It was right this time: what it got wrong before is forgiven.
  void proved(std::string_view address);
  // Until it may try again; zero if it may now.
  base::Duration wait(std::string_view address, base::Instant now) const;

  std::size_t sources() const { return table_.size(); }
  std::uint64_t failures() const { return failures_; }
  std::uint64_t refusals() const { return refusals_; }

 private:
  // The bucket as a moment: it is full when now reaches `full_at`; every failure moves that on.
  struct Entry {
    Source source;
    base::Instant full_at{};
  };
  using Entries = std::list<Entry>;      // the latest failure first

  base::Instant full_at(std::string_view address) const;
  void forget_full(base::Instant now);

  SourceLimits limits_;
  Entries entries_;
  std::unordered_map<Source, Entries::iterator> table_;
  std::uint64_t failures_ = 0, refusals_ = 0;
};

}  // namespace selvedge::engine
