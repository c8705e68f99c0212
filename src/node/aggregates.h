// Aggregates: the node's aggregation: engine::Aggregator on the store's journal.
//
// A reading goes to the store first and, once its message is in the journal, to the aggregator; what comes
// out is stored as readings of derived series. Time that passes is noted in the journal before the
// aggregator is told. So the journal says everything the aggregator ever learns, and after a crash
// it comes to the same outputs again (store/journal_follower.h): an acknowledged reading is in its windows
// exactly once, and no window comes out with two values.
//
// When there is no room for a further series or window its readings are treated as if no rule spoke of
// them, and counted; nothing is lost by that but the aggregate. Derived series are never aggregated again.
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <vector>

#include "base/metrics.h"
#include "engine/aggregate/aggregator.h"
#include "node/derived_readings.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

// Rules, and for each how the blocks of its raw readings are coded.
struct AggregateRuleSet {
  engine::AggregateRules rules;
  std::vector<store::SeriesPolicy> policies;
  std::uint64_t memory_bytes = 4 << 20;
};

class Aggregates final : public store::JournalFollower {
 public:
  // What becomes of the readings of a series.
  enum class Plan : std::uint8_t { none, take, take_only };   // take_only: and the raw ones go nowhere

  Aggregates(os::World& world, base::Registry& metrics, AggregateRuleSet set);
  ~Aggregates() override;

  // The store that it follows, now open; `stored` is called when something waits for a commit.
  void attach(store::ReadingStore& store, std::function<void()> stored);
  // Code::exhausted: the rules are in force, but a crash would find the old state.
  base::Result<void> set_rules(AggregateRuleSet set);

  Plan plan(const model::SeriesDef& series) const;
  store::SeriesPolicy policy(const model::SeriesDef& series) const;
  // Whether there is room; counts if not.
  bool admits(model::SeriesId series, base::Time time);
  // So much waits to be stored that nothing more may be taken before it is.
  bool full() const { return derived_.full(); }
  // A reading whose message has ended with MessageNote::at = now.
  void took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now);
  // Somebody else has noted the passing of time in the journal; and whom to tell before this does, and after.
  void time_noted(base::Time now);
  void on_note(std::function<void()> before, std::function<void(base::Time)> noted) {
    before_note_ = std::move(before);
    on_note_ = std::move(noted);
  }
  // Stores what came out.
  void flush() { derived_.flush(); }
  // Time stands still from now on; what is open is in the journal.
  void stop();

  engine::AggregateStats stats() const { return aggregator_.stats(); }

 private:
  void begin(FindSeries find, EachSeries each) override { derived_.begin(std::move(find), std::move(each)); }
  void reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
               base::Time at) override;
  void derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) override {
    derived_.came_back(series, time, value);
  }
  void time_passed(base::Time now) override;
  std::vector<base::Bytes> save() override;
  void restore(base::BytesView part) override;

  void arm();
  void tick();
  void add_metrics(base::Registry& metrics);

  os::World& world_;
  std::vector<store::SeriesPolicy> policies_;   // by rule
  engine::Aggregator aggregator_;
  DerivedReadings<engine::Aggregator> derived_;
  store::ReadingStore* store_ = nullptr;
  std::function<void()> before_note_;
  std::function<void(base::Time)> on_note_;
  os::TimerId timer_{};
  bool refused_ = false;               // the store would not note the time; not again at once
  bool stopped_ = false;
  base::Counter& unadmitted_;
};

}  // namespace selvedge::node
