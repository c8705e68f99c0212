// A saved state from a disk: whatever is taken must be saved again, and go on.

#include "engine/aggregate/aggregator.h"

namespace {

namespace base = selvedge::base;
namespace engine = selvedge::engine;
namespace model = selvedge::model;

std::vector<engine::AggregateRule> rules() {
  engine::AggregateRule windows, reports, door;
  windows.filter = "w";
  windows.window = std::chrono::seconds(60);
  windows.slide = std::chrono::seconds(20);
  windows.lateness = std::chrono::seconds(2);
  for (const char* name : {"mean", "stddev", "time-weighted-mean", "p99"})
    windows.functions.push_back(engine::parse_function(name).value());
  reports.filter = "r";
  reports.report = engine::Report::either;
  reports.period = std::chrono::seconds(10);
  reports.min_interval = std::chrono::seconds(1);
  reports.max_interval = std::chrono::seconds(60);
  door.filter = "d";
  door.report = engine::Report::swinging_door;
  door.dead_band = 1;
  return {windows, reports, door};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto made = engine::AggregateRules::create(rules()).value();
  static const model::SeriesDef defs[] = {{model::SeriesId{1}, model::Kind::float64, "w", ""},
                                          {model::SeriesId{2}, model::Kind::float64, "r", ""},
                                          {model::SeriesId{3}, model::Kind::int64, "d", ""},
                                          {model::SeriesId{4}, model::Kind::text, "r", ""}};
  const auto find = [](model::SeriesId id) -> const model::SeriesDef* {
    const auto at = static_cast<std::uint32_t>(id);
    return at >= 1 && at <= 4 ? &defs[at - 1] : nullptr;
  };
  engine::Aggregator aggregator;
  aggregator.set_rules(made, find);
  if (!aggregator.restore(base::BytesView(data, size), find)) return 0;
  const auto parts = aggregator.save(find);
  engine::Aggregator again;
  again.set_rules(made, find);
  for (const base::Bytes& part : parts) CHECK(again.restore(part, find));
  CHECK(again.stats().series == aggregator.stats().series);
  const base::Time now{1'700'000'000'000'000'000};
  for (int i = 0; i < 8; ++i) {
    aggregator.take(defs[0], now + std::chrono::seconds(30 * i), model::ValueView::of(1.5), now);
    aggregator.take(defs[1], now + std::chrono::seconds(30 * i), model::ValueView::of(2.5 * i), now);
    aggregator.take(defs[2], now + std::chrono::seconds(30 * i), model::ValueView::of(std::int64_t{i}), now);
  }
  aggregator.tick(now + std::chrono::hours(100));
  return 0;
}
