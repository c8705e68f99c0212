#include "node/task_lines.h"

#include <gtest/gtest.h>

namespace selvedge::node {
namespace {

std::vector<std::string> split(std::initializer_list<std::string_view> pieces) {
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter;
  for (const std::string_view piece : pieces) splitter.feed(base::as_bytes(piece), take);
  splitter.end(take);
  return lines;
}

TEST(LineSplitter, JoinsPiecesAndCutsWhatHasNoEnd) {
  EXPECT_EQ(split({"a", "b\nc\r\n", "\n", "d"}), (std::vector<std::string>{"ab", "c", "", "d"}));
  const std::string endless(LineSplitter::most + 5, 'x');
  const auto lines = split({endless, "\n"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), LineSplitter::most);
  EXPECT_EQ(lines[1], "xxxxx");
  EXPECT_TRUE(split({}).empty());
}

TEST(TaskLines, AReadingHasItsNameTimeAndValue) {
  const base::Time now{1'000'000'000};
  const auto one = readings_of_line(R"( {"series":"a/b","time":"2026-01-01T00:00:00Z","value":"open"} )", "out", now).value();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->readings.at(0).series, "out/a/b");
  EXPECT_EQ(one->readings.at(0).value.text, "open");
  EXPECT_EQ(one->readings.at(0).time, base::parse_time("2026-01-01T00:00:00Z").value());
  const auto named = readings_of_line(R"({"name":"n","value":1.5})", "out", now).value();
  ASSERT_TRUE(named);
  EXPECT_EQ(named->readings.at(0).series, "out/n");
  EXPECT_EQ(named->readings.at(0).time, now);
  const auto plain = readings_of_line(R"({"a":1,"b":{"c":2},"text":"is no reading"})", "out", now).value();
  ASSERT_TRUE(plain);
  ASSERT_EQ(plain->readings.size(), 2u);
  EXPECT_EQ(plain->readings[1].series, "out/b/c");
  EXPECT_EQ(readings_of_line("21.5", "out", now).value()->readings.at(0).series, "out");
}

TEST(TaskLines, OtherLinesAreNoReadings) {
  for (const char* line : {"", "  ", "hello", "12 monkeys", "{}", "[]", R"({"text":"x"})"}) {
    const auto found = readings_of_line(line, "out", {});
    EXPECT_TRUE(found && !*found) << line;
  }
  for (const std::string& line : {std::string("{\"a\":"), std::string("[info] x"), R"({"name":")" + std::string(600, 'n') + R"(","value":1})"})
    EXPECT_FALSE(readings_of_line(line, "out", {})) << line.substr(0, 20);
}

TEST(TaskLines, WhatIsFedIsALineOfJson) {
  EXPECT_EQ(reading_line("a\"b", base::Time{0}, model::ValueView::of(std::string_view("x\ny"))),
            "{\"series\":\"a\\\"b\",\"time\":\"1970-01-01T00:00:00Z\",\"value\":\"x\\ny\"}\n");
  EXPECT_EQ(reading_line("a", base::Time{0}, model::ValueView::of(true)), "{\"series\":\"a\",\"time\":\"1970-01-01T00:00:00Z\",\"value\":true}\n");
}

}  // namespace
}  // namespace selvedge::node
