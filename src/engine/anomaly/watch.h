// AnomalyWatch: readings of many series in, scores and alarms out, by rules.
//
// Readings of a series are taken in order of their own times. One that is not newer than the last is late and
// counted; if nothing else comes any more (the device's clock was set back), the series goes on from there, as
// after a gap. A reading more than a day ahead of the node's clock is left out, so that one wrong clock reading
// does not make all others late. NaN, infinities and numbers beyond 1e30 are missing values. A pause of ten times
// the usual interval is a gap: runs and moving averages do not go on across it, what was learnt stays.
//
// Time comes in with readings, and by tick() for series that say nothing any more: when a reading came counts
// there, by the node's clock, whatever its own time or value. That clock may be set, and the node may have been
// off: excuse() counts anew from now.
//
// Everything here follows from the calls and their arguments alone: the same calls, from the same saved state,
// come to the same outputs bit by bit. That is how the state survives a crash (node/anomalies.h). Only what a
// model answers comes from elsewhere.
//
// Bound: `bytes` for all series, each admitted with all it will ever take; those beyond it are counted and
// not watched. step(input, now) -> outputs, which wait in pending(). Belongs to one thread; no clock, no I/O.

#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "engine/anomaly/alarm.h"
#include "engine/anomaly/rule.h"
#include "engine/derive/saved_parts.h"

namespace selvedge::engine {

// A reading of a series that is derived from `series`.
struct AnomalyOutput {
  enum class What : std::uint8_t { score, flag, kind };
  std::uint32_t series = 0;
  std::uint32_t rule = 0;              // of the present rules, if `name` is empty
  What what = What::score;
  std::int64_t time = 0;
  double score = 0;
  bool raised = false;
  AnomalyKind kind = AnomalyKind::none;
  std::string name;                    // of the derived series, if it is not the present rules that say it

  model::ValueView value() const;
  DerivedReading reading() const { return {static_cast<std::uint16_t>(what), {time}, value()}; }
};

// The last values of a series whose rule wants a model's word.
struct ModelQuestion {
  std::uint32_t series = 0, rule = 0;
  std::int64_t time = 0;               // of the last value
};

struct AnomalyStats {
  std::uint64_t readings = 0, missing = 0, late = 0, ahead = 0, gaps = 0, restarted = 0;
  std::uint64_t unadmitted = 0;        // readings of series that did not fit
  std::uint64_t alarms = 0;            // raised so far
  std::uint64_t discarded = 0;         // series whose saved state was of another rule
  std::uint64_t unasked = 0;           // readings that a model was not asked about, as it was busy
  std::uint64_t series = 0, raised = 0, bytes = 0;
};

class AnomalyWatch {
 public:
  using FindSeries = std::function<const model::SeriesDef*(model::SeriesId)>;

  explicit AnomalyWatch(std::uint64_t bytes = 4 << 20);
  ~AnomalyWatch();
  AnomalyWatch(AnomalyWatch&&) noexcept;
  AnomalyWatch& operator=(AnomalyWatch&&) noexcept;

  // Series whose rule changes begin anew; what is raised there is over.
  void set_rules(AnomalyRules rules, const FindSeries& find);
  void set_bytes(std::uint64_t bytes) { limit_ = bytes; }
  const AnomalyRules& rules() const { return rules_; }

  // A reading that was stored. Nothing happens if no rule speaks of its series.
  void take(const model::SeriesDef& series, base::Time time, const model::ValueView& value, base::Time now);

  // The present: series that were silent for too long by then are so.
  void tick(base::Time now);
  // Whether tick(now) would do anything.
  bool is_due(base::Time now);
  // Whether a rule wants to know of silence at all: else nothing is ever due.
  bool listens() const { return listens_; }
  // The time until now says nothing of silence: the clock jumped, or nobody could be heard.
  void excuse(base::Time now);

  // Outputs in order. The caller takes them from the front once they are where they belong.
  std::deque<AnomalyOutput>& pending() { return pending_; }
  base::Result<std::string> derived_name(const AnomalyOutput& output, const FindSeries& find) const;

  // Questions for models, one a series at most; each must be answered.
  std::vector<ModelQuestion> take_questions() { return std::exchange(questions_, {}); }
  // The last values of the series, oldest first, at least `count`; empty if there are not so many.
  std::vector<double> window(std::uint32_t series, std::size_t count) const;
  // What came of it: deviations, or nothing (no model, no answer).
  void answer(const ModelQuestion& question, std::optional<double> residual);

  // The whole state in parts of about 256 KiB, with what is pending.
  std::vector<base::Bytes> save(const FindSeries& find) const;
  // Parts in order, as they were saved; takes the place of the present state with the last one.
  // Code::corrupt leaves it as it is.
  base::Result<void> restore(base::BytesView part, const FindSeries& find);

  AnomalyStats stats() const;

 private:
  struct Series;

  Series* open(const model::SeriesDef& series);
  std::vector<std::uint32_t> ids() const;
  bool place(Series& s, std::int64_t time, std::int64_t now, bool& gap);
  void hear(Series& s, std::int64_t time, std::int64_t now);
  void fall_silent(Series& s);
  void speak_again(Series& s, std::int64_t time);
  void judge(Series& s, std::int64_t time, double residual, bool ready, bool stuck);
  void put(const Series& s, AnomalyOutput::What what, std::int64_t time, double score);
  void forget(std::uint32_t id);
  void save_series(const Series& s, base::Writer& out) const;
  bool restore_series(base::Reader& in, const FindSeries& find);
  bool restore_values(Series& s, base::Reader& in) const;

  std::uint64_t limit_;
  AnomalyRules rules_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Series>> series_;
  std::deque<AnomalyOutput> pending_;
  std::vector<ModelQuestion> questions_;
  PartsReader parts_;                  // of a state that is being restored
  std::uint64_t bytes_ = 0, raised_ = 0;
  bool listens_ = false;               // by the rules
  std::int64_t silence_due_ = INT64_MIN;           // no series is silent for too long before then
  AnomalyStats stats_;
};

}  // namespace selvedge::engine
