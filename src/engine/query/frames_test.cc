// Blocks asked for as they are, and blocks that are sealed.

#include <gtest/gtest.h>

#include "codec/series/sealed.h"
#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

base::Bytes frame_of(std::initializer_list<std::int64_t> times) {
  codec::Columns columns;
  for (const std::int64_t time : times) columns.push({time}, model::ValueView::of(1.5));
  base::Bytes frame;
  EXPECT_TRUE(codec::encode_frame(columns, frame));
  return frame;
}

base::Bytes sealed(const base::Bytes& frame) {
  base::Bytes out;
  EXPECT_TRUE(codec::put_sealed_frame(codec::sealed_header(codec::read_summary(frame).value()),
                                      base::to_bytes("..."), out));
  return out;
}

QueryRange between(std::int64_t from, std::int64_t to, QueryRange::Want want) {
  QueryRange range;
  range.from = {from};
  range.to = {to};
  range.want = want;
  return range;
}

base::Result<bool> feed(Query& query, const base::Bytes& frame) {
  return query.block(codec::read_summary(frame).value(), frame);
}

TEST(Query, RefusesReadingsOfASealedBlockInItsRangeOnly) {
  for (const bool windows : {false, true}) {
    QueryRange range = between(100, 200, QueryRange::Want::readings);
    if (windows) range.step = base::Duration(1000);
    Query query(range);
    EXPECT_TRUE(feed(query, sealed(frame_of({10, 20}))));
    const auto refused = feed(query, sealed(frame_of({110, 120})));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::Code::denied);
    EXPECT_NE(refused.error().message.find("--unseal"), std::string::npos);
  }
}

TEST(Query, GivesFramesAsTheyAre) {
  Query query(between(100, 200, QueryRange::Want::frames));
  const base::Bytes open = frame_of({150, 160}), closed = sealed(frame_of({110, 250}));
  ASSERT_TRUE(feed(query, frame_of({10, 20})));
  EXPECT_TRUE(query.needs_frame(codec::read_summary(closed).value()));
  ASSERT_TRUE(feed(query, closed).value());
  ASSERT_TRUE(feed(query, open).value());
  codec::Columns column;
  column.push({170}, model::ValueView::of(2.5));
  ASSERT_TRUE(query.open(column).value());
  const QueryResult result = query.finish().value();
  ASSERT_EQ(result.frames.size(), 3U);
  EXPECT_EQ(result.frames[0], closed);
  EXPECT_EQ(result.frames[1], open);
  EXPECT_EQ(codec::read_summary(result.frames[2]).value().first, 2.5);
  EXPECT_FALSE(result.truncated);
}

TEST(Query, FramesTogetherAreBounded) {
  const base::Bytes frame = frame_of({150, 160});
  QueryRange range = between(100, 200, QueryRange::Want::frames);
  range.frame_bytes = frame.size() * 2;
  Query query(range);
  EXPECT_TRUE(feed(query, frame).value());
  EXPECT_TRUE(feed(query, frame).value());
  EXPECT_FALSE(feed(query, frame).value());
  const QueryResult result = query.finish().value();
  EXPECT_EQ(result.frames.size(), 2U);
  EXPECT_TRUE(result.truncated);
}

}  // namespace
}  // namespace selvedge::engine
