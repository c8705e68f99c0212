#include "codec/payload/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "codec/payload/moment.h"

namespace selvedge::codec::payload {
namespace {

using TimeUnit = Options::TimeUnit;

std::optional<double> lenient(std::string_view text) {
  const auto number = parse_decimal(text, Grammar::lenient);
  return number ? to_double(*number) : std::nullopt;
}

// 2^1024 - 2^970, half-way between the largest double and the next one that does not exist.
constexpr const char* half_above_largest =
    "17976931348623158079372897140530341507993413271003782693617377898044496829276475"
    "09466490179775872070963302864166928879109465555478519404026306574886715058206819"
    "08902000708383676273854845817711531764475730270069855571366959622842914819860834"
    "936475292719074168444365510704342711559699508093042880177904174497792";

TEST(Number, IsRoundedCorrectly) {
  for (const char* text :
       {"0", "-0", "1", "21.5", "0.1", "0.3", "-273.15", "1e22", "1e23", "1e-22", "1e-23", "123456789012345678",
        "9007199254740993", "9007199254740992", "9007199254740991.5", "1.7976931348623157e308", "4.9e-324",
        "2.2250738585072011e-308", "2.2250738585072014e-308", "2.4703282292062328e-324", "8.98846567431158e307",
        "0.000000000000000000000000000000000000001", "100000000000000016777215", "100000000000000016777216",
        "6.02214076e23", "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124", "12345678901234567890123456789e-10",
        "3.141592653589793238462643383279502884197", "17976931348623157e292", "0e99999", "7e-99999"}) {
    SCOPED_TRACE(text);
    const auto value = lenient(text);
    ASSERT_TRUE(value);
    const double expected = std::strtod(text, nullptr);
    EXPECT_EQ(*value, expected);
    EXPECT_EQ(std::signbit(*value), std::signbit(expected));
  }
}

TEST(Number, ReadsAllOfManyDigits) {
  std::string below(half_above_largest);
  below.back() = '1';
  EXPECT_EQ(lenient(below), std::numeric_limits<double>::max());
  EXPECT_EQ(lenient("1" + std::string(300, '0') + "." + std::string(100'000, '0') + "1"), 1e300);
  EXPECT_EQ(lenient("0." + std::string(100'000, '0') + "1e100001"), 1.0);
  EXPECT_EQ(lenient("0." + std::string(400, '0') + "1"), 0.0);
}

TEST(Number, EqualsStrtodForRandomDecimals) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = random() % 2 ? "-" : "";
    const auto whole = random() % 12, fraction = random() % 14;
    for (std::uint64_t d = 0; d <= whole; ++d) text += static_cast<char>('0' + random() % 10);
    if (random() % 4 != 0) text += '.';
    if (text.back() == '.')
      for (std::uint64_t d = 0; d <= fraction; ++d) text += static_cast<char>('0' + random() % 10);
    if (random() % 4 == 0) text += "e" + std::to_string(static_cast<int>(random() % 80) - 40);
    const auto value = lenient(text);
    ASSERT_TRUE(value) << text;
    ASSERT_EQ(*value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(Number, BeyondTheLargestDoubleIsNone) {
  for (const char* text : {"1e309", "-1e309", "1.8e308", "1e99999999999999999999", half_above_largest}) {
    EXPECT_TRUE(parse_decimal(text, Grammar::lenient)) << text;
    EXPECT_FALSE(lenient(text)) << text;
  }
}

struct GrammarCase {
  const char* text;
  bool json, lenient;
};

TEST(Number, FollowsTheGrammarAskedFor) {
  const GrammarCase cases[] = {
      {"0", true, true},      {"-1", true, true},      {"1.5E+3", true, true}, {"+1", false, true},
      {".5", false, true},    {"5.", false, true},     {"007", false, true},   {"-.5", false, true},
      {"+-1", false, false},  {"--1", false, false},   {"-", false, false},    {"+", false, false},
      {".", false, false},    {"", false, false},      {"1e", false, false},   {"1e+", false, false},
      {"1.2.3", false, false}, {"0x10", false, false}, {"nan", false, false},  {"inf", false, false},
      {"Infinity", false, false}, {"1 ", false, false}, {" 1", false, false},  {"1,5", false, false},
      {"-00", false, true},   {"01.5", false, true},   {"1_000", false, false}, {"e5", false, false},
  };
  for (const GrammarCase& c : cases) {
    EXPECT_EQ(parse_decimal(c.text, Grammar::json).has_value(), c.json) << c.text;
    EXPECT_EQ(parse_decimal(c.text, Grammar::lenient).has_value(), c.lenient) << c.text;
  }
}

TEST(Number, BecomesAnInt64OnlyBeyondWhatADoubleHolds) {
  const auto value = [](std::string_view text) { return *to_value(*parse_decimal(text, Grammar::json)); };
  using model::ValueView;
  EXPECT_EQ(value("21"), ValueView::of(21.0));
  EXPECT_EQ(value("21.5"), ValueView::of(21.5));
  EXPECT_EQ(value("-0"), ValueView::of(-0.0));
  EXPECT_EQ(value("9007199254740992"), ValueView::of(9007199254740992.0));
  EXPECT_EQ(value("9007199254740993"), ValueView::of(std::int64_t{9007199254740993}));
  EXPECT_EQ(value("-9007199254740993"), ValueView::of(std::int64_t{-9007199254740993}));
  EXPECT_EQ(value("9223372036854775807"), ValueView::of(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(value("-9223372036854775808"), ValueView::of(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(value("9223372036854775808"), ValueView::of(9223372036854775808.0));
  EXPECT_EQ(value("18446744073709551616"), ValueView::of(18446744073709551616.0));
  EXPECT_EQ(value("9007199254740993.0"), ValueView::of(9007199254740992.0)) << "not written as an integer";
  EXPECT_EQ(value("1e300"), ValueView::of(1e300));
}

struct TimeCase {
  const char* text;
  TimeUnit unit;
  std::optional<std::int64_t> ns;
};

TEST(Moment, IsExactToTheNanosecond) {
  const TimeCase cases[] = {
      {"1700000000", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"1700000000.123", TimeUnit::automatic, 1'700'000'000'123'000'000},
      {"1700000000.123456789", TimeUnit::automatic, 1'700'000'000'123'456'789},
      {"170000000.1234567895", TimeUnit::automatic, 170'000'000'123'456'790},
      {"1700000000.12345678999", TimeUnit::automatic, 1'700'000'000'123'456'789},
      {"1700000000.0000000000000000000001", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"1.7e9", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"17e8", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"1700000000000", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"1700000000000.5", TimeUnit::automatic, 1'700'000'000'000'500'000},
      {"1700000000000000", TimeUnit::automatic, 1'700'000'000'000'000'000},
      {"1700000000000000001", TimeUnit::automatic, 1'700'000'000'000'000'001},
      {"1700000000", TimeUnit::ms, 1'700'000'000'000'000},
      {"1700000000", TimeUnit::us, 1'700'000'000'000},
      {"1700000000", TimeUnit::ns, 1'700'000'000},
      {"1700000000", TimeUnit::s, 1'700'000'000'000'000'000},
      {"0", TimeUnit::automatic, 0},
      {"-1", TimeUnit::automatic, -1'000'000'000},
      {"-1.5", TimeUnit::automatic, -1'500'000'000},
      {"1e-30", TimeUnit::s, 0},
      {"9223372036.854775807", TimeUnit::s, std::numeric_limits<std::int64_t>::max()},
      {"9223372036.854775808", TimeUnit::s, std::nullopt},
      {"9223372037", TimeUnit::automatic, std::nullopt},
      {"99999999999", TimeUnit::automatic, std::nullopt},
      {"1e300", TimeUnit::automatic, std::nullopt},
      {"1e999999999", TimeUnit::ns, std::nullopt},
      {"2026-01-01T00:00:00Z", TimeUnit::automatic, 1'767'225'600'000'000'000},
      {"2026-01-01T01:00:00.25+01:00", TimeUnit::ms, 1'767'225'600'250'000'000},
      {"yesterday", TimeUnit::automatic, std::nullopt},
      {"", TimeUnit::automatic, std::nullopt},
  };
  for (const TimeCase& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = to_time(std::string_view(c.text), c.unit);
    ASSERT_EQ(time.has_value(), c.ns.has_value());
    EXPECT_EQ(time.value_or(base::Time{}).ns, c.ns.value_or(0));
  }
}

TEST(Moment, RoundsBinarySecondsToTheMicrosecond) {
  EXPECT_EQ(seconds_to_ns(1276020076.001), 1'276'020'076'001'000'000);
  EXPECT_EQ(seconds_to_ns(-5.25), -5'250'000'000);
  EXPECT_EQ(seconds_to_ns(0.9999999), 1'000'000'000);
  EXPECT_FALSE(seconds_to_ns(9.3e9));
  EXPECT_FALSE(seconds_to_ns(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(seconds_to_ns(std::numeric_limits<double>::infinity()));
}

}  // namespace
}  // namespace selvedge::codec::payload
