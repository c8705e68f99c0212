// The stories of retained messages.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(BrokerRetained, GivesLateSubscribersTheLastMessage) {
  Story story;
  Peer& writer = story.join("w");
  story.publish(writer, "a/1", "old", {.retain = true});
  story.publish(writer, "a/1", "new", {.qos = 2, .id = 1, .retain = true});
  story.publish(writer, "a/1", "passing by");
  Peer& reader = story.join("r");
  story.subscribe(reader, "a/+", 1);
  EXPECT_EQ(reader.take(), Lines{"PUBLISH a/1 'new' q1 #1 retain"});
  story.publish(writer, "a/1", "", {.retain = true});
  EXPECT_EQ(reader.take(), Lines{"PUBLISH a/1 '' q0"});
  EXPECT_EQ(story.stats().retained, 0u);
}

TEST(BrokerRetained, MatchesAsFiltersDo) {
  Story story;
  Peer& writer = story.join("w");
  for (const char* topic : {"a", "a/b", "a/b/c", "x/b", "$own/b", "/b"}) {
    story.publish(writer, topic, "1", {.retain = true});
  }
  struct Case {
    const char* filter;
    std::size_t count;
  };
  for (const Case& c : {Case{"#", 5}, Case{"a/#", 3}, Case{"+/b", 3}, Case{"+", 1}, Case{"a/b", 1},
                        Case{"$own/#", 1}, Case{"a/+/c", 1}, Case{"a/+/+/#", 1}, Case{"none", 0},
                        Case{"/+", 1}, Case{"+/+", 3}}) {
    Peer& reader = story.join("r");
    story.subscribe(reader, c.filter);
    EXPECT_EQ(reader.take().size(), c.count) << c.filter;
  }
}

TEST(BrokerRetained, IsSentAsTheSubscriberWishes) {
  struct Case {
    std::uint8_t handling;
    std::size_t first, second;
  };
  for (const Case& c : {Case{0, 1, 1}, Case{1, 1, 0}, Case{2, 0, 0}}) {
    Story story;
    Peer& peer = story.join("a");
    story.publish(peer, "t", "x", {.retain = true});
    const Subscription wanted{.filter = "t", .retain_handling = c.handling};
    story.subscribe(peer, wanted);
    EXPECT_EQ(peer.take().size() - 1, c.first);
    story.subscribe(peer, wanted);
    EXPECT_EQ(peer.take().size() - 1, c.second);
  }
}

TEST(BrokerRetained, KeepsTheFlagForWhoAsksForIt) {
  Story story;
  Peer& plain = story.join("plain");
  Peer& exact = story.join("exact");
  story.subscribe(plain, "t");
  story.subscribe(exact, Subscription{.filter = "t", .retain_as_published = true});
  exact.take();
  story.publish(plain, "t", "x", {.retain = true});
  story.publish(plain, "t", "y");
  EXPECT_EQ(plain.take(), (Lines{"PUBLISH t 'x' q0", "PUBLISH t 'y' q0"}));
  EXPECT_EQ(exact.take(), (Lines{"PUBLISH t 'x' q0 retain", "PUBLISH t 'y' q0"}));
}

TEST(BrokerRetained, CountsItsExpiryDown) {
  Story story;
  Peer& peer = story.join("a");
  Properties properties;
  properties.message_expiry = 10;
  story.publish(peer, "t", "x", {.retain = true, .properties = properties});
  story.pass(4s);
  story.subscribe(peer, "t");
  EXPECT_EQ(peer.take(), Lines{"PUBLISH t 'x' q0 retain expiry=6"});
  story.pass(6s);
  story.subscribe(peer, "t");
  EXPECT_EQ(peer.take(), Lines{});
}

TEST(BrokerRetained, GoesWithTheSubscriptionIdentifier) {
  Story story;
  Peer& peer = story.join("a");
  story.publish(peer, "t", "x", {.retain = true});
  story.subscribe(peer, "#", 0, 7);
  EXPECT_EQ(peer.take(), Lines{"PUBLISH t 'x' q0 retain ids=7"});
}

TEST(BrokerRetained, DoesNotComeBackToItsPublisherWithNoLocal) {
  Story story;
  Peer& peer = story.join("a");
  story.publish(peer, "t", "mine", {.retain = true});
  story.subscribe(peer, Subscription{.filter = "t", .no_local = true});
  EXPECT_EQ(peer.take(), Lines{"SUBACK #1 00"});
}

TEST(BrokerRetained, IsBoundedByCountAndBytes) {
  Story story(BrokerLimits{.retained_messages = 2, .retained_bytes = 1'000});
  Peer& peer = story.join("a");
  story.publish(peer, "1", "x", {.retain = true});
  story.publish(peer, "2", "x", {.retain = true});
  story.publish(peer, "3", "x", {.retain = true});
  EXPECT_EQ(story.stats().retained, 2u);
  EXPECT_EQ(story.stats().dropped_full, 1u);
  story.publish(peer, "2", "y", {.retain = true});
  EXPECT_EQ(story.stats().dropped_full, 1u) << "replacing needs no more room";
  // Rather nothing than something out of date.
  story.publish(peer, "1", std::string(2'000, 'x'), {.retain = true});
  EXPECT_EQ(story.stats().retained, 1u);
  EXPECT_EQ(story.stats().dropped_full, 2u);
}

TEST(BrokerRetained, MakesRoomOfWhatHasExpired) {
  Story story(BrokerLimits{.retained_messages = 2});
  Peer& peer = story.join("a");
  Properties brief;
  brief.message_expiry = 1;
  story.publish(peer, "1", "x", {.retain = true, .properties = brief});
  story.publish(peer, "2", "x", {.retain = true});
  story.pass(1s);
  story.publish(peer, "3", "x", {.retain = true});
  EXPECT_EQ(story.stats().retained, 2u);
  EXPECT_EQ(story.stats().dropped_full, 0u);
}

TEST(BrokerRetained, ArriveInFullEvenIfTheyAreMany) {
  Story story(BrokerLimits{.unsent_bytes = 10'000});
  Peer& writer = story.join("w");
  for (int i = 0; i < 100; ++i) {
    story.publish(writer, "t/" + std::to_string(i), std::string(1'000, 'x'), {.retain = true});
  }
  Peer& reader = story.join("r");
  story.subscribe(reader, "t/#");
  std::size_t got = reader.take().size();
  EXPECT_LT(got, 20u);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(got == 100 || story.broker().wake_at() <= story.now);
    story.pass(1ms);
    got += reader.take().size();
  }
  EXPECT_EQ(got, 100u);
  EXPECT_EQ(story.stats().queued_messages, 0u);
  EXPECT_EQ(story.stats().dropped_slow, 0u);
}

TEST(BrokerRetained, AreNotOvertakenByNewerMessages) {
  Story story(BrokerLimits{.unsent_bytes = 3'000});
  Peer& writer = story.join("w");
  for (int i = 0; i < 10; ++i) {
    story.publish(writer, "t/" + std::to_string(i), std::string(1'000, 'x'), {.retain = true});
  }
  Peer& reader = story.join("r");
  story.subscribe(reader, "t/#");
  Lines got = reader.take();
  for (int i = 0; i < 10; ++i) story.publish(writer, "t/" + std::to_string(i), "new");
  EXPECT_EQ(reader.take(), Lines{});
  for (int i = 0; i < 10; ++i) {
    story.pass(1ms);
    for (const std::string& line : reader.take()) got.push_back(line);
  }
  ASSERT_EQ(got.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(got[i].find("'new'") != std::string::npos, i >= 10) << got[i];
  }
  // What waits without acknowledgement goes away with the connection.
  story.subscribe(reader, "t/#");
  story.drop(reader);
  EXPECT_EQ(story.stats().queued_messages, 0u);
}

}  // namespace
}  // namespace selvedge::engine
