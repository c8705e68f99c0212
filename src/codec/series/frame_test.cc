#include "codec/series/frame.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/series/sample_columns.h"

namespace selvedge::codec {
namespace {

using model::Kind;

base::Bytes encoded(const Columns& columns) {
  base::Bytes frame;
  const auto summary = encode_frame(columns, frame);
  EXPECT_TRUE(summary) << summary.error().message;
  return frame;
}

Columns floats(std::vector<double> values) {
  Columns c;
  for (const double v : values)
    c.push({samples::start + static_cast<std::int64_t>(c.size()) * samples::second},
           model::ValueView::of(v));
  return c;
}

void expect_same(const Columns& a, const Columns& b) {
  ASSERT_EQ(a.kind, b.kind);
  ASSERT_EQ(a.times, b.times);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_TRUE(a.at(i) == b.at(i)) << "value " << i;
}

TEST(Frame, GivesBackEveryShapeOfColumnBitForBit) {
  for (const auto& [name, columns] : sample_columns()) {
    SCOPED_TRACE(name);
    const base::Bytes frame = encoded(columns);
    Columns back;
    const auto summary = decode_frame(frame, back);
    ASSERT_TRUE(summary) << summary.error().message;
    expect_same(columns, back);
    EXPECT_EQ(summary->count, columns.size());
    EXPECT_EQ(summary->first_time.ns, columns.times.front());
    EXPECT_EQ(summary->last_time.ns, columns.times.back());
    EXPECT_NE(codec_name(summary->codec), "unknown");
  }
}

TEST(Frame, GivesBackEveryShapeWhenThereIsLittleTime) {
  for (const auto& [name, columns] : sample_columns()) {
    SCOPED_TRACE(name);
    base::Bytes frame;
    ASSERT_TRUE(encode_frame(columns, frame, {.effort = Effort::fast, .bound = {}}));
    Columns back;
    const auto summary = decode_frame(frame, back);
    ASSERT_TRUE(summary) << summary.error().message;
    expect_same(columns, back);
  }
}

TEST(Frame, KeepsAnErrorBoundAndItsHeaderSpeaksOfWhatIsRead) {
  std::vector<double> values;
  samples::Noise noise(5);
  for (int i = 0; i < 3000; ++i) {
    values.push_back(20 + 5 * std::sin(i * 0.01) + static_cast<double>(noise.next() % 1000) * 1.37e-4);
    if (i % 700 == 3) values.back() = std::numeric_limits<double>::quiet_NaN();
    if (i % 900 == 5) values.back() = std::numeric_limits<double>::infinity();
  }
  const Columns columns = floats(values);
  for (const double bound : {0.001, 0.05, 3.0}) {
    for (const Effort effort : {Effort::dense, Effort::fast}) {
      base::Bytes frame;
      const ErrorBound wanted{ErrorBound::Kind::absolute, bound};
      const auto made = encode_frame(columns, frame, {.effort = effort, .bound = wanted});
      ASSERT_TRUE(made) << made.error().message;
      Columns back;
      const auto summary = decode_frame(frame, back);
      ASSERT_TRUE(summary) << summary.error().message;
      double min = 1e300;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
          ASSERT_TRUE(back.at(i) == columns.at(i));
          continue;
        }
        ASSERT_LE(std::abs(back.float64[i] - values[i]), bound) << i;
        min = std::min(min, back.float64[i]);
      }
      EXPECT_EQ(summary->min, min);
      EXPECT_EQ(summary->first, back.float64.front());
      EXPECT_EQ(summary->last, back.float64.back());
      EXPECT_EQ(summary->nan_count, made->nan_count);
      EXPECT_EQ(back.times, columns.times);
    }
  }
}

TEST(Frame, OfAHundredReadingsOfATemperatureIsSmall) {
  std::vector<double> values;
  samples::Noise noise(9);
  std::int64_t at = 2150;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<double>(at += static_cast<std::int64_t>(noise.next() % 5) - 2) / 100);
  EXPECT_LT(encoded(floats(values)).size(), 85u);   // 1,600 bytes of times and values
}

TEST(Frame, AppendsToWhatIsThere) {
  base::Bytes out = base::to_bytes("before");
  ASSERT_TRUE(encode_frame(floats({1.5, 2.5}), out));
  EXPECT_EQ(base::as_text(base::BytesView(out).first(6)), "before");
  EXPECT_TRUE(read_summary(base::BytesView(out).subspan(6)));
}

TEST(Frame, IsSmallWhenItHoldsFewReadings) {
  EXPECT_LE(encoded(floats({21.5})).size(), 21u);
  EXPECT_LE(encoded(floats({21.5, 21.6, 21.4})).size(), 40u);
  // A regular clock and a constant value cost nothing beyond the header.
  EXPECT_LE(encoded(floats(std::vector<double>(1000, 21.5))).size(), 32u);
}

TEST(Frame, SortsReadingsByTimeAndKeepsTheOrderOfEqualTimes) {
  Columns c;
  for (const auto& [time, value] : {std::pair{30, 3.0}, {10, 1.0}, {20, 2.0}, {10, 1.5}})
    c.push({time}, model::ValueView::of(value));
  Columns back;
  ASSERT_TRUE(decode_frame(encoded(c), back));
  EXPECT_EQ(back.times, (std::vector<std::int64_t>{10, 10, 20, 30}));
  EXPECT_EQ(back.float64, (std::vector<double>{1.0, 1.5, 2.0, 3.0}));
}

TEST(Frame, SaysMinMaxSumFirstAndLastExactly) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  struct Case {
    std::vector<double> values;
    double min, max, sum, first, last;
    std::uint32_t nan_count = 0;
  };
  const Case cases[] = {
      {{21.5}, 21.5, 21.5, 21.5, 21.5, 21.5},
      {{1, 2, 3}, 1, 3, 6, 1, 3},
      {{0.1, 0.2, 0.3}, 0.1, 0.3, 0.6, 0.1, 0.3},      // a plain sum gives 0.6000000000000001
      {{1e100, 1, -1e100}, -1e100, 1e100, 1, 1e100, -1e100},  // a plain sum gives 0
      {{nan, 5, nan, 7}, 5, 7, 12, nan, 7, 2},
      {{nan, nan}, nan, nan, nan, nan, nan, 2},
      {{1, inf}, 1, inf, inf, 1, inf},
      {{-inf, inf}, -inf, inf, nan, -inf, inf},
      {{-5.25, -1.125}, -5.25, -1.125, -6.375, -5.25, -1.125},
  };
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (const Case& c : cases) {
    const auto s = read_summary(encoded(floats(c.values)));
    ASSERT_TRUE(s);
    EXPECT_TRUE(same(s->min, c.min)) << s->min;
    EXPECT_TRUE(same(s->max, c.max)) << s->max;
    EXPECT_TRUE(same(s->sum, c.sum)) << s->sum << " for " << c.sum;
    EXPECT_TRUE(same(s->first, c.first)) << s->first;
    EXPECT_TRUE(same(s->last, c.last)) << s->last;
    EXPECT_EQ(s->nan_count, c.nan_count);
  }
}

TEST(Frame, KeepsTheSignOfZeroInItsNumbers) {
  const auto s = read_summary(encoded(floats({-0.0, 1, -0.0})));
  ASSERT_TRUE(s);
  EXPECT_TRUE(std::signbit(s->first));
  EXPECT_TRUE(std::signbit(s->last));
}

TEST(Frame, SumsIntegersExactlyBeforeItRounds) {
  Columns c;
  c.kind = Kind::int64;
  for (const std::int64_t v : {INT64_MAX, INT64_MAX, std::int64_t{5}, -INT64_MAX, -INT64_MAX})
    c.push({static_cast<std::int64_t>(c.size())}, model::ValueView::of(v));
  const auto s = read_summary(encoded(c));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->sum, 5);
}

TEST(Frame, DescribesBooleansAsZeroAndOneAndTextsByLength) {
  Columns switches;
  switches.kind = Kind::boolean;
  for (const bool v : {true, true, false}) switches.push({0}, model::ValueView::of(v));
  const auto s = read_summary(encoded(switches));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->sum, 2);
  EXPECT_EQ(s->first, 1);

  Columns words;
  words.kind = Kind::text;
  for (const std::string_view v : {"abc", "", "hello"}) words.push({0}, model::ValueView::of(v));
  const auto t = read_summary(encoded(words));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->min, 0);
  EXPECT_EQ(t->max, 5);
  EXPECT_EQ(t->sum, 8);
}

TEST(Frame, RefusesColumnsThatDoNotFitTogether) {
  base::Bytes out;
  EXPECT_EQ(encode_frame(Columns{}, out).error().code, base::Code::invalid_input);
  Columns lame = floats({1, 2});
  lame.float64.pop_back();
  EXPECT_EQ(encode_frame(lame, out).error().code, base::Code::invalid_input);
  Columns text;
  text.kind = Kind::text;
  text.push({0}, model::ValueView::of(std::string_view(std::string(max_text_bytes + 1, 'x'))));
  EXPECT_EQ(encode_frame(text, out).error().code, base::Code::invalid_input);
  EXPECT_TRUE(out.empty());
}

TEST(Frame, HoldsAsManyReadingsAsItMay) {
  Columns c = floats(std::vector<double>(max_readings_per_block, 1.0));
  c.float64.back() = 2;
  Columns back;
  ASSERT_TRUE(decode_frame(encoded(c), back));
  EXPECT_EQ(back.float64, c.float64);
  c.push({c.times.back() + 1}, model::ValueView::of(1.0));
  base::Bytes out;
  EXPECT_FALSE(encode_frame(c, out));
}

}  // namespace
}  // namespace selvedge::codec
