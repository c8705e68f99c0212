// Against the plainest model there is: all readings in a list, and each window worked out anew from it.

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "engine/aggregate/aggregate_fixture.h"

namespace selvedge::engine {
namespace {

struct Plain {
  std::int64_t time;
  double value;
};

std::map<std::string, double> window_of(std::vector<Plain> all, std::int64_t start, std::int64_t window) {
  std::ranges::stable_sort(all, {}, &Plain::time);
  std::vector<Plain> in;
  for (const Plain& r : all)
    if (r.time >= start && r.time < start + window) in.push_back(r);
  if (in.empty()) return {};
  std::map<std::string, double> f;
  f["count"] = static_cast<double>(in.size());
  f["first"] = in.front().value;
  f["last"] = in.back().value;
  f["min"] = f["max"] = in[0].value;
  double sum = 0;
  for (const Plain& r : in) {
    sum += r.value;
    f["min"] = std::min(f["min"], r.value);
    f["max"] = std::max(f["max"], r.value);
  }
  f["sum"] = sum;
  f["mean"] = sum / f["count"];
  double squares = 0;
  for (const Plain& r : in) squares += (r.value - f["mean"]) * (r.value - f["mean"]);
  f["stddev"] = std::sqrt(squares / f["count"]);
  std::vector<double> sorted;
  for (const Plain& r : in) sorted.push_back(r.value);
  std::ranges::sort(sorted);
  f["p90"] = sorted[static_cast<std::size_t>(0.9 * static_cast<double>(sorted.size() - 1))];
  double area = 0, held = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::int64_t until = std::min(all[i].time + window, start + window);
    if (i + 1 < all.size()) until = std::min(until, all[i + 1].time);
    const std::int64_t from = std::max(all[i].time, start);
    if (until <= from) continue;
    area += all[i].value * static_cast<double>(until - from);
    held += static_cast<double>(until - from);
  }
  f["time-weighted-mean"] = area / held;
  return f;
}

class AggregateProperty : public AggregateTest {
 protected:
  const std::vector<std::string> functions{"min", "max", "mean", "sum", "count", "first", "last", "stddev",
                                           "time-weighted-mean", "p90"};
};

// Whatever order, gaps, silences and crashes: each window is that of the readings that were not late.
TEST_F(AggregateProperty, EveryWindowIsThatOfTheReadingsTaken) {
  for (unsigned seed = 1; seed <= 15; ++seed) {
    std::mt19937_64 random(seed);
    const auto pick = [&](std::int64_t low, std::int64_t high) {
      return std::uniform_int_distribution<std::int64_t>(low, high)(random);
    };
    const std::int64_t slide = pick(1, 5) * second, slides = pick(1, 6);
    const std::int64_t lateness = pick(0, 3) * second;
    defs_.clear();
    aggregator = Aggregator();
    use(windows_rule(static_cast<double>(slide * slides) / 1e9, static_cast<double>(slide) / 1e9, functions,
                     static_cast<double>(lateness) / 1e9));
    std::vector<Plain> accepted;
    std::map<std::int64_t, std::map<std::string, double>> found;
    std::int64_t now = 1'000'000 * second, newest = 0;
    const auto collect = [&] {
      for (const AggregateOutput& output : aggregator.pending()) {
        const std::string name = aggregator.derived_name(output, find).value();
        auto& window = found[output.derived.sample.time];
        const auto [at, fresh] = window.emplace(
            name.substr(name.rfind('/') + 1), number_of(output.derived.kind, output.derived.sample.bits));
        EXPECT_TRUE(fresh) << "a window came out twice, seed " << seed;
      }
      aggregator.pending().clear();
    };
    bool was_silent = false;
    for (int i = 0; i < 300; ++i) {
      now += pick(0, 20) == 0 ? pick(0, 40) * second : pick(0, second);
      if (pick(0, 3) == 0 && aggregator.is_due({now})) {
        aggregator.tick({now});
        was_silent = true;
      }
      const std::int64_t time = now - (pick(0, 2) == 0 ? pick(0, 4 * second) : 0);
      const double value = static_cast<double>(pick(-1000, 1000)) / 8;
      const std::uint64_t late = aggregator.stats().late;
      aggregator.take(series(1), {time}, model::ValueView::of(value), {now});
      if (aggregator.stats().late == late) accepted.push_back({time, value});
      else EXPECT_TRUE(time < newest - lateness || was_silent) << "late without need, seed " << seed;
      newest = std::max(newest, time);
      collect();
      if (pick(0, 9) == 0) {   // a crash, and the state comes back
        Aggregator next;
        next.set_rules(AggregateRules::create(rules_).value(), find);
        for (const base::Bytes& part : aggregator.save(find)) ASSERT_TRUE(next.restore(part, find));
        aggregator = std::move(next);
      }
    }
    while (const auto due = aggregator.next_due()) {
      now = std::max(now, due->ns);
      aggregator.tick({now});
      collect();
    }
    std::set<std::int64_t> starts;
    for (const Plain& r : accepted)
      for (std::int64_t k = 0; k < slides; ++k) starts.insert(floor_to(r.time, slide) - k * slide);
    ASSERT_EQ(found.size(), starts.size()) << "seed " << seed;
    for (const std::int64_t start : starts) {
      const auto wanted = window_of(accepted, start, slide * slides);
      for (const std::string& f : functions)
        EXPECT_NEAR(found[start][f], wanted.at(f), (f == "p90" ? 0.011 : 1e-9) * (1e-6 + std::abs(wanted.at(f))))
            << f << " of " << start << ", seed " << seed;
    }
    if (HasFailure()) return;
  }
}

// The state after a restart goes on exactly as if there had been none.
TEST_F(AggregateProperty, ARestoredStateGoesOnBitByBit) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 random(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    AggregateRule a = windows_rule(6, 2, functions, 1), b = report_rule(Report::either), c = report_rule(Report::swinging_door);
    a.filter = "s/1", b.filter = "s/2", c.filter = "s/3";
    b.dead_band = 1, b.min_interval = seconds(1), b.max_interval = seconds(20), b.period = seconds(5), b.raw = Raw::drop;
    c.dead_band = 2, c.max_interval = seconds(30);
    rules_ = {a, b, c};
    defs_.clear();
    for (const std::uint32_t id : {1u, 2u, 3u}) series(id);
    aggregator = Aggregator();
    begin();
    Aggregator twin;
    twin.set_rules(AggregateRules::create(rules_).value(), find);
    std::int64_t now = 5'000 * second;
    for (int i = 0; i < 400; ++i) {
      now += pick(0, 30) == 0 ? pick(1, 20) * second : pick(0, 1000) * 1'000'000LL;
      for (Aggregator* one : {&aggregator, &twin}) {
        std::mt19937_64 same(seed * 1000 + static_cast<unsigned>(i));
        if (one->is_due({now})) one->tick({now});
        const auto id = static_cast<std::uint32_t>(1 + same() % 3);
        const std::int64_t time = now - static_cast<std::int64_t>(same() % 3) * second / 2;
        one->take(defs_[id], {time}, model::ValueView::of(static_cast<double>(same() % 50) / 4), {now});
      }
      if (pick(0, 7) == 0) {
        Aggregator next;
        next.set_rules(AggregateRules::create(rules_).value(), find);
        for (const base::Bytes& part : twin.save(find)) ASSERT_TRUE(next.restore(part, find));
        twin = std::move(next);
      }
      ASSERT_EQ(aggregator.pending().size(), twin.pending().size()) << "seed " << seed << " step " << i;
    }
    for (std::size_t i = 0; i < aggregator.pending().size(); ++i) {
      const AggregateOutput &x = aggregator.pending()[i], &y = twin.pending()[i];
      EXPECT_EQ(x.series, y.series);
      EXPECT_EQ(x.derived.slot, y.derived.slot);
      EXPECT_EQ(x.derived.sample, y.derived.sample);
    }
  }
}

}  // namespace
}  // namespace selvedge::engine
