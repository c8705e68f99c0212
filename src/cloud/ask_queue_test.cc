#include "cloud/ask_queue.h"

#include <gtest/gtest.h>

namespace selvedge::cloud {
namespace {

engine::AskPlace ask_for_test(std::uint64_t number, const std::string& tenant, std::int32_t priority = 50) {
  engine::AskPlace ask;
  ask.ask = number;
  ask.tenant = tenant;
  ask.group.priority = priority;
  return ask;
}

TEST(AskQueue, AnswersTheHighestPriorityFirstAndThenInOrder) {
  AskQueue queue;
  queue.add(ask_for_test(1, "a"));
  queue.add(ask_for_test(2, "a", 90));
  queue.add(ask_for_test(3, "a"));
  std::vector<std::uint64_t> order;
  while (!queue.empty()) order.push_back(queue.take([](const std::string&) { return 0.0; }).ask);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{2, 1, 3}));
}

TEST(AskQueue, GivesTurnsToTheTenantThatHasLeast) {
  AskQueue queue;
  for (std::uint64_t i = 0; i < 6; ++i) queue.add(ask_for_test(i, "many"));
  for (std::uint64_t i = 10; i < 12; ++i) queue.add(ask_for_test(i, "few"));
  std::map<std::string, double> has{{"few", 2}};
  std::string turns;
  while (!queue.empty()) {
    const auto ask = queue.take([&](const std::string& tenant) { return has[tenant]; });
    has[ask.tenant] += 1;
    turns += ask.tenant[0];
  }
  EXPECT_EQ(turns, "mmfmfmmm") << "few had two already";
}

}  // namespace
}  // namespace selvedge::cloud
