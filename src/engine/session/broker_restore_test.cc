// The stories of a broker that was restarted.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/session/broker_story.h"
#include "engine/session/record.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(BrokerRestore, BringsBackSessionsQueuesAndRetained) {
  for (const bool from_snapshot : {false, true}) {
    Story story;
    Peer& reader = story.rejoin("reader", 100);
    story.subscribe(reader, "t/#", 2, 9);
    Peer& temporary = story.join("temporary");
    story.subscribe(temporary, "t/#", 2);
    Properties p;
    p.message_expiry = 50;
    p.content_type = "text/plain";
    story.publish(temporary, "t/1", "sent", {.qos = 1, .id = 1, .properties = p});
    story.publish(temporary, "t/2", "half", {.qos = 2, .id = 2});
    story.ack<PubRec>(reader, 2);
    story.publish(temporary, "r", "kept", {.retain = true});
    story.publish(reader, "x", "stored", {.qos = 2, .id = 77});
    story.drop(reader);
    story.publish(temporary, "t/3", "waiting", {.qos = 1, .id = 3});
    story.restart(from_snapshot);
    EXPECT_EQ(story.stats().sessions, 1u);
    EXPECT_EQ(story.stats().retained, 1u);
    EXPECT_EQ(story.stats().queued_messages, 3u);
    story.pass(10s);
    Peer& again = story.rejoin("reader", 100);
    EXPECT_EQ(again.take(),
              (Lines{"CONNACK 00 present",
                     "PUBLISH t/1 'sent' q1 #1 dup expiry=40 type=text/plain ids=9", "PUBREL #2",
                     "PUBLISH t/3 'waiting' q1 #3 ids=9"}));
    story.arrived.clear();
    story.publish(again, "x", "stored", {.qos = 2, .id = 77, .duplicate = true});
    EXPECT_EQ(again.take(), Lines{"PUBREC #77"});
    EXPECT_EQ(story.arrived, Lines{});
    story.subscribe(again, "r");
    EXPECT_EQ(again.take(), Lines{"PUBLISH r 'kept' q0 retain"});
    story.publish(again, "t/4", "new", {.qos = 1, .id = 4});
    EXPECT_EQ(again.take().front(), "PUBLISH t/4 'new' q1 #4 ids=9");
  }
}

TEST(BrokerRestore, LetsTimePassWhileItIsDown) {
  Story story;
  Peer& away = story.rejoin("away", 100);
  story.drop(away);
  story.rejoin("connected", 100);
  story.wall = story.wall + 60s;
  story.restart();
  ASSERT_TRUE(story.broker().wake_at());
  story.pass(39s);
  EXPECT_EQ(story.stats().sessions, 2u);
  story.pass(1s);
  EXPECT_EQ(story.stats().sessions, 1u) << "who was away is over";
  story.pass(60s);
  EXPECT_EQ(story.stats().sessions, 0u) << "who was connected has its time from the restart";
}

TEST(BrokerRestore, PublishesTheWillsOfThoseWhoWereConnected) {
  for (const std::uint32_t delay : {0u, 30u}) {
    Story story;
    Connect packet;
    packet.client_id = "mortal";
    packet.properties.session_expiry = 100;
    packet.will.emplace();
    packet.will->topic = "will";
    packet.will->qos = 1;
    packet.will->properties.will_delay = delay;
    story.connect(packet);
    Peer& reader = story.rejoin("reader", 100);
    story.subscribe(reader, "will", 1);
    story.restart();
    story.pass(29s);
    EXPECT_EQ(story.stats().queued_messages, delay == 0 ? 1u : 0u);
    story.pass(1s);
    EXPECT_EQ(story.stats().queued_messages, 1u);
    story.restart(true);
    story.pass(60s);
    EXPECT_EQ(story.stats().queued_messages, 1u) << "once";
  }
}

TEST(BrokerRestore, DoesNotTakeAnUnsettledPublishForKnown) {
  Story story;
  story.settles = false;
  Peer& peer = story.rejoin("a");
  story.publish(peer, "t", "x", {.qos = 2, .id = 7});
  story.restart();
  Peer& again = story.rejoin("a");
  story.publish(again, "t", "x", {.qos = 2, .id = 7, .duplicate = true});
  EXPECT_EQ(story.arrived.size(), 2u) << "it was never stored";
}

TEST(BrokerRestore, WritesNothingForClientsThatDoNotStay) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "t", 1);
  story.publish(peer, "t", "x", {.qos = 2, .id = 1});
  story.disconnect(peer);
  EXPECT_TRUE(story.log.empty());
}

TEST(BrokerRestore, KeepsShareGroupsTogether) {
  Story story;
  Peer& a = story.rejoin("a");
  story.subscribe(a, "$share/g/t", 1);
  story.drop(a);
  Peer& writer = story.join("w");
  story.publish(writer, "t", "x", {.qos = 1, .id = 1});
  story.restart();
  story.restart(true);
  Peer& b = story.rejoin("b");
  story.subscribe(b, "$share/g/t", 1);
  story.join("a");  // a new session ends the old one, whose message is for b now
  EXPECT_EQ(b.take(), (Lines{"CONNACK 00", "PUBLISH t 'x' q1 #1"}));
}

TEST(BrokerRestore, RefusesWhatIsDamaged) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 1);
  story.publish(peer, "t", "x", {.qos = 1, .id = 1, .retain = true});
  const base::Bytes good = story.log;
  const auto restores = [](base::BytesView bytes) {
    Broker broker({}, {});
    const auto result = broker.restore(bytes, {1});
    if (result) return true;
    EXPECT_EQ(result.error().code, base::Code::corrupt);
    return false;
  };
  ASSERT_TRUE(restores(good));
  EXPECT_FALSE(restores(base::BytesView(good).first(good.size() - 1)));
  EXPECT_FALSE(restores(base::BytesView(good).subspan(1)));
  base::Bytes twice = good;
  base::append(twice, good);
  restores(twice);
  // Whatever byte is wrong, it is an error or another state, but never a crash.
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      base::Bytes bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ flip);
      restores(bad);
    }
  }
  using namespace record;
  const auto broken = [&](const auto& r) {
    base::Bytes bytes = good;
    write(r, bytes);
    return !restores(bytes);
  };
  EXPECT_TRUE(broken(SessionLeft{.session = 9}));
  EXPECT_TRUE(broken(SessionEnded{.session = 9}));
  EXPECT_TRUE(broken(SubscriptionRemoved{.session = 1, .filter = "none"}));
  EXPECT_TRUE(broken(SubscriptionAdded{.session = 1, .filter = "a/#/b"}));
  EXPECT_TRUE(broken(Queued{.session = 1, .message = 99, .packet_id = 5}));
  EXPECT_TRUE(broken(Queued{.session = 1, .message = 1, .packet_id = 1})) << "taken";
  EXPECT_TRUE(broken(Stepped{.session = 1, .packet_id = 5, .step = Step::done}));
  EXPECT_TRUE(broken(Stepped{.session = 1, .packet_id = 5, .step = Step::forgotten}));
  EXPECT_TRUE(broken(RetainedSet{.message = 99}));
  EXPECT_TRUE(broken(WillSent{.session = 9}));
  EXPECT_TRUE(broken(SessionOpened{.session = 2, .client_id = "a", .expiry = 1})) << "two of a name";
  EXPECT_TRUE(broken(SessionOpened{.session = 2, .client_id = "b", .expiry = 1, .will = 99}));
  EXPECT_TRUE(broken(MessageStored{.message = 5, .topic = "a/+"}));
}

// Random lives of some clients; after each, a broker from the records and one from a snapshot and
// the records that followed must answer alike to the same questions.
class Lives {
 public:
  explicit Lives(std::uint32_t seed) : random_(seed) {}

  void act(Story& story) {
    const std::size_t who = pick(4);
    Peer*& peer = peers_[who];
    if (!peer || peer->closed) {
      const std::string name(1, static_cast<char>('a' + who));
      peer = pick(4) == 0 ? &story.connect(clean(name)) : &story.rejoin(name, 10 + pick(200));
      return;
    }
    const std::string topic = "t/" + std::to_string(pick(3));
    switch (pick(9)) {
      case 0: story.drop(*peer); break;
      case 1: story.disconnect(*peer); break;
      case 2: story.subscribe(*peer, pick(2) ? topic : "t/#", static_cast<std::uint8_t>(pick(3)),
                              static_cast<std::uint32_t>(pick(3))); break;
      case 3: story.unsubscribe(*peer, topic); break;
      case 4: story.pass(std::chrono::seconds(pick(20))); break;
      case 5: acknowledge(story, *peer); break;
      case 6:
        if (++qos2_ > 20) break;
        story.publish(*peer, topic, std::to_string(next_), {.qos = 2, .id = ++next_,
                                                            .retain = pick(3) == 0});
        if (pick(2)) story.ack<PubRel>(*peer, next_);
        break;
      default:
        Properties p;
        if (pick(3) == 0) p.message_expiry = static_cast<std::uint32_t>(pick(60));
        story.publish(*peer, topic, pick(5) ? std::to_string(next_) : "",
                      {.qos = static_cast<std::uint8_t>(pick(2)), .id = ++next_,
                       .retain = pick(3) == 0, .properties = p});
    }
  }

  static Connect clean(const std::string& name) {
    static std::deque<std::string> names;  // the packet has a view of it
    Connect packet;
    packet.client_id = names.emplace_back(name);
    return packet;
  }

 private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  void acknowledge(Story& story, Peer& peer) {
    for (const std::string& line : peer.take()) {
      const std::size_t at = line.find('#');
      if (at == std::string::npos) continue;
      const auto id = static_cast<std::uint16_t>(std::stoi(line.substr(at + 1)));
      if (line.starts_with("PUBLISH") && line.find(" q1") != line.npos) story.ack<PubAck>(peer, id);
      if (line.starts_with("PUBLISH") && line.find(" q2") != line.npos) story.ack<PubRec>(peer, id);
      if (line.starts_with("PUBREL")) story.ack<PubComp>(peer, id);
      if (pick(3) == 0) return;
    }
  }

  std::mt19937 random_;
  Peer* peers_[4] = {};
  std::uint16_t next_ = 0;
  int qos2_ = 0;
};

// Everything there is to hear from a broker, by asking as each client.
Lines hear(const base::Bytes& records, base::Time wall) {
  Story story;
  story.wall = wall;
  story.log = records;
  story.restart();
  Lines all;
  for (const char* name : {"a", "b", "c", "d"}) {
    Peer& peer = story.rejoin(name, 50);
    for (std::uint16_t id = 1; id < 40; ++id) story.ack<PubRel>(peer, id);
    Peer& writer = story.join("writer");
    for (const char* topic : {"t/0", "t/1", "t/2"}) {
      story.publish(writer, topic, "?", {.qos = 1, .id = 1});
    }
    // One by one, as the order of retained messages is nobody's promise.
    for (const char* topic : {"t/0", "t/1", "t/2"}) story.subscribe(peer, topic, 2);
    Lines got = peer.take();
    std::erase_if(got, [](const std::string& line) { return line.ends_with(" 92"); });
    std::ranges::sort(got);
    all.insert(all.end(), got.begin(), got.end());
  }
  all.push_back(std::to_string(story.stats().sessions) + " sessions, " +
                std::to_string(story.stats().queued_messages) + " queued, " +
                std::to_string(story.stats().retained) + " retained");
  return all;
}

TEST(BrokerRestore, FindsTheSameStateFromRecordsAndFromASnapshot) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story story(BrokerLimits{.receive_maximum = 1'000});
    Lives lives(seed);
    for (int i = 0; i < 60; ++i) lives.act(story);
    base::Bytes snapshot;
    story.broker().snapshot(snapshot);
    EXPECT_EQ(hear(story.log, story.wall), hear(snapshot, story.wall));
    const std::size_t before = story.log.size();
    for (int i = 0; i < 60; ++i) lives.act(story);
    base::append(snapshot, base::BytesView(story.log).subspan(before));
    const Lines expected = hear(story.log, story.wall);
    EXPECT_EQ(hear(snapshot, story.wall), expected);
    base::Bytes last;
    story.broker().snapshot(last);
    EXPECT_EQ(hear(last, story.wall), expected);
  }
}

}  // namespace
}  // namespace selvedge::engine
