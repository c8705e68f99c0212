// Raw readings stay on the node, aggregates go up, and the cloud asks for the raw ones when somebody does.

#include "identity_fixture.h"

namespace selvedge::sim {
namespace {

class RawFetchTest : public IdentityTest {
 protected:
  RawFetchTest() {
    node::AggregateConfig& rule = node_config.aggregates.emplace_back();
    rule.filter = "plant/#";
    rule.raw = "keep";
    rule.window = 10s;
    rule.functions = {"mean"};
  }

  void publish(int count, double step_seconds = 1) {
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(device->publish("plant/t", base::as_bytes(std::to_string(published++)), 1));
      sim.run_for(base::Duration(static_cast<std::int64_t>(step_seconds * 1e9)));
    }
  }
  net::http::Fetched query(const std::string& what) {
    net::http::Client client(operator_machine, {}, operator_machine.network().client_tls(operator_tls()).value());
    return fetch(client, {"GET", "https://cloud:8443/api/v1/query?node=gate&" + what, {}, {}});
  }
  std::size_t rows(const std::string& what) {
    const auto answer = query(what);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return codec::json::parse(answer.body).value_or(codec::json::Value{})["rows"].array().size();
  }

  int published = 0;
};

TEST_F(RawFetchTest, TheCloudHasTheAggregatesAndAsksForTheRest) {
  start();
  publish(25);
  sim.run_for(20s);
  EXPECT_GE(rows("series=plant/t/mean"), 3u);
  EXPECT_EQ(query("series=plant/t").status, 404) << "the cloud never had it";
  EXPECT_EQ(rows("series=plant/t&raw=node"), 25u);
  EXPECT_EQ(rows("series=plant/t&raw=node&step=1h&agg=count"), 1u);
  EXPECT_EQ(query("series=plant/t&raw=node&format=csv").body.substr(0, 17), "series,time,value");
  EXPECT_EQ(query("series=nothing&raw=node").status, 404);
  EXPECT_EQ(query("series=plant/t&raw=nowhere").status, 400);
  publish(1, 0.1);
  EXPECT_EQ(rows("series=plant/t&raw=node"), 26u) << "with what is not in a block yet";
  EXPECT_EQ(query("series=plant/t").status, 404) << "nothing of it is stored";
}

TEST_F(RawFetchTest, ALongAnswerComesInPages) {
  node_config.store.block_age = 50ms;
  start();
  // Blocks of long texts, so that they do not fit into one message.
  for (int i = 0; i < 30; ++i) {
    std::string letters(60'000, ' ');
    std::uint64_t state = static_cast<std::uint64_t>(i) + 1;
    for (char& c : letters) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      c = static_cast<char>('a' + (state >> 33) % 26);
    }
    const auto id = node->store().series("kept/log", model::Kind::text, "pump");
    ASSERT_TRUE(id);
    for (int k = 0; k < 20; ++k)
      ASSERT_TRUE(node->store().add(*id, {1'760'000'000'000'000'000 + i * 1'000'000'000LL + k},
                                    model::ValueView::of(std::string_view(letters).substr(static_cast<std::size_t>(k) * 3000, 3000))));
    ASSERT_TRUE(node->store().end_message(0));
    node->store().seal_all();
    sim.run_for(100ms);
  }
  const double before = metric(node->metrics(), "selvedge_raw_questions_total");
  EXPECT_EQ(rows("series=kept/log&raw=node"), 600u);
  EXPECT_GT(metric(node->metrics(), "selvedge_raw_questions_total"), before + 1);
}

TEST_F(RawFetchTest, ANodeThatIsAwayIsSaidToBe) {
  start();
  publish(5);
  crash_node();
  sim.run_for(2min);
  const auto answer = query("series=plant/t&raw=node");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("node 'gate' is not connected"), std::string::npos) << answer.body;
  restart_node();
  sim.run_for(1min);
  EXPECT_EQ(rows("series=plant/t&raw=node"), 5u);
}

TEST_F(RawFetchTest, ANodeThatStopsAnsweringIsGivenUp) {
  start();
  publish(5);
  crash_node();   // the cloud does not know yet
  const auto answer = query("series=plant/t&raw=node");
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(metric(cloud->metrics(), "selvedge_raw_fetch_failures_total"), 1);
  EXPECT_EQ(metric(cloud->metrics(), "selvedge_raw_fetches_open"), 0);
}

}  // namespace
}  // namespace selvedge::sim
