#include "things/sync.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "os/fake/simulation.h"
#include "things/sync_link.h"

namespace selvedge::things {
namespace {

using namespace std::chrono_literals;
using Kind = engine::TwinEdit::Kind;

// One replica: a machine, its store, its end of the link.
struct Side final : SyncHost {
  Side(os::fake::Machine& m, std::string replica_name) : machine(m), replica(std::move(replica_name)) {
    open();
  }
  ~Side() override { close(); }

  void open() {
    auto opened = store::TwinStore::open(machine, "twins", replica, {});
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    link = std::make_unique<SyncLink>(machine, *store, "n", stats, static_cast<SyncHost&>(*this));
    watch = store->watch([this](const store::TwinEvent& event) {
      if (!event.from_peer) link->changed();
      else ++came;
    });
  }
  void close() {
    up = false;
    link.reset();
    if (store) store->unwatch(watch);
    store.reset();
  }
  void power_cut() {
    machine.crash();
    close();
    machine.restart();
    open();
  }

  void send_to_peer(std::string_view, base::BytesView message) override {
    largest = std::max(largest, message.size());
    if (!up || lost > 0) {
      if (lost > 0) --lost;
      return;
    }
    peer->machine.loop().after(2ms, [to = peer, session = peer->meeting,
                                     bytes = base::Bytes(message.begin(), message.end())] {
      if (to->up && to->meeting == session) to->take(bytes);
    });
  }
  void take(base::BytesView bytes) {
    const auto message = codec::twin::decode(bytes);
    ASSERT_TRUE(message) << message.error().message;
    link->received(*message);
  }
  void make_durable(std::function<void()> done) override { store->commit(std::move(done)); }
  void came_again(std::string_view id) override { again.emplace_back(id); }

  void merge(std::string_view id, std::string_view json) {
    const auto changed = store->edit(id, {Kind::merge, "", json});
    ASSERT_TRUE(changed) << changed.error().message;
  }
  std::string text(std::string_view id) const {
    const engine::Twin* twin = store->find(id);
    return twin ? twin->json(id, "").value() : "none";
  }

  os::fake::Machine& machine;
  std::string replica;
  Side* peer = nullptr;
  std::unique_ptr<store::TwinStore> store;
  std::unique_ptr<SyncLink> link;
  store::TwinStore::WatchId watch{};
  TwinSyncStats stats;
  std::vector<std::string> again;
  bool up = false;
  int meeting = 0;                       // number of the connection
  int lost = 0;                          // messages to lose
  std::size_t largest = 0, came = 0;
};

class TwinSyncTest : public testing::Test {
 protected:
  TwinSyncTest() {
    cloud.peer = &node;
    node.peer = &cloud;
  }
  void connect() {
    disconnect();
    for (Side* side : {&cloud, &node}) {
      side->up = true;
      side->meeting = ++meetings;
    }
    node.link->connected();
    cloud.link->connected();
  }
  void disconnect() {
    for (Side* side : {&cloud, &node}) {
      side->up = false;
      side->link->disconnected();
    }
  }
  void settle() {
    const auto settled = [this] {
      return cloud.link->sync().settled() && node.link->sync().settled();
    };
    ASSERT_TRUE(sim.run_until(settled, 10min)) << "seed " << sim.seed();
    sim.run_for(1s);
  }
  void expect_same() {
    for (const auto& id : cloud.store->list("", "", 1000)) EXPECT_EQ(cloud.text(id), node.text(id));
    EXPECT_EQ(cloud.store->list("", "", 1000), node.store->list("", "", 1000)) << "seed " << sim.seed();
  }

  os::fake::Simulation sim{5};
  Side cloud{sim.machine("cloud"), "cloud"}, node{sim.machine("node"), "n"};
  int meetings = 0;
};

TEST_F(TwinSyncTest, CarriesWishesDownAndReportsUp) {
  connect();
  cloud.merge("n:pump", R"({"features":{"motor":{"desiredProperties":{"speed":7}}}})");
  settle();
  EXPECT_EQ(node.store->find("n:pump")->delta(), R"({"motor":{"speed":7}})");
  node.merge("n:pump", R"({"features":{"motor":{"properties":{"speed":7}}}})");
  settle();
  EXPECT_EQ(cloud.store->find("n:pump")->delta(), "{}");
  expect_same();
}

TEST_F(TwinSyncTest, SendsWhatIsMissingAfterAReconnectAndNothingElse) {
  connect();
  for (int i = 0; i < 20; ++i) cloud.merge("n:d" + std::to_string(i), R"({"attributes":{"a":1}})");
  settle();
  disconnect();
  sim.run_for(7 * 24h);
  for (int i = 0; i < 5; ++i)
    cloud.merge("n:d3", R"({"features":{"f":{"desiredProperties":{"p":)" + std::to_string(i) + "}}}}");
  cloud.merge("n:d4", R"({"attributes":{"a":2}})");
  const auto sent = cloud.stats.twins_sent;
  const auto came = node.came;
  connect();
  settle();
  EXPECT_EQ(cloud.stats.twins_sent - sent, 2u);
  EXPECT_EQ(node.came - came, 2u);
  EXPECT_EQ(node.store->find("n:d3")->delta(), R"({"f":{"p":4}})");
  expect_same();
  connect();
  settle();
  EXPECT_EQ(cloud.stats.twins_sent - sent, 2u);
}

TEST_F(TwinSyncTest, SendsAgainWhatIsNotAcknowledged) {
  connect();
  settle();
  cloud.lost = 1;                        // the change
  cloud.merge("n:pump", R"({"attributes":{"a":1}})");
  settle();
  EXPECT_EQ(cloud.stats.timeouts, 1u);
  node.lost = 1;                         // the acknowledgement
  cloud.merge("n:pump", R"({"attributes":{"a":2}})");
  settle();
  EXPECT_EQ(cloud.stats.timeouts, 2u);
  EXPECT_EQ(node.again, std::vector<std::string>{"n:pump"});
  expect_same();
}

TEST_F(TwinSyncTest, SendsNothingThatACrashCouldUndo) {
  connect();
  settle();
  cloud.merge("n:pump", R"({"attributes":{"a":1}})");
  cloud.power_cut();
  connect();
  settle();
  expect_same();
  // A node that forgets what it took is told again.
  cloud.merge("n:pump", R"({"attributes":{"a":2}})");
  ASSERT_TRUE(sim.run_until([&] { return node.text("n:pump").find("\"a\":2") != std::string::npos; }, 1min));
  node.power_cut();
  connect();
  settle();
  EXPECT_NE(node.text("n:pump").find("\"a\":2"), std::string::npos);
  expect_same();
}

TEST_F(TwinSyncTest, RemovesTwinsOnBothSides) {
  connect();
  cloud.merge("n:pump", R"({"attributes":{"a":1}})");
  cloud.merge("n:lamp", R"({"attributes":{"a":1}})");
  settle();
  disconnect();
  ASSERT_TRUE(cloud.store->remove("n:pump"));
  ASSERT_TRUE(cloud.store->remove("n:lamp"));
  sim.run_for(1s);
  node.merge("n:lamp", R"({"attributes":{"b":2}})");    // later than the removal: survives it
  connect();
  settle();
  EXPECT_EQ(node.text("n:pump"), "none");
  EXPECT_EQ(cloud.text("n:lamp").find("\"a\""), std::string::npos);
  EXPECT_NE(cloud.text("n:lamp").find("\"b\":2"), std::string::npos);
  expect_same();
}

TEST_F(TwinSyncTest, RefusesTwinsOfAnotherNode) {
  connect();
  settle();
  base::Bytes bytes;
  codec::twin::Changes lie{99, 1, {}, {}};
  for (const char* id : {"other:pump", "n", ":", "n:", "n:ok"})
    lie.twins.push_back({id, 1, {{model::TwinPart::attributes, "/a", {1, 1}, "1"}}});
  codec::twin::encode(lie, bytes);
  cloud.take(bytes);
  sim.run_for(1s);
  EXPECT_EQ(cloud.store->list("", "", 10), std::vector<std::string>{"n:ok"});
  EXPECT_EQ(cloud.stats.foreign, 4u);
  EXPECT_EQ(cloud.stats.refused, 4u);
}

TEST_F(TwinSyncTest, BoundsItsMessagesAndItsWindow) {
  connect();
  settle();
  disconnect();
  const std::string long_text(3000, 'x');
  for (int i = 0; i < 300; ++i) {
    const std::string id = "n:d" + std::to_string(i);
    cloud.merge(id, R"({"attributes":{"text":")" + long_text + "\"}}");
  }
  std::string many = R"({"attributes":{)";
  for (int i = 0; i < 1500; ++i)
    many += (i > 0 ? ",\"attribute-" : "\"attribute-") + std::to_string(i) + "\":" + std::to_string(i);
  cloud.merge("n:large", many + "}}");
  connect();
  settle();
  EXPECT_LE(cloud.largest, codec::twin::max_message_bytes);
  EXPECT_GT(cloud.stats.messages_sent, 5u);
  expect_same();
  EXPECT_LT(cloud.link->sync().memory_bytes(), 1000u);
}

TEST_F(TwinSyncTest, HasHeardAllOnlyWhenNothingOfTheOtherSideIsStillToCome) {
  const std::string long_text(3000, 'x');
  for (int i = 0; i < 300; ++i)
    cloud.merge("n:d" + std::to_string(i), R"({"attributes":{"text":")" + long_text + "\"}}");
  sim.run_for(1s);
  connect();
  int beat = 0, early = 0;
  for (int i = 0; i < 2000 && !node.link->sync().heard_all(); ++i) {
    if (node.store->size() < 300) ++early;
    node.merge("n:own", R"({"attributes":{"beat":)" + std::to_string(++beat) + "}}");
    node.store->commit([] {});
    sim.run_for(5ms);
  }
  ASSERT_TRUE(node.link->sync().heard_all());
  EXPECT_GT(early, 0);
  EXPECT_EQ(node.store->size(), 301u);
  // And again, once more has come.
  const base::Instant first = *node.link->sync().heard_all();
  EXPECT_LE(first, node.machine.loop().now());
  settle();
  cloud.merge("n:d0", R"({"attributes":{"a":1}})");
  settle();
  node.merge("n:own", R"({"attributes":{"beat":0}})");
  const base::Instant then = node.machine.loop().now();
  settle();
  EXPECT_GE(*node.link->sync().heard_all(), then);
  disconnect();
  EXPECT_FALSE(node.link->sync().heard_all());
}

TEST_F(TwinSyncTest, SaysHowFarTheClocksAreApart) {
  connect();
  settle();
  EXPECT_LT(std::chrono::abs(cloud.link->sync().skew()), 1s);
  node.machine.jump_wall(-1h);
  node.merge("n:pump", R"({"attributes":{"a":1}})");
  settle();
  EXPECT_GT(cloud.link->sync().skew(), 59min);
  // What the late clock writes still counts as later than what it saw.
  cloud.merge("n:pump", R"({"attributes":{"a":2}})");
  settle();
  node.merge("n:pump", R"({"attributes":{"a":3}})");
  settle();
  EXPECT_NE(cloud.text("n:pump").find("\"a\":3"), std::string::npos);
  expect_same();
}

class TwinSyncTrouble : public TwinSyncTest, public testing::WithParamInterface<int> {};

TEST_P(TwinSyncTrouble, EndsWithTheSameTwinsOnBothSides) {
  os::fake::Random random(static_cast<std::uint64_t>(GetParam()));
  for (int step = 0; step < 120; ++step) {
    Side& side = random.chance(0.5) ? cloud : node;
    const std::string id = "n:d" + std::to_string(random.below(4));
    const std::string value = std::to_string(random.below(5));
    switch (random.below(10)) {
      case 0: connect(); break;
      case 1: disconnect(); break;
      case 2: side.lost = 2; break;
      case 3:
        side.power_cut();
        disconnect();
        break;
      case 4: base::ignore(side.store->remove(id), "it may not be there"); break;
      case 5: side.merge(id, R"({"features":{"f":null}})"); break;
      default:
        side.merge(id, R"({"features":{"f":{"desiredProperties":{"p":)" + value +
                           R"(},"properties":{"q)" + value + "\":" + value + "}}}}");
    }
    sim.run_for(std::chrono::milliseconds(random.below(40)));
  }
  cloud.lost = node.lost = 0;
  connect();
  settle();
  expect_same();
}

INSTANTIATE_TEST_SUITE_P(Seeds, TwinSyncTrouble, testing::Range(1, 31));

}  // namespace
}  // namespace selvedge::things
