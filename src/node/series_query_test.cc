#include "node/series_query.h"

#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace selvedge::node {
namespace {

using engine::Aggregate;

class SeriesQueryTest : public store::StoreTest {
 protected:
  // Two blocks that overlap, the later part fed first, and an open column.
  void fill() {
    open();
    const model::SeriesId id = series("a");
    for (const std::int64_t s : {300, 310, 320, 330}) take(id, s);
    seal();
    for (const std::int64_t s : {100, 200, 315}) take(id, s);
    seal();
    for (const std::int64_t s : {325, 400}) take(id, s);
  }
  void take(model::SeriesId id, std::int64_t s) {
    const double value = static_cast<double>(s * 7 % 40);
    add(id, start + s * second, value);
    all_.push({start + s * second}, model::ValueView::of(value));
  }
  // The same from all readings at once.
  std::string plain(const engine::QueryRange& range) const {
    engine::Query query(range);
    EXPECT_TRUE(query.open(all_));
    return engine::to_json("a", range, query.finish().value());
  }
  std::string asked(const engine::QueryRange& range) const {
    const auto result = query_series(*store, "a", range);
    EXPECT_TRUE(result) << result.error().message;
    return engine::to_json("a", range, *result);
  }

  codec::Columns all_;
};

TEST_F(SeriesQueryTest, TakesBlocksThatOverlapInTheOrderOfTheirReadings) {
  fill();
  engine::QueryRange range;
  range.from = {start + 150 * second};
  range.to = {start + 500 * second};
  range.step = std::chrono::seconds(50);
  range.window = std::chrono::seconds(100);
  range.aggregates = {Aggregate::time_weighted_mean, Aggregate::increase, Aggregate::count};
  const std::string expected = plain(range);
  EXPECT_EQ(asked(range), expected);
  range.held_readings = 8;   // of 9: they never all wait
  EXPECT_EQ(asked(range), expected);
}

TEST_F(SeriesQueryTest, MakesAChartOfAllThereIs) {
  fill();
  engine::QueryRange range;
  range.from = {INT64_MIN};
  range.to = {INT64_MAX};
  range.points = 8;
  for (const auto how : {engine::Downsample::m4, engine::Downsample::minmax, engine::Downsample::lttb}) {
    range.downsample = how;
    EXPECT_EQ(asked(range), plain(range));
  }
  range.downsample = engine::Downsample::m4;
  range.held_readings = 1;   // with its ends known nothing is held
  EXPECT_TRUE(query_series(*store, "a", range));
}

}  // namespace
}  // namespace selvedge::node
