// Followers: the two that follow the store's journal, as one: aggregates and anomalies. Each is told of the
// readings that it takes, as it was when they came. In the journal's states the parts of the anomalies have a
// byte in front, which no part of the aggregates begins with. Belongs to the loop thread.

#pragma once

#include "node/aggregates.h"
#include "node/anomalies.h"
#include "store/journal_follower.h"

namespace selvedge::node {

class Followers final : public store::JournalFollower {
 public:
  Followers(Aggregates& aggregates, Anomalies& anomalies)
      : plans_(aggregates), aggregates_(aggregates), anomalies_(anomalies) {}

  void begin(FindSeries find, EachSeries each) override {
    aggregates_.begin(find, each);
    anomalies_.begin(std::move(find), std::move(each));
  }
  void reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
               base::Time at) override {
    if (plans_.plan(series) != Aggregates::Plan::none) aggregates_.reading(series, time, value, at);
    anomalies_.reading(series, time, value, at);
  }
  void derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) override {
    aggregates_.derived(series, time, value);
    anomalies_.derived(series, time, value);
  }
  void time_passed(base::Time now) override {
    aggregates_.time_passed(now);
    anomalies_.time_passed(now);
  }

  std::vector<base::Bytes> save() override {
    std::vector<base::Bytes> parts = aggregates_.save();
    for (base::Bytes& part : anomalies_.save()) {
      part.insert(part.begin(), of_anomalies);
      parts.push_back(std::move(part));
    }
    return parts;
  }
  void restore(base::BytesView part) override {
    if (!part.empty() && part[0] == of_anomalies) anomalies_.restore(part.subspan(1));
    else aggregates_.restore(part);
  }

 private:
  static constexpr std::uint8_t of_anomalies = 0xA0;

  const Aggregates& plans_;
  store::JournalFollower& aggregates_;
  store::JournalFollower& anomalies_;
};

}  // namespace selvedge::node
