#include "node/ingest.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

class IngestTest : public testing::Test {
 protected:
  void SetUp() override {
    store = store::ReadingStore::open(machine, "store", {}).value();
    dead_letters = DeadLetters::open(machine, "state", 1 << 20, metrics).value();
    devices = Devices::open(machine, "state", true).value();
    std::vector<engine::TopicRule> rules(1);
    rules[0].filter = "ignored/#";
    rules[0].action = engine::TopicRule::Action::ignore;
    for (auto& rule : engine::default_topic_rules()) rules.push_back(rule);
    ingest = std::make_unique<Ingest>(machine, *store, *dead_letters, *devices,
                                      engine::TopicMap::create(rules).value(), metrics);
  }

  Taken take(std::string_view topic, std::string_view payload, std::uint64_t key = 0,
             bool repeated = false) {
    IncomingMessage message;
    message.source = topic;
    message.client = message.device = "boiler";
    message.payload = base::as_bytes(payload);
    message.key = key;
    message.repeated = repeated;
    return ingest->message(message);
  }

  std::uint64_t stored() const { return store->stats().readings_added; }

  os::fake::Simulation sim{1};
  os::fake::Machine& machine = sim.machine("site");
  base::Registry metrics;
  std::unique_ptr<store::ReadingStore> store;
  std::unique_ptr<DeadLetters> dead_letters;
  std::unique_ptr<Devices> devices;
  std::unique_ptr<Ingest> ingest;
};

TEST_F(IngestTest, BooksReadingsUnderTopicAndField) {
  EXPECT_EQ(take("plant/7", R"({"ts":1700000000000,"temp":21.5,"on":true})"), Taken::stored);
  ASSERT_NE(store->find("plant/7/temp"), nullptr);
  EXPECT_EQ(store->find("plant/7/temp")->device, "boiler");
  EXPECT_EQ(store->find("plant/7/on")->kind, model::Kind::boolean);
  EXPECT_EQ(take("plant/7/rpm", "1500"), Taken::stored);
  EXPECT_NE(store->find("plant/7/rpm"), nullptr);
}

TEST_F(IngestTest, LeavesPlainBrokerTrafficAlone) {
  EXPECT_EQ(take("$SYS/x", "1"), Taken::no_rule);
  EXPECT_EQ(take("ignored/x", "1"), Taken::no_rule);
  EXPECT_EQ(stored(), 0u);
}

TEST_F(IngestTest, KeepsAMessageWholeOrNotAtAll) {
  EXPECT_EQ(take("a", R"([{"ts":1700000000000,"v":1},{"ts":1700000001000,"v":)"), Taken::bad);
  EXPECT_EQ(stored(), 0u);
  EXPECT_EQ(dead_letters->count(), 1u);
}

TEST_F(IngestTest, ConvertsNumbersOnlyWhereNothingIsLost) {
  EXPECT_EQ(take("a", "1.5"), Taken::stored);
  EXPECT_EQ(take("big", R"({"x":1.5})"), Taken::stored);
  EXPECT_EQ(take("big", R"({"x":9007199254740993})"), Taken::bad);
  EXPECT_EQ(take("a", "2"), Taken::stored);
  EXPECT_EQ(take("flag", R"({"x":true})"), Taken::stored);
  EXPECT_EQ(take("flag", R"({"x":0.5})"), Taken::bad);
}

TEST_F(IngestTest, RecognisesARepeatedMessageWithoutTimesByItsKey) {
  EXPECT_EQ(take("a", "1", 77), Taken::stored);
  sim.run_for(std::chrono::seconds(1));
  EXPECT_EQ(take("a", "1", 77, true), Taken::stored);
  EXPECT_EQ(stored(), 1u);
  EXPECT_EQ(take("a", "1", 77, false), Taken::stored);   // not marked as repeated: a new reading
  EXPECT_EQ(stored(), 2u);
}

TEST_F(IngestTest, ListsDeadLettersTheNewestFirst) {
  take("a", "{one");
  take("b", "{two");
  bool done = false;
  store->commit([&] { done = true; });
  sim.run_for(std::chrono::seconds(1));
  const auto letters = dead_letters->list(10).value();
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].source, "b");
  EXPECT_EQ(base::as_text(letters[0].payload), "{two");
  EXPECT_FALSE(letters[0].reason.empty());
}

}  // namespace
}  // namespace selvedge::node
