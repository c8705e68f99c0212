#include "engine/aggregate/aggregate_fixture.h"

namespace selvedge::engine {
namespace {

std::string problem(const AggregateRule& rule) {
  const auto made = AggregateRules::create({rule});
  return made ? "" : made.error().message;
}

TEST(AggregateRule, SaysWhatIsWrong) {
  const auto changed = [](auto change) {
    AggregateRule rule = windows_rule(60, 0, {"mean"});
    change(rule);
    return problem(rule);
  };
  EXPECT_EQ(changed([](AggregateRule&) {}), "");
  EXPECT_EQ(changed([](AggregateRule& r) { r.filter = "a/b#"; }),
            "aggregate rule 1 ('a/b#'): filter: not a valid MQTT topic filter");
  EXPECT_EQ(changed([](AggregateRule& r) { r.functions.clear(); }),
            "aggregate rule 1 ('#'): window: needs functions, for example [\"mean\"]");
  EXPECT_EQ(changed([](AggregateRule& r) { r.slide = seconds(7); }),
            "aggregate rule 1 ('#'): slide: the window must be 1 to 64 times as long");
  EXPECT_EQ(changed([](AggregateRule& r) { r.report = Report::period; }),
            "aggregate rule 1 ('#'): report = \"period\" or \"either\" needs a period");
  EXPECT_EQ(changed([](AggregateRule& r) { r.dead_band = 1; }),
            "aggregate rule 1 ('#'): dead-band: has no meaning without report = \"change\", \"either\" or \"swinging-door\"");
  EXPECT_EQ(changed([](AggregateRule& r) { r.report = Report::swinging_door; }),
            "aggregate rule 1 ('#'): report = \"swinging-door\" needs a dead-band, the bound of its error");
  EXPECT_EQ(changed([](AggregateRule& r) { r.series = "{topic}/{function}"; }),
            "aggregate rule 1 ('#'): series: {topic}: unknown; {series}, {1}, {2}, ..., {device} and {function} are known");
  EXPECT_EQ(changed([](AggregateRule& r) { r.series = "{2}/{function}"; }),
            "aggregate rule 1 ('#'): series: {2}: the filter promises only 1 level; each '+' and each word in it promises one");
  EXPECT_EQ(changed([](AggregateRule& r) { r.functions.push_back(parse_function("max").value()); r.series = "x"; }),
            "aggregate rule 1 ('#'): series: needs {function}, as there is more than one");
  EXPECT_EQ(changed([](AggregateRule& r) { r.series = "{series}"; }),
            "aggregate rule 1 ('#'): series: \"{series}\" is the raw series itself; that needs raw = \"drop\" and a report alone");
  AggregateRule nothing;
  nothing.filter = "#";
  nothing.raw = Raw::drop;
  EXPECT_NE(problem(nothing), "");
  nothing.raw = Raw::keep;
  EXPECT_EQ(problem(nothing), "") << "to keep raw readings on the node needs no aggregate";
}

TEST(AggregateRule, NamesWhatComesOut) {
  AggregateRule rule = windows_rule(60, 0, {"mean", "max"});
  rule.filter = "plant/+/#";
  rule.series = "agg/{2}/{device}/{function}";
  const auto rules = AggregateRules::create({rule}).value();
  EXPECT_EQ(rules.derived(0, {model::SeriesId{1}, {}, "plant/7/temp", "boiler"}, "mean"), "agg/7/boiler/mean");
  EXPECT_EQ(rules.match("plant/7/temp"), 0u);
  EXPECT_EQ(rules.match("other"), std::nullopt);
  rule.series = AggregateRule().series;
  EXPECT_EQ(AggregateRules::create({rule})->derived(0, {model::SeriesId{1}, {}, "plant/7", "b"}, "p99"), "plant/7/p99");
}

TEST(AggregateRule, OnlyWhatIsNotStoredMayBeReplaced) {
  AggregateRule rule = report_rule(Report::change);
  rule.filter = "plant/+";
  rule.series = "plant/{2}";
  const model::SeriesDef source{model::SeriesId{1}, {}, "plant/7", "b"};
  EXPECT_FALSE(AggregateRules::create({rule})->derived(0, source, AggregateRule::reported)) << "the raw ones stay there";
  rule.raw = Raw::drop;
  EXPECT_EQ(AggregateRules::create({rule})->derived(0, source, AggregateRule::reported), "plant/7");
}

TEST(AggregateRule, KnowsFunctionsByName) {
  EXPECT_DOUBLE_EQ(parse_function("p99.9")->quantile, 0.999);
  EXPECT_EQ(parse_function("median")->quantile, 0.5);
  EXPECT_EQ(parse_function("avg").error().message.substr(0, 20), "'avg' is no function");
  EXPECT_EQ(parse_function("maxx").error().message, "'maxx' is no function; did you mean 'max'?");
  for (const char* wrong : {"p0", "p100", "p", "p-1", "pnan"}) EXPECT_FALSE(parse_function(wrong)) << wrong;
}

}  // namespace
}  // namespace selvedge::engine
