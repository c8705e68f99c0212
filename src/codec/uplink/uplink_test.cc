#include "codec/uplink/uplink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "base/text.h"
#include "base/wire.h"

namespace selvedge::codec::uplink {
namespace {

constexpr std::uint8_t frame_a[] = {1, 2, 3};
constexpr std::uint8_t frame_b[] = {0xFF};

Batch sample_batch() {
  Batch batch;
  batch.epoch = model::Epoch{0x0123456789ABCDEF};
  batch.sent_at = {1'772'366'400'000'000'000};
  batch.series = {
      {.id = model::SeriesId{7}, .kind = model::Kind::float64, .name = "boiler/7", .device = "b7"},
      {.id = model::SeriesId{300}, .kind = model::Kind::text, .name = "\xc3\xa9tat", .device = ""}};
  batch.blocks = {{.seq = model::BlockSeq{1000},
                   .series = model::SeriesId{7},
                   .sealed_at = {1'772'366'399'000'000'000},
                   .frame = frame_a},
                  {.seq = model::BlockSeq{998},
                   .series = model::SeriesId{300},
                   .sealed_at = {1'772'366'400'000'000'001},
                   .frame = frame_b}};
  return batch;
}

base::Bytes encoded(const auto& message) {
  base::Bytes bytes;
  encode(message, bytes);
  return bytes;
}

// `bytes` with its checksum made right again, to reach what lies behind it.
base::Bytes sealed(base::Bytes bytes) {
  const base::BytesView view(bytes);
  const std::uint32_t crc = base::crc32c(view.subspan(8), base::crc32c(view.subspan(0, 4)));
  base::Writer(bytes).patch_u32(4, crc);
  return bytes;
}

base::Bytes message(std::uint8_t kind, std::string_view body_hex) {
  base::Bytes bytes = {'S', 'U', 1, kind, 0, 0, 0, 0};
  base::append(bytes, base::from_hex(body_hex).value());
  return sealed(bytes);
}

void expect_same(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.sent_at, b.sent_at);
  ASSERT_EQ(a.series.size(), b.series.size());
  for (std::size_t i = 0; i < a.series.size(); ++i) {
    EXPECT_EQ(a.series[i].id, b.series[i].id);
    EXPECT_EQ(a.series[i].kind, b.series[i].kind);
    EXPECT_EQ(a.series[i].name, b.series[i].name);
    EXPECT_EQ(a.series[i].device, b.series[i].device);
  }
  ASSERT_EQ(a.blocks.size(), b.blocks.size());
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    EXPECT_EQ(a.blocks[i].seq, b.blocks[i].seq);
    EXPECT_EQ(a.blocks[i].series, b.blocks[i].series);
    EXPECT_EQ(a.blocks[i].sealed_at, b.blocks[i].sealed_at);
    EXPECT_TRUE(std::ranges::equal(a.blocks[i].frame, b.blocks[i].frame));
  }
}

TEST(UplinkBatch, IsReadBackAsWritten) {
  const base::Bytes bytes = encoded(sample_batch());
  expect_same(decode_batch(bytes).value(), sample_batch());
}

TEST(UplinkBatch, KeepsItsBytes) {
  // The worked example of docs/spec/uplink.md: nodes in the field speak it.
  EXPECT_EQ(base::to_hex(encoded(sample_batch())),
            "53550101bf1c6cec"
            "11efcdab89674523018080b4bdb6f6da9831"
            "020e070008626f696c65722f370262370aac020305c3a974617400"
            "0208d00f0780a8d6b907030102030403ac020101ff");
}

TEST(UplinkBatch, HoldsExtremeValues) {
  for (const std::int64_t ns : {INT64_MIN, INT64_C(-1), INT64_C(0), INT64_MAX}) {
    Batch batch;
    batch.epoch = model::Epoch{UINT64_MAX};
    batch.sent_at = {ns};
    batch.blocks = {{model::BlockSeq{max_seq}, model::SeriesId{UINT32_MAX}, {INT64_MIN}, frame_a},
                    {model::BlockSeq{1}, model::SeriesId{0}, {INT64_MAX}, frame_b}};
    const base::Bytes bytes = encoded(batch);
    expect_same(decode_batch(bytes).value(), batch);
  }
}

TEST(UplinkBatch, MayBeEmptyAndIsAppended) {
  base::Bytes bytes = {9, 9};
  encode(Batch{}, bytes);
  expect_same(decode_batch(base::BytesView(bytes).subspan(2)).value(), Batch{});
}

TEST(UplinkBatch, CutsALongDeviceNameBetweenCharacters) {
  Batch batch;
  std::string device(511, 'd');
  device += "\xc3\xa9\xc3\xa9";
  batch.series = {
      {.id = model::SeriesId{1}, .kind = model::Kind::int64, .name = "n", .device = device}};
  const base::Bytes bytes = encoded(batch);
  EXPECT_EQ(decode_batch(bytes).value().series[0].device, std::string(511, 'd'));
}

TEST(UplinkBatch, NoticesEveryFlippedBit) {
  const base::Bytes good = encoded(sample_batch());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    base::Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(decode_batch(bad)) << bit;
  }
}

TEST(UplinkBatch, NoticesEveryCut) {
  const base::Bytes good = encoded(sample_batch());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_batch(base::BytesView(good).subspan(0, size))) << size;
    if (size < 8) continue;
    const base::Bytes cut =
        sealed({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
    EXPECT_FALSE(decode_batch(cut)) << size;
  }
}

TEST(UplinkBatch, SkipsWhatALaterVersionAdds) {
  // Head, series, block head and the message itself, each with bytes at the end not known here.
  const Batch batch = decode_batch(message(1,
                                           "0c"
                                           "0100000000000000"
                                           "00"
                                           "aabbcc"
                                           "01"
                                           "06"
                                           "05"
                                           "00"
                                           "0161"
                                           "00"
                                           "ff"
                                           "01"
                                           "05"
                                           "02"
                                           "05"
                                           "00"
                                           "ffff"
                                           "0142"
                                           "deadbeef"))
                          .value();
  ASSERT_EQ(batch.series.size(), 1U);
  EXPECT_EQ(batch.series[0].name, "a");
  ASSERT_EQ(batch.blocks.size(), 1U);
  EXPECT_EQ(batch.blocks[0].seq, model::BlockSeq{1});
  EXPECT_EQ(batch.blocks[0].series, model::SeriesId{5});
  EXPECT_EQ(batch.blocks[0].frame.size(), 1U);
}

TEST(UplinkBatch, RefusesWhatIsNotAllowed) {
  const std::string head =
      "09"
      "0100000000000000"
      "00";
  const struct {
    const char* what;
    base::Bytes bytes;
    base::Code code;
  } cases[] = {
      {"nothing", {}, base::Code::corrupt},
      {"another magic", sealed({'X', 'U', 1, 1, 0, 0, 0, 0}), base::Code::corrupt},
      {"a later version", sealed({'S', 'U', 2, 1, 0, 0, 0, 0}), base::Code::invalid_input},
      {"an acknowledgement", message(2, head + "0000"), base::Code::invalid_input},
      {"an unknown kind", message(3, head + "0000"), base::Code::invalid_input},
      {"no head", message(1, ""), base::Code::corrupt},
      {"a short head",
       message(1,
               "03"
               "010203"
               "0000"),
       base::Code::corrupt},
      {"no lists", message(1, head), base::Code::corrupt},
      {"more series than bytes", message(1, head + "ffffffff0f"), base::Code::corrupt},
      {"series without end", message(1, head + "ffffffffffffffffff01"), base::Code::corrupt},
      {"more blocks than bytes",
       message(1, head + "00"
                         "ffffff7f"
                         "0302050001"),
       base::Code::corrupt},
      {"a varint of eleven bytes", message(1, head + "ffffffffffffffffffff01"),
       base::Code::corrupt},
      {"series number 2^32",
       message(1, head + "01"
                         "09"
                         "8080808010"
                         "00"
                         "0161"
                         "00"
                         "00"),
       base::Code::invalid_input},
      {"series kind 4",
       message(1, head + "01"
                         "05"
                         "01"
                         "04"
                         "0161"
                         "00"
                         "00"),
       base::Code::invalid_input},
      {"a series without name",
       message(1, head + "01"
                         "05"
                         "01"
                         "00"
                         "00"
                         "0161"
                         "00"),
       base::Code::invalid_input},
      {"a name with a newline",
       message(1, head + "01"
                         "05"
                         "01"
                         "00"
                         "010a"
                         "00"
                         "00"),
       base::Code::invalid_input},
      {"a name with DEL",
       message(1, head + "01"
                         "05"
                         "01"
                         "00"
                         "017f"
                         "00"
                         "00"),
       base::Code::invalid_input},
      {"a name not in UTF-8",
       message(1, head + "01"
                         "05"
                         "01"
                         "00"
                         "01ff"
                         "00"
                         "00"),
       base::Code::invalid_input},
      {"a device not in UTF-8",
       message(1, head + "01"
                         "06"
                         "01"
                         "00"
                         "0161"
                         "01ff"
                         "00"),
       base::Code::invalid_input},
      {"block number 0",
       message(1, head + "00"
                         "01"
                         "03"
                         "00"
                         "05"
                         "00"
                         "0142"),
       base::Code::invalid_input},
      {"block number 2^64-1",
       message(1, head + "00"
                         "01"
                         "03"
                         "01"
                         "05"
                         "00"
                         "0142"),
       base::Code::invalid_input},
      {"an empty frame",
       message(1, head + "00"
                         "01"
                         "03"
                         "02"
                         "05"
                         "00"
                         "00"
                         "00"),
       base::Code::corrupt},
      {"a frame past the end",
       message(1, head + "00"
                         "01"
                         "03"
                         "02"
                         "05"
                         "00"
                         "0242"),
       base::Code::corrupt},
      {"a block of a series 2^32",
       message(1, head + "00"
                         "01"
                         "07"
                         "02"
                         "8080808010"
                         "00"
                         "0142"),
       base::Code::invalid_input},
      {"too long", base::Bytes(max_batch_bytes + 1), base::Code::invalid_input},
  };
  for (const auto& c : cases) {
    const auto batch = decode_batch(c.bytes);
    ASSERT_FALSE(batch) << c.what;
    EXPECT_EQ(batch.error().code, c.code) << c.what << ": " << batch.error().message;
  }
}

TEST(UplinkBatch, HoldsTheLargestFrameBesideTheLongestSeries) {
  const base::Bytes frame(max_batch_frame_bytes, 0x5A);
  Batch batch;
  batch.series = {{.id = model::SeriesId{UINT32_MAX},
                   .kind = model::Kind::text,
                   .name = std::string(512, 'n'),
                   .device = std::string(512, 'd')}};
  batch.blocks = {{model::BlockSeq{max_seq}, model::SeriesId{UINT32_MAX}, {INT64_MIN}, frame}};
  const base::Bytes bytes = encoded(batch);
  EXPECT_TRUE(decode_batch(bytes));
}

Ack ack_of(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> ranges) {
  Ack ack;
  ack.epoch = model::Epoch{42};
  for (const auto& [first, last] : ranges)
    ack.ranges.push_back({model::BlockSeq{first}, model::BlockSeq{last}});
  return ack;
}

TEST(UplinkAck, IsReadBackAsWritten) {
  for (const Ack& ack :
       {ack_of({}), ack_of({{1, 1}}), ack_of({{5, 900}, {902, 902}, {100'000, 200'000}}),
        ack_of({{max_seq, max_seq}}), ack_of({{1, max_seq}})}) {
    const Ack read = decode_ack(encoded(ack)).value();
    EXPECT_EQ(read.epoch, ack.epoch);
    EXPECT_EQ(read.ranges, ack.ranges);
  }
}

TEST(UplinkAck, KeepsItsBytes) {
  EXPECT_EQ(base::to_hex(encoded(ack_of({{998, 998}, {1000, 1003}}))),
            "53550102271ce416082a0000000000000002e607000203");
}

TEST(UplinkAck, RefusesWhatIsNotAllowed) {
  const std::string head =
      "08"
      "2a00000000000000";
  const struct {
    const char* what;
    base::Bytes bytes;
  } cases[] = {
      {"nothing", {}},
      {"a batch", encoded(sample_batch())},
      {"no head", message(2, "")},
      {"no list", message(2, head)},
      {"more ranges than bytes", message(2, head + "03"
                                                   "0100"
                                                   "0200")},
      {"a range cut short", message(2, head + "01"
                                              "ff"
                                              "ff")},
      {"block 0", message(2, head + "01"
                                    "00"
                                    "00")},
      {"a range that touches the one before", message(2, head + "02"
                                                                "0100"
                                                                "0100")},
      {"a range that overlaps", message(2, head + "02"
                                                  "0105"
                                                  "0000")},
      {"a first past 2^63-1", message(2, head + "01"
                                                "80808080808080808001"
                                                "00")},
      {"a last past 2^63-1", message(2, head + "01"
                                               "01"
                                               "ffffffffffffffff7f")},
      {"a last that wraps", message(2, head + "01"
                                              "02"
                                              "ffffffffffffffffff01")},
  };
  for (const auto& c : cases) EXPECT_FALSE(decode_ack(c.bytes)) << c.what;
}

TEST(UplinkAck, SkipsWhatALaterVersionAdds) {
  const Ack ack = decode_ack(message(2,
                                     "0a"
                                     "2a00000000000000"
                                     "ffff"
                                     "01"
                                     "0100"
                                     "c0ffee"))
                      .value();
  EXPECT_EQ(ack.ranges, ack_of({{1, 1}}).ranges);
}

TEST(UplinkTopic, NamesItsNode) {
  EXPECT_EQ(blocks_topic("gate-7"), "up/gate-7/blocks");
  EXPECT_EQ(ack_topic("gate-7"), "down/gate-7/ack");
  EXPECT_EQ(node_of_blocks_topic("up/gate-7/blocks"), "gate-7");
  for (const char* other : {"", "up/", "up//blocks", "up/blocks", "up/a/b/blocks", "up/a/block",
                            "down/a/blocks", "/up/a/blocks", "up/a/blocks/"}) {
    EXPECT_EQ(node_of_blocks_topic(other), "") << other;
  }
}

}  // namespace
}  // namespace selvedge::codec::uplink
