#include <gtest/gtest.h>

#include "cli/command.h"

namespace selvedge::cli {
namespace {

base::Result<Parsed> parse_words(std::vector<std::string> words,
                                 const std::map<std::string, std::string>& environment = {}) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse(pointers, environment);
}

TEST(Parse, FindsTheCommandItsArgumentsAndFlags) {
  const auto parsed = parse_words({"series", "query", "a/b", "--from", "-1h", "--step=5m", "--json"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command->verb, "query");
  EXPECT_EQ(parsed->arguments.positional, std::vector<std::string>{"a/b"});
  EXPECT_EQ(parsed->arguments.text("from"), "-1h");
  EXPECT_EQ(parsed->arguments.text("step"), "5m");
  EXPECT_TRUE(parsed->arguments.has("json"));
}

TEST(Parse, TakesListsApart) {
  const auto parsed = parse_words({"model", "push", "a.model", "--nodes", "hall-*,,gate,"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->arguments.list("nodes"), (std::vector<std::string>{"hall-*", "gate"}));
  EXPECT_TRUE(parsed->arguments.list("keys").empty());
}

TEST(Parse, KnowsTheShortWordForFollowWhereThereIsFollow) {
  EXPECT_TRUE(parse_words({"task", "logs", "a.b.0", "-f"})->arguments.has("follow"));
  EXPECT_FALSE(parse_words({"task", "status", "a", "-f"}));
}

TEST(Parse, PrefersAFlagToItsEnvironment) {
  const std::map<std::string, std::string> environment{{"SELVEDGE_NODE", "http://env:1"}};
  EXPECT_EQ(parse_words({"node", "status"}, environment)->arguments.text("node"), "http://env:1");
  EXPECT_EQ(parse_words({"node", "status", "--node", "http://flag:1"}, environment)
                ->arguments.text("node"),
            "http://flag:1");
}

TEST(Parse, SaysWhatIsWrongAndSuggests) {
  struct Case {
    std::vector<std::string> words;
    std::string message;
  };
  const Case cases[] = {
      {{"nod", "list"}, "unknown command 'nod'; did you mean 'node'?"},
      {{"node", "lits"}, "unknown command 'node lits'; did you mean 'list'?"},
      {{"series", "query"}, "missing SERIES; see selvedge series query --help"},
      {{"series", "query", "a", "b"}, "unexpected 'b'; see selvedge series query --help"},
      {{"series", "query", "a", "--form", "x"},
       "unknown option '--form'; did you mean '--from'?; see selvedge series query --help"},
      {{"series", "query", "a", "--from"}, "--from needs a value: TIME"},
      {{"series", "query", "a", "--json=1"}, "--json takes no value"},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_words(c.words);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, c.message);
    EXPECT_EQ(parsed.error().code, base::Code::invalid_input);
  }
}

TEST(Parse, AsksForHelpAtEveryLevel) {
  EXPECT_TRUE(parse_words({})->help);
  EXPECT_TRUE(parse_words({"--help"})->help);
  EXPECT_EQ(parse_words({"node", "--help"})->help_for, "node");
  const auto command = parse_words({"node", "list", "--help"});
  EXPECT_TRUE(command->help && command->command != nullptr);
}

TEST(Commands, EachSaysWhatItDoesAndShowsAnExample) {
  for (const Command& command : commands()) {
    EXPECT_FALSE(command.help.empty()) << command.noun << ' ' << command.verb;
    EXPECT_FALSE(command.examples.empty()) << command.noun << ' ' << command.verb;
    EXPECT_TRUE(command.run) << command.noun << ' ' << command.verb;
    EXPECT_LE(command.least, command.most);
    EXPECT_NE(bash_completion().find(command.noun), std::string::npos);
  }
}

}  // namespace
}  // namespace selvedge::cli
