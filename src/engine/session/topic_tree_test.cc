#include <gtest/gtest.h>

#include <random>
#include <set>

#include "codec/mqtt/packet.h"
#include "engine/session/retained.h"
#include "engine/session/session.h"
#include "engine/session/topic_tree.h"

namespace selvedge::engine {
namespace {

std::string random_topic(std::mt19937& random, bool filter) {
  static constexpr const char* names[] = {"a", "b", "", "$x", "long-level-name-of-some-length"};
  std::string topic;
  const std::size_t levels = 1 + random() % 4;
  for (std::size_t i = 0; i < levels; ++i) {
    if (i > 0) topic += '/';
    const auto kind = random() % 8;
    if (filter && kind == 0 && i + 1 == levels) {
      topic += '#';
    } else if (filter && kind <= 2) {
      topic += '+';
    } else {
      topic += names[random() % 5];
    }
  }
  return topic.empty() ? "/" : topic;
}

TEST(TopicTree, MatchesAsTheStandardSays) {
  std::mt19937 random(1);
  TopicTree tree;
  Session session;
  std::set<std::string> filters;
  for (int round = 0; round < 4'000; ++round) {
    const std::string filter = random_topic(random, true);
    Subscribed* known = tree.find(session, "", filter);
    ASSERT_EQ(known != nullptr, filters.contains(filter)) << filter;
    if (known) {
      ASSERT_EQ(tree.filter_of(*known), filter);
      tree.remove(*known);
      filters.erase(filter);
    } else {
      tree.add(session, "", filter, {}, 0);
      filters.insert(filter);
    }
    ASSERT_EQ(tree.size(), filters.size());
    if (round % 4 != 0) continue;
    const std::string topic = random_topic(random, false);
    std::multiset<std::string> got;
    tree.match(topic, [&](const TopicTree::Node& node) {
      for (const Subscribed* each : node.subscribed) got.insert(tree.filter_of(*each));
    });
    std::multiset<std::string> expected;
    for (const std::string& each : filters) {
      if (codec::mqtt::matches(each, topic)) expected.insert(each);
    }
    ASSERT_EQ(got, expected) << topic;
  }
  while (!session.subscriptions.empty()) tree.remove(*session.subscriptions.back());
  EXPECT_EQ(tree.size(), 0u);
}

TEST(TopicTree, KeepsTheTurnsOfAGroupInOrder) {
  TopicTree tree;
  Session a, b, c;
  Subscribed& first = tree.add(a, "g", "t/+", {}, 0);
  Subscribed& second = tree.add(b, "g", "t/+", {}, 0);
  Subscribed& third = tree.add(c, "g", "t/+", {}, 0);
  ShareGroup* group = first.group;
  EXPECT_EQ(tree.group(group->number), group);
  tree.remove(second);
  EXPECT_EQ(group->members, (std::vector<Subscribed*>{&first, &third}));
  tree.remove(third);
  const std::uint32_t number = group->number;
  tree.remove(first);
  EXPECT_EQ(tree.group(number), nullptr);
  EXPECT_NE(tree.add(a, "g", "t/+", {}, 0).group->number, number);
}

TEST(TopicTree, FindsOneAmongAHundredThousand) {
  TopicTree tree;
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 100'000; ++i) {
    if (i % 1'000 == 0) sessions.push_back(std::make_unique<Session>());
    tree.add(*sessions.back(), "", "site/" + std::to_string(i) + "/+", {}, 0);
  }
  int found = 0;
  for (int i = 0; i < 100'000; ++i) {
    tree.match("site/" + std::to_string(i) + "/x",
               [&](const TopicTree::Node& node) { found += static_cast<int>(node.subscribed.size()); });
  }
  EXPECT_EQ(found, 100'000);
}

TEST(Retained, MatchesAsTheStandardSays) {
  std::mt19937 random(2);
  Retained retained(1'000, 1 << 20);
  std::set<std::string> topics;
  for (int round = 0; round < 4'000; ++round) {
    const std::string topic = random_topic(random, false);
    if (random() % 3 == 0) {
      ASSERT_EQ(retained.erase(topic), topics.erase(topic) == 1);
    } else {
      const base::Bytes payload(random() % 10, 'x');
      Message::Parts parts;
      parts.topic = topic;
      parts.payload = payload;
      ASSERT_TRUE(retained.set(MessagePtr::make(parts), {0}));
      topics.insert(topic);
    }
    ASSERT_EQ(retained.count(), topics.size());
    if (round % 4 != 0) continue;
    const std::string filter = random_topic(random, true);
    std::multiset<std::string> got, expected;
    retained.match(filter, {0}, [&](const MessagePtr& each) { got.emplace(each->topic()); });
    for (const std::string& each : topics) {
      if (codec::mqtt::matches(filter, each)) expected.insert(each);
    }
    ASSERT_EQ(got, expected) << filter;
  }
  for (const std::string& topic : topics) retained.erase(topic);
  EXPECT_EQ(retained.bytes(), 0u);
}

}  // namespace
}  // namespace selvedge::engine
