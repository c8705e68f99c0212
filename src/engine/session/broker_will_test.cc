// The stories of wills.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

struct WillStory : Story {
  Peer& reader;
  WillStory() : reader(join("reader")) { subscribe(reader, "will/#", 2); }

  Peer& mortal(Version version = Version::v5, std::uint32_t delay = 0, std::uint32_t expiry = 0,
               bool clean = false) {
    Connect packet;
    packet.version = version;
    packet.client_id = "mortal";
    packet.clean_start = clean;
    packet.keep_alive = 10;
    if (expiry > 0) packet.properties.session_expiry = expiry;
    packet.will.emplace();
    packet.will->topic = "will/mortal";
    packet.will->payload = base::as_bytes("gone");
    packet.will->qos = 1;
    if (delay > 0) packet.will->properties.will_delay = delay;
    packet.will->properties.content_type = "text/plain";
    Peer& peer = connect(packet);
    peer.take();
    return peer;
  }
  bool sent() { return !reader.take().empty(); }
};

TEST(BrokerWill, IsPublishedUnlessTheClientLeavesInOrder) {
  for (const Version version : {Version::v311, Version::v5}) {
    WillStory story;
    story.drop(story.mortal(version));
    const std::string type = version == Version::v5 ? " type=text/plain" : "";
    EXPECT_EQ(story.reader.take(), Lines{"PUBLISH will/mortal 'gone' q1 #1" + type});
    EXPECT_EQ(story.arrived, Lines{"mortal will/mortal 'gone' q1" + type});
    story.disconnect(story.mortal(version));
    EXPECT_FALSE(story.sent());
    story.mortal(version);
    story.pass(15s);
    EXPECT_TRUE(story.sent()) << "keep-alive";
    Peer& wrong = story.mortal(version);
    story.give(wrong, base::Bytes{0xF0, 0x00});
    EXPECT_TRUE(story.sent()) << "protocol error";
  }
}

TEST(BrokerWill, CanBeAskedForAtDisconnect) {
  WillStory story;
  story.disconnect(story.mortal(), Reason::disconnect_with_will);
  EXPECT_TRUE(story.sent());
}

TEST(BrokerWill, WaitsForItsDelay) {
  WillStory story;
  story.drop(story.mortal(Version::v5, 20, 100));
  EXPECT_FALSE(story.sent());
  story.pass(19s);
  EXPECT_FALSE(story.sent());
  story.pass(1s);
  EXPECT_TRUE(story.sent());
  story.pass(200s);
  EXPECT_FALSE(story.sent()) << "only once";
}

TEST(BrokerWill, IsPublishedWhenTheSessionEndsBeforeItsDelay) {
  WillStory story;
  story.drop(story.mortal(Version::v5, 200, 10));
  story.pass(10s);
  EXPECT_TRUE(story.sent());
  story.drop(story.mortal(Version::v5, 200));
  EXPECT_TRUE(story.sent()) << "a session without expiry ends at once";
}

TEST(BrokerWill, IsCancelledByComingBackInTime) {
  WillStory story;
  story.drop(story.mortal(Version::v5, 20, 100));
  story.pass(10s);
  Peer& again = story.rejoin("mortal", 100);
  story.pass(5s);
  story.disconnect(again);
  story.pass(50s);
  EXPECT_FALSE(story.sent());
}

TEST(BrokerWill, IsPublishedWhenTheSessionIsThrownAway) {
  WillStory story;
  story.drop(story.mortal(Version::v5, 20, 100));
  story.join("mortal");
  EXPECT_TRUE(story.sent());
}

TEST(BrokerWill, OfATakenOverConnectionIsPublishedUnlessDelayed) {
  WillStory story;
  story.mortal(Version::v5, 0, 100);
  story.mortal(Version::v5, 20, 100);
  EXPECT_TRUE(story.sent());
  story.mortal(Version::v5, 0, 100);
  EXPECT_FALSE(story.sent());
}

TEST(BrokerWill, MayBeRetainedAndExpire) {
  Story story;
  Connect packet;
  packet.client_id = "mortal";
  packet.will.emplace();
  packet.will->topic = "will";
  packet.will->payload = base::as_bytes("gone");
  packet.will->retain = true;
  packet.will->properties.message_expiry = 30;
  Peer& peer = story.connect(packet);
  story.pass(100s);
  story.drop(peer);
  story.pass(10s);
  Peer& reader = story.join("reader");
  story.subscribe(reader, "will");
  EXPECT_EQ(reader.take(), Lines{"PUBLISH will 'gone' q0 retain expiry=20"});
  story.pass(20s);
  story.subscribe(reader, "will");
  EXPECT_EQ(reader.take(), Lines{});
}

TEST(BrokerWill, IsPublishedOnShutDown) {
  Story story;
  Peer& reader = story.rejoin("reader");
  story.subscribe(reader, "will", 1);
  Connect packet;
  packet.client_id = "mortal";
  packet.will.emplace();
  packet.will->topic = "will";
  packet.will->qos = 1;
  story.connect(packet);
  story.call([&](Outputs& out) { story.broker().shut_down(story.now, story.wall, out); });
  EXPECT_EQ(story.stats().queued_messages, 1u);
}

}  // namespace
}  // namespace selvedge::engine
