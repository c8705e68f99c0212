#include <gtest/gtest.h>

#include <string>

#include "codec/mqtt/packet.h"

namespace selvedge::codec::mqtt {
namespace {

TEST(Topic, MatchesAsTheStandardSays) {
  struct Case {
    std::string_view filter, topic;
    bool match;
  };
  constexpr Case cases[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player10", false},
      {"sport/#", "sport", true},
      {"sport/#", "sports", false},
      {"#", "a", true},
      {"#", "/", true},
      {"#", "a/b/c", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+", "a", true},
      {"+", "/a", false},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "", false},
      {"+/tennis/#", "sport/tennis", true},
      {"+/+/#", "a", false},
      {"+/#", "a", true},
      {"a/b", "a/b", true},
      {"a/b", "a/B", false},
      {"a/b", "a/b/", false},
      {"a/b/", "a/b", false},
      {"/a", "a", false},
      {"a//b", "a//b", true},
      {"a/+/b", "a//b", true},
      {"a", "a b", false},
      {"#", "$SYS/uptime", false},
      {"+/uptime", "$SYS/uptime", false},
      {"$SYS/#", "$SYS/uptime", true},
      {"$SYS/+", "$SYS/uptime", true},
      {"a/#", "a/$SYS", true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(matches(c.filter, c.topic), c.match) << c.filter << " against " << c.topic;
  }
}

TEST(Topic, TellsNamesAndFiltersFromWhatIsNeither) {
  using std::string_view_literals::operator""sv;
  struct Case {
    std::string_view text;
    bool name, filter;
  };
  constexpr Case cases[] = {
      {"a", true, true}, {"/", true, true}, {"a/b c/d", true, true}, {"", false, false},
      {"+", false, true}, {"#", false, true}, {"a/+/b", false, true}, {"a/#", false, true},
      {"a+/b", false, false}, {"a/+b", false, false}, {"a#", false, false}, {"#/a", false, false},
      {"a/#/b", false, false}, {"##", false, false}, {"++", false, false},
      {"+/+/#", false, true}, {"temp\xC3\xA9rature/1", true, true},
      {"temp\xC3\xA9rature/+", false, true}, {"bad\xC3/x", false, false},
      {"a\0b"sv, false, false}, {"abcdefgh\0"sv, false, false}, {"\xED\xA0\x80", false, false},
      {"abcdefghi/jklmnop+", false, false}, {"\xC3\xA9/\0"sv, false, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(is_topic_name(c.text), c.name) << c.text;
    EXPECT_EQ(is_topic_filter(c.text), c.filter) << c.text;
  }
  EXPECT_TRUE(is_topic_name(std::string(65'535, 'a')));
  EXPECT_FALSE(is_topic_name(std::string(65'536, 'a')));
  EXPECT_FALSE(is_topic_filter(std::string(65'536, 'a')));
}

TEST(Topic, TakesSharedFiltersApart) {
  struct Case {
    std::string_view text, group, filter;
    bool valid;
  };
  constexpr Case cases[] = {
      {"a/b", "", "a/b", true},
      {"$share/g/a/b", "g", "a/b", true},
      {"$share/g/#", "g", "#", true},
      {"$share/g//x", "g", "/x", true},
      {"$shared/g/a", "", "$shared/g/a", true},
      {"$share", "", "$share", true},
      {"$share/", "", "", false},
      {"$share/g", "", "", false},
      {"$share/g/", "", "", false},
      {"$share//a", "", "", false},
      {"$share/+/a", "", "", false},
      {"$share/g#/a", "", "", false},
      {"$share/g/a#", "", "", false},
  };
  for (const Case& c : cases) {
    const auto shared = split_shared(c.text);
    ASSERT_EQ(shared.has_value(), c.valid) << c.text;
    if (!shared) continue;
    EXPECT_EQ(shared->group, c.group);
    EXPECT_EQ(shared->filter, c.filter);
  }
}

}  // namespace
}  // namespace selvedge::codec::mqtt
