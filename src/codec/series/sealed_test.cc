#include "codec/series/sealed.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec/series/frame.h"

namespace selvedge::codec {
namespace {

model::BlockSummary temperature() {
  Columns columns;
  for (int i = 0; i < 100; ++i) columns.push({1'700'000'000'000'000'000 + i * 1'000'000'000L + i}, model::ValueView::of(20.5 + i));
  base::Bytes frame;
  return encode_frame(columns, frame).value();
}

TEST(SealedFrame, ShowsWhatIsNeededToFindItAndNothingElse) {
  const model::BlockSummary inner = temperature();
  base::Bytes frame;
  const base::Bytes header = sealed_header(inner), sealed = base::to_bytes("not to be read");
  ASSERT_TRUE(put_sealed_frame(header, sealed, frame));
  const model::BlockSummary outer = read_summary(frame).value();
  EXPECT_TRUE(is_sealed(outer));
  EXPECT_EQ(codec_name(outer.codec), "sealed");
  EXPECT_EQ(outer.kind, inner.kind);
  EXPECT_EQ(outer.count, inner.count);
  EXPECT_EQ(outer.first_time, inner.first_time);
  EXPECT_EQ(outer.last_time, inner.last_time);
  for (const double number : {outer.min, outer.max, outer.sum, outer.first, outer.last}) EXPECT_TRUE(std::isnan(number));
  const SealedFrame opened = open_sealed_frame(frame).value();
  EXPECT_EQ(base::as_text(opened.sealed), "not to be read");
  EXPECT_EQ(base::as_text(opened.header), base::as_text(header));
  Columns columns;
  EXPECT_EQ(decode_frame(frame, columns).error().code, base::Code::denied);
}

TEST(SealedFrame, AnOpenFrameIsNone) {
  Columns columns;
  columns.push({1}, model::ValueView::of(1.0));
  base::Bytes frame;
  ASSERT_TRUE(encode_frame(columns, frame));
  EXPECT_EQ(open_sealed_frame(frame).error().code, base::Code::invalid_input);
  for (std::size_t i = 0; i < frame.size(); ++i)
    EXPECT_FALSE(open_sealed_frame(base::BytesView(frame).first(i))) << i;
}

}  // namespace
}  // namespace selvedge::codec
