// Anomalies: series that the node watches for unusual behaviour: engine::AnomalyWatch on the store's journal.
//
// A reading goes to the store first and, once its message is in the journal, to the watch; what comes out is
// stored as readings of derived series: the score, whether there is an anomaly, and of which kind. The journal
// says everything the watch ever learns, so after a crash it knows what it knew (store/journal_follower.h), and
// nothing is said twice. Only what models say is not in it: they are asked again.
//
// When there is no room for a further series its readings are not looked at, and counted; a model that is not
// there is asked in vain, and counted. Derived series are never watched. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "engine/anomaly/watch.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct AnomalyRuleSet {
  engine::AnomalyRules rules;
  std::uint64_t memory_bytes = 4 << 20;
};

class Anomalies final : public store::JournalFollower {
 public:
  static constexpr std::size_t most_pending = 64 * 1024;
  // Asks a model of what it thinks of the last values of a series; the answer is a distance in deviations.
  using Ask = std::function<void(const std::string& model, std::uint64_t version, double threshold,
                                 std::vector<double> window, std::function<void(base::Result<double>)> answer)>;

  Anomalies(os::World& world, base::Registry& metrics, AnomalyRuleSet set);
  ~Anomalies() override;

  // The store that it follows, now open; `stored` is called when something waits for a commit.
  void attach(store::ReadingStore& store, std::function<void()> stored);
  void set_models(Ask ask) { ask_ = std::move(ask); }
  // Code::exhausted: the rules are in force, but a crash would find the old state.
  base::Result<void> set_rules(AnomalyRuleSet set);

  bool watches(const model::SeriesDef& series) const;
  bool is_derived(model::SeriesId series) const;
  // So much waits to be stored that nothing more may be taken before it is.
  bool full() { return watch_.pending().size() >= most_pending; }
  // A reading whose message has ended with MessageNote::at = now.
  void took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now);
  // Stores what came out, and asks what is to be asked.
  void flush();

  engine::AnomalyStats stats() const { return watch_.stats(); }

 private:
  void begin(FindSeries find, EachSeries each) override;
  void reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
               base::Time at) override;
  void derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) override;
  void time_passed(base::Time) override {}
  std::vector<base::Bytes> save() override;
  void restore(base::BytesView part) override;

  void mark_derived(model::SeriesId series);
  void find_derived();
  base::Result<model::SeriesId> series_of(const engine::AnomalyOutput& output);
  bool store_some();
  void ask_models();
  void ask(const engine::ModelQuestion& question);
  void add_metrics(base::Registry& metrics);

  os::World& world_;
  AnomalyRuleSet set_;                 // its rules are the watch's
  engine::AnomalyWatch watch_;
  FindSeries find_ = [](model::SeriesId) { return nullptr; };
  EachSeries each_;
  store::ReadingStore* store_ = nullptr;
  std::function<void()> stored_;
  Ask ask_;
  std::uint64_t generation_ = 0;       // of the rules
  std::vector<bool> derived_;          // by number of the series
  std::unordered_map<std::uint64_t, model::SeriesId> outputs_;   // by source and output
  base::Counter& unstored_;
  base::Counter& unanswered_;
  base::log::Throttle log_limit_{1, std::chrono::seconds(10)};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
