#include "cloud/name_pattern.h"

#include <gtest/gtest.h>

namespace selvedge::cloud {
namespace {

TEST(NamePattern, LetsAStarStandForAnyText) {
  const struct {
    const char* pattern;
    const char* name;
    bool matches;
  } cases[] = {
      {"", "anything", true},
      {"*", "anything", true},
      {"*", "", true},
      {"boiler", "boiler", true},
      {"boiler", "boilers", false},
      {"boiler", "boile", false},
      {"boiler/*", "boiler/7/temperature", true},
      {"boiler/*", "boiler", false},
      {"*/temperature", "boiler/7/temperature", true},
      {"*/temperature", "boiler/7/temperatures", false},
      {"b*r/*/t*e", "boiler/7/temperature", true},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"*ab", "aab", true},
      {"**", "x", true},
      {"a**", "a", true},
      {"?", "x", false},
      {"[a-z]", "b", false},
      {"[a-z]", "[a-z]", true},
      {"Boiler", "boiler", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(NamePattern(c.pattern)(c.name), c.matches) << c.pattern << " on " << c.name;
  }
}

TEST(NamePattern, KnowsWhatEveryMatchBeginsWith) {
  EXPECT_EQ(NamePattern("boiler/*/t*").beginning(), "boiler/");
  EXPECT_EQ(NamePattern("boiler").beginning(), "boiler");
  EXPECT_EQ(NamePattern("").beginning(), "");
}

TEST(NamePattern, IsNotSlowedDownByManyStars) {
  std::string pattern;
  for (int i = 0; i < 250; ++i) pattern += "*a";
  EXPECT_FALSE(NamePattern(pattern + "b")(std::string(512, 'a')));
}

}  // namespace
}  // namespace selvedge::cloud
