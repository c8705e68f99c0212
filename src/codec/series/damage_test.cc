// What a frame does with bytes that are not a frame.

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/series/frame.h"
#include "codec/series/sample_columns.h"

namespace selvedge::codec {
namespace {

base::Bytes temperature_frame() {
  base::Bytes frame;
  EXPECT_TRUE(encode_frame(sample_columns()[1].columns, frame));
  return frame;
}

void make_checksum_right(base::Bytes& frame) {
  const std::uint32_t checksum = base::crc32c(base::BytesView(frame).subspan(4));
  std::memcpy(frame.data(), &checksum, sizeof checksum);
}

// A frame from the parts after the length.
base::Bytes frame_of(const base::Bytes& content, std::uint8_t version = 1) {
  base::Bytes frame;
  base::Writer out(frame);
  out.u32(0);
  out.u8(version);
  out.bytes(content);
  make_checksum_right(frame);
  return frame;
}

TEST(Frame, NoticesEveryFlippedBit) {
  const base::Bytes good = temperature_frame();
  Columns columns;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    base::Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1u << bit % 8));
    ASSERT_FALSE(read_summary(bad)) << "bit " << bit;
    ASSERT_FALSE(decode_frame(bad, columns)) << "bit " << bit;
  }
}

TEST(Frame, NoticesThatItIsCutAnywhere) {
  const base::Bytes good = temperature_frame();
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(read_summary(base::BytesView(good).first(size))) << size;
  base::Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(read_summary(longer));
}

TEST(Frame, SurvivesAnyByteChangedUnderARightChecksum) {
  for (const auto& [name, sample] : sample_columns()) {
    base::Bytes good;
    ASSERT_TRUE(encode_frame(sample, good));
    const std::size_t end = std::min<std::size_t>(good.size(), 120);
    for (std::size_t at = 4; at < end; ++at) {
      for (const unsigned value : {0u, 1u, 0x7Fu, 0x80u, 0xFFu}) {
        base::Bytes bad = good;
        bad[at] = static_cast<std::uint8_t>(value);
        make_checksum_right(bad);
        Columns columns;
        base::ignore(decode_frame(bad, columns), "it may or may not decode; it must not crash");
      }
    }
  }
}

TEST(Frame, SkipsAnExtensionAreaItDoesNotKnow) {
  // One reading: flags (float64, seconds, extension), count, time, span, codecs, number.
  base::Bytes content;
  base::Writer out(content);
  out.u8(0 | 3 << 2 | 16);
  out.varint(1);
  out.svarint(1'760'000'000);
  out.varint(0);
  out.u8(0);
  out.u8(0);
  out.u8(1);  // one number, one digit
  out.svarint(215);
  out.text("from the future");
  out.varint(0);  // no time column
  Columns columns;
  const auto summary = decode_frame(frame_of(content), columns);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->first, 21.5);
  EXPECT_EQ(columns.float64, std::vector<double>{21.5});
}

TEST(Frame, SaysWhenANewerVersionMadeIt) {
  const auto summary = read_summary(frame_of({0, 1, 0, 0}, 2));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().message, "unknown version 2 of a frame");
}

TEST(Frame, ReadsTheSummaryOfACodecItDoesNotKnow) {
  base::Bytes content;
  base::Writer out(content);
  out.u8(0);
  out.varint(2);
  out.svarint(5);
  out.varint(1);
  out.u8(0);
  out.u8(200);  // a value codec of the future
  out.u8(1);
  out.svarint(215);
  out.varint(0);
  out.text("whatever");
  const base::Bytes frame = frame_of(content);
  EXPECT_TRUE(read_summary(frame));
  EXPECT_EQ(codec_name(200), "unknown");
  Columns columns;
  const auto summary = decode_frame(frame, columns);
  ASSERT_FALSE(summary);
  EXPECT_NE(summary.error().message.find("newer version"), std::string::npos);
}

TEST(Frame, BoundsTheCountBeforeItAllocates) {
  base::Bytes content;
  base::Writer out(content);
  out.u8(0);
  out.varint(std::uint64_t{1} << 40);
  out.svarint(5);
  EXPECT_FALSE(read_summary(frame_of(content)));
}

}  // namespace
}  // namespace selvedge::codec
