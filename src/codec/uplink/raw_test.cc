#include <gtest/gtest.h>

#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

TEST(Raw, AQuestionComesThrough) {
  const RawRequest asked{42, {INT64_MIN}, {INT64_MAX}, 7, "boiler/7"};
  base::Bytes bytes;
  encode(asked, bytes);
  const auto read = decode_raw_request(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->request, 42u);
  EXPECT_EQ(read->from, asked.from);
  EXPECT_EQ(read->to, asked.to);
  EXPECT_EQ(read->skip, 7u);
  EXPECT_EQ(read->series, "boiler/7");
}

TEST(Raw, AnAnswerComesThrough) {
  const base::Bytes a{1, 2, 3}, b{4};
  base::Bytes bytes;
  encode(RawAnswer{42, std::nullopt, "", true, {a, b}}, bytes);
  auto read = decode_raw_answer(bytes);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->refused);
  EXPECT_TRUE(read->more);
  ASSERT_EQ(read->frames.size(), 2u);
  EXPECT_EQ(base::Bytes(read->frames[0].begin(), read->frames[0].end()), a);
  bytes.clear();
  encode(RawAnswer{42, base::Code::not_found, "no such series", false, {}}, bytes);
  read = decode_raw_answer(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->refused, base::Code::not_found);
  EXPECT_EQ(read->why, "no such series");
}

TEST(Raw, EveryCutAndEveryChangedBitIsNoticed) {
  const base::Bytes frame{1, 2, 3};
  base::Bytes question, answer;
  encode(RawRequest{1, {2}, {3}, 4, "s"}, question);
  encode(RawAnswer{1, std::nullopt, "", false, {frame}}, answer);
  for (const base::Bytes& whole : {question, answer}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_raw_request(base::BytesView(whole).first(length)));
      EXPECT_FALSE(decode_raw_answer(base::BytesView(whole).first(length)));
    }
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      base::Bytes changed = whole;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1U << bit % 8);
      EXPECT_FALSE(decode_raw_request(changed));
      EXPECT_FALSE(decode_raw_answer(changed));
    }
  }
}

}  // namespace
}  // namespace selvedge::codec::uplink
