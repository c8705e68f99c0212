// Aggregator: readings of many series in, reported readings and windows out, by rules.
//
// Time: a series' readings are put in order of their own times. One waits until no earlier one can come,
// that is, until one newer by the rule's lateness has come, or the series has been silent for so long.
// An earlier reading that comes after that is late: it is counted and nothing else. A window or period
// ends with its time, also if the series falls silent: then when the node's clock is past its end and the
// series was silent, both by the lateness. A reading more than a day ahead of the node's clock is
// counted and left out, so that one wrong clock reading does not make all others late; if everything
// a series sends is late for a minute (its clock was set back), what is open ends and the series
// starts over.
//
// Everything here follows from the calls and their arguments alone: the same calls, from the same saved
// state, come to the same outputs bit by bit. That is how the state survives a crash (node/aggregates.h).
//
// Bounds: `bytes` for all series and their windows, `waiting` readings of one series (then the oldest
// goes on early and is counted). What would not fit is refused by admits(); the caller then treats the
// reading as one that no rule speaks of. step(input, now) -> outputs, which wait in pending().
// Belongs to one thread; no clock, no I/O.

#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "engine/aggregate/rule.h"
#include "engine/aggregate/windows.h"
#include "engine/derive/saved_parts.h"

namespace selvedge::engine {

struct AggregateLimits {
  std::uint64_t bytes = 4 << 20;
  std::uint32_t waiting = 1024;
};

// A reading of the series that is derived from `series`.
struct AggregateOutput {
  std::uint32_t series = 0;
  std::uint32_t rule = 0;              // of the present rules, if `name` is empty
  Derived derived;
  std::string name;                    // of the derived series, if it is not the present rules that say it

  DerivedReading reading() const {
    return {derived.slot, {derived.sample.time}, value_of(derived.kind, derived.sample)};
  }
};

struct AggregateStats {
  std::uint64_t readings = 0;          // taken
  std::uint64_t reported = 0, suppressed = 0;
  std::uint64_t windows = 0;           // readings made of windows
  std::uint64_t late = 0, ahead = 0, repeated = 0;
  std::uint64_t hurried = 0;           // went on before their time, for want of room
  std::uint64_t restarted = 0;         // series whose clock went back
  std::uint64_t discarded = 0;         // series whose saved state was of another rule
  std::uint64_t series = 0, bytes = 0;
};

class Aggregator {
 public:
  using FindSeries = std::function<const model::SeriesDef*(model::SeriesId)>;

  explicit Aggregator(AggregateLimits limits = {});
  ~Aggregator();
  Aggregator(Aggregator&&) noexcept;
  Aggregator& operator=(Aggregator&&) noexcept;

  // What is open of series whose rule changes ends now.
  void set_rules(AggregateRules rules, const FindSeries& find);
  void set_limits(const AggregateLimits& limits) { limits_ = limits; }
  const AggregateRules& rules() const { return rules_; }

  // Whether there is room for what a reading of this time needs.
  bool admits(model::SeriesId series, base::Time time) const;
  // A reading that was stored. Nothing happens if no rule speaks of its series.
  void take(const model::SeriesDef& series, base::Time time, const model::ValueView& value, base::Time now);
  // Time has passed.
  void tick(base::Time now);
  // Whether tick(now) would do anything.
  bool is_due(base::Time now);
  // When to ask again, at the earliest; nothing if that depends on readings alone.
  std::optional<base::Time> next_due() const;

  // Outputs in order. The caller takes them from the front once they are where they belong.
  std::deque<AggregateOutput>& pending() { return pending_; }
  // The name of the derived series. Code::invalid_input if there can be none.
  base::Result<std::string> derived_name(const AggregateOutput& output, const FindSeries& find) const;

  // The whole state in parts of about 256 KiB, with what is pending.
  std::vector<base::Bytes> save(const FindSeries& find) const;
  // Parts in order, as they were saved; takes the place of the present state with the last one.
  // Code::corrupt leaves it as it is.
  base::Result<void> restore(base::BytesView part, const FindSeries& find);

  AggregateStats stats() const;

 private:
  struct Series;
  struct Due {
    std::int64_t at = 0;
    std::uint32_t series = 0;
    friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
  };

  const AggregateRule& rule_of(const Series& s) const;
  Series* open(const model::SeriesDef& series);
  bool is_repeated(Series& s, const Sample& sample);
  bool is_late(Series& s, std::int64_t time, std::int64_t now);
  void start_over(Series& s);
  void release(Series& s, std::int64_t upto);
  void hand_on(Series& s, const Sample& sample);
  void pass(Series& s, std::int64_t now);
  void collect(Series& s);
  void finish(Series& s);
  void forget(std::uint32_t id);
  std::int64_t due(const Series& s) const;
  void queue(Series& s);
  void weigh(Series& s);

  void save_series(const Series& s, base::Writer& out) const;
  bool restore_series(base::Reader& in, const FindSeries& find);

  AggregateLimits limits_;
  AggregateRules rules_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Series>> series_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::deque<AggregateOutput> pending_;
  PartsReader parts_;                  // of a state that is being restored
  std::vector<Sample> reports_;        // of one call; reused
  std::vector<Derived> derived_;
  std::uint64_t bytes_ = 0;
  AggregateStats stats_;
};

}  // namespace selvedge::engine
