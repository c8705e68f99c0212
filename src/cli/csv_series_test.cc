#include "cli/csv_series.h"

#include <gtest/gtest.h>

namespace selvedge::cli {
namespace {

TEST(CsvSeries, MakesADeviceOfEachColumn) {
  const auto all = parse_csv_series("office room", "ts_ms,temp c,hum\n1000,21.50,40\n2000,,41\n", 100);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].topic, "office_room");
  EXPECT_EQ((*all)[0].field, "temp_c");
  EXPECT_EQ((*all)[0].values, (std::vector<std::string>{"21.50"}));
  EXPECT_EQ((*all)[1].times.size(), 2u);
  EXPECT_EQ((*all)[1].times[1].ns, 2'000'000'000);
}

TEST(CsvSeries, NamesTheLineItCannotRead) {
  EXPECT_EQ(parse_csv_series("x", "t,v\n1,2\n3\n", 100).error().message,
            "x:3: expected 2 columns, found 1");
  EXPECT_EQ(parse_csv_series("x", "t,v\n1,abc\n", 100).error().message,
            "x:2: 'abc' is not a number");
  EXPECT_FALSE(parse_csv_series("x", "only\n1\n", 100));
}

}  // namespace
}  // namespace selvedge::cli
