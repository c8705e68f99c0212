// Anomalies: series that the node watches for unusual behaviour: engine::AnomalyWatch on the store's journal.
//
// A reading goes to the store first and, once its message is in the journal, to the watch; what comes out is
// stored as readings of derived series: the score, whether there is an anomaly, and of which kind. The journal
// says everything the watch ever learns, so after a crash it knows what it knew (store/journal_follower.h), and
// nothing is said twice. Only what models say is not in it: they are asked again.
//
// Silence is by the node's clock, which the journal has too: whoever notes the passing of time in it (these, the
// aggregates) tells the other, so that a restart comes to the same. When that clock was set, and after a start,
// silence counts anew; the state is then saved, since the journal says nothing of it.
//
// When there is no room for a further series its readings are not looked at, and counted; a model that is not
// there is asked in vain, and counted. Derived series are never watched. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "engine/anomaly/watch.h"
#include "node/derived_readings.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct AnomalyRuleSet {
  engine::AnomalyRules rules;
  std::uint64_t memory_bytes = 4 << 20;
};

class Anomalies final : public store::JournalFollower {
 public:
  // Asks a model of what it thinks of the last values of a series; the answer is a distance in deviations.
  using Ask = std::function<void(const std::string& model, std::uint64_t version, double threshold,
                                 std::vector<double> window, std::function<void(base::Result<double>)> answer)>;

  Anomalies(os::World& world, base::Registry& metrics, AnomalyRuleSet set);
  ~Anomalies() { world_.loop().cancel(timer_); }

  // The store that it follows, now open; `stored` is called when something waits for a commit.
  void attach(store::ReadingStore& store, std::function<void()> stored);
  void set_models(Ask ask) { ask_ = std::move(ask); }
  // Code::exhausted: the rules are in force, but a crash would find the old state.
  base::Result<void> set_rules(AnomalyRuleSet set);

  bool watches(const model::SeriesDef& series) const;
  bool is_derived(model::SeriesId series) const { return derived_.contains(series); }
  // So much waits to be stored that nothing more may be taken before it is.
  bool full() const { return derived_.full(); }
  // Somebody else is about to note the passing of time in the journal, and has done so; and whom to tell when this does.
  void before_note();
  void time_noted(base::Time now);
  void on_note(std::function<void(base::Time)> noted) { on_note_ = std::move(noted); }
  // A reading whose message has ended with MessageNote::at = now.
  void took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now);
  // Stores what came out, and asks what is to be asked.
  void flush();
  // Nothing is asked or stored from now on: the store closes.
  void stop();

  engine::AnomalyStats stats() const { return watch_.stats(); }

 private:
  void begin(FindSeries find, EachSeries each) override { derived_.begin(std::move(find), std::move(each)); }
  void reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
               base::Time at) override;
  void derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) override {
    derived_.came_back(series, time, value);
  }
  void time_passed(base::Time now) override { watch_.tick(now); }
  std::vector<base::Bytes> save() override;
  void restore(base::BytesView part) override;

  void ask(const engine::ModelQuestion& question);
  void arm();
  void tick();
  // True if the clock was set since the last call; silence then counts anew.
  bool clock_was_set();
  void excuse();
  void add_metrics(base::Registry& metrics);

  os::World& world_;
  engine::AnomalyWatch watch_;
  DerivedReadings<engine::AnomalyWatch> derived_;
  Ask ask_;
  std::function<void(base::Time)> on_note_;
  store::ReadingStore* store_ = nullptr;
  os::TimerId timer_{};
  base::Duration clock_at_{};          // the wall clock less the monotonic one, when it was looked at last
  std::uint64_t generation_ = 0;       // of the rules
  bool attached_ = false;              // to a store that is open
  base::Counter& unanswered_;
  base::log::Throttle log_limit_{1, std::chrono::seconds(10)};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
