#include "cli/block_csv.h"

#include <gtest/gtest.h>

namespace selvedge::cli {
namespace {

base::Bytes encoded(std::string_view csv, const BlockCsvOptions& options = {}) {
  auto all = double_series(*parse_csv_series("room", csv, 1'000'000), options.series);
  auto bytes = encode_blocks(*all, options);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return *bytes;
}

base::Result<std::string> decoded(base::BytesView file, std::string_view only = {}) {
  std::string csv;
  TRY(decode_blocks(file, only, [&](std::string_view line) { csv += line; }));
  return csv;
}

TEST(BlockCsv, ReadsBackWhatItWrote) {
  const auto csv = decoded(encoded("ts_ms,temp,hum\n1000,21.5,40\n2000,-0,\n3000,nan,inf\n4000,0.1,-inf\n"));
  ASSERT_TRUE(csv) << csv.error().message;
  EXPECT_EQ(*csv,
            "time,room/temp,room/hum\n1970-01-01T00:00:01Z,21.5,40\n1970-01-01T00:00:02Z,-0,\n"
            "1970-01-01T00:00:03Z,nan,inf\n1970-01-01T00:00:04Z,0.1,-inf\n");
}

TEST(BlockCsv, CutsBlocksAndKeepsReadingsOfOneTime) {
  BlockCsvOptions options;
  options.block_readings = 2;
  options.series = "a,b";
  const auto csv = decoded(encoded("time,v\n2026-01-01,1\n2026-01-01,2\n2026-01-02,3\n", options));
  ASSERT_TRUE(csv) << csv.error().message;
  EXPECT_EQ(*csv, "time,\"a,b\"\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:00Z,2\n2026-01-02T00:00:00Z,3\n");
}

TEST(BlockCsv, GivesOneSeriesAlone) {
  const auto file = encoded("ts_ms,temp,hum\n1000,21.5,40\n");
  EXPECT_EQ(*decoded(file, "room/hum"), "time,room/hum\n1970-01-01T00:00:01Z,40\n");
  EXPECT_EQ(decoded(file, "room/x").error().code, base::Code::not_found);
}

TEST(BlockCsv, KeepsWithinABound) {
  BlockCsvOptions options;
  options.encoding.bound = *parse_bound("10%");
  const auto csv = decoded(encoded("ts_ms,v\n0,0\n1,5.3\n2,10\n", options));
  ASSERT_TRUE(csv);
  const auto back = parse_csv_series("x", *csv, 10);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_NEAR(*std::optional(std::stod(back->at(0).values[1])), 5.3, 1.0);
}

TEST(BlockCsv, ReadsBounds) {
  EXPECT_EQ(parse_bound("0.8%")->kind, codec::ErrorBound::Kind::range);
  EXPECT_DOUBLE_EQ(parse_bound("0.8%")->value, 0.008);
  EXPECT_EQ(parse_bound("0.05")->kind, codec::ErrorBound::Kind::absolute);
  EXPECT_TRUE(parse_bound("")->exact());
  for (const char* bad : {"x", "%", "-1", "0", "nan", "inf"}) EXPECT_FALSE(parse_bound(bad)) << bad;
}

TEST(BlockCsv, RefusesFilesThatAreCutShortAnywhere) {
  const auto file = encoded("ts_ms,temp\n1000,21.5\n2000,22\n");
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(decoded(base::BytesView(file).first(size))) << size;
}

}  // namespace
}  // namespace selvedge::cli
