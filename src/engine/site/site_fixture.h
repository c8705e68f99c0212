// A site in one thread: nodes whose clocks run at slightly different speeds, links that delay, lose and are cut, programs
// that are killed, and a cloud that says who is wished to run what. For tests. What must never happen is checked at once.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "engine/site/site.h"

namespace selvedge::engine {

using namespace std::chrono_literals;

class Site {
 public:
  explicit Site(int nodes, std::uint32_t seed = 1) : random_(seed), nodes_(static_cast<std::size_t>(nodes)) {
    for (int i = 0; i < nodes; ++i) start(i);
  }

  static std::string name(int node) { return "n" + std::to_string(node); }

  void start(int i) {
    Node& node = at(i);
    SiteRule rule;
    rule.self = name(i);
    for (std::size_t n = 0; n < nodes_.size(); ++n) rule.members.push_back(name(static_cast<int>(n)));
    rule.incarnation = ++node.incarnation;
    node.drift = (i % 3 - 1) * 0.0005;
    node.view = std::make_unique<SiteView>(rule, local(i));
    tell(i);
  }
  // With what it runs; a program that is killed takes its runs with it.
  void kill(int i) {
    at(i).view.reset();
    at(i).running.clear();
    at(i).ending.clear();
  }
  bool alive(int i) const { return nodes_[static_cast<std::size_t>(i)].view != nullptr; }
  void wish(int i, const std::string& task, std::uint64_t generation) {
    at(i).wished.insert_or_assign(task, SiteTask{task, generation, 0, grace_});
    known_.insert(task);
    for (std::size_t n = 0; n < nodes_.size(); ++n) tell(static_cast<int>(n));
  }
  void unwish(int i, const std::string& task) {
    at(i).wished.erase(task);
    tell(i);
  }
  // Nobody knows any more what it is.
  void forget(const std::string& task) {
    known_.erase(task);
    for (std::size_t n = 0; n < nodes_.size(); ++n) tell(static_cast<int>(n));
  }
  std::size_t remembers(int i) {
    std::size_t tasks = 0;
    at(i).view->each([&](const SiteVote&) { ++tasks; });
    return tasks;
  }
  void load(int i, std::uint32_t load) {
    at(i).load = load;
    tell(i);
  }
  void cut(int a, int b, bool is_cut) {
    if (is_cut) cuts_.insert({std::min(a, b), std::max(a, b)});
    else cuts_.erase({std::min(a, b), std::max(a, b)});
  }
  void heal() { cuts_.clear(); }

  // Time goes on in steps of 5 ms.
  void pass(base::Duration time) {
    for (const base::Instant end = now_ + time; now_ < end && !::testing::Test::HasFailure();) {
      now_ = now_ + 5ms;
      while (!wire_.empty() && wire_.begin()->first <= now_) {
        const auto [from, to, beat] = wire_.begin()->second;
        wire_.erase(wire_.begin());
        if (alive(to) && !cuts_.contains({std::min(from, to), std::max(from, to)})) say(to, SiteHeard{beat});
      }
      for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
        if (!alive(i)) continue;
        for (auto one = at(i).ending.begin(); one != at(i).ending.end();) {
          const auto [task, when] = *one++;
          if (now_ < when) continue;
          at(i).running.erase(task);
          at(i).ending.erase(task);
          say(i, SiteEnded{task});
        }
        if (local(i) >= at(i).view->wake_at()) say(i, SiteTick{});
      }
    }
  }

  // Who runs it; -1: nobody.
  int runner(const std::string& task) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].running.contains(task)) return static_cast<int>(i);
    return -1;
  }
  base::Duration until_runs(const std::string& task, base::Duration most) {
    const base::Instant from = now_;
    while (runner(task) < 0 && now_ - from < most && !::testing::Test::HasFailure()) pass(5ms);
    return now_ - from;
  }
  std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }

  base::Duration grace_{};
  std::uint32_t loss_ = 0;                         // of a hundred messages
  base::Instant now_{1'000'000'000};

 private:
  struct Node {
    std::unique_ptr<SiteView> view;
    std::uint64_t incarnation = 0;
    std::uint32_t load = 0;
    double drift = 0;
    std::map<std::string, SiteTask> wished;
    std::map<std::string, SiteTask> running;
    std::map<std::string, base::Instant> ending;
  };
  Node& at(int i) { return nodes_[static_cast<std::size_t>(i)]; }
  base::Instant local(int i) {
    return {now_.ns + i * 1'000'000'000'000 + static_cast<std::int64_t>(static_cast<double>(now_.ns) * at(i).drift)};
  }

  void tell(int i) {
    if (!alive(i)) return;
    SiteOwn own;
    own.load = at(i).load;
    for (const auto& [task, value] : at(i).wished) own.wished.push_back(value);
    own.known.assign(known_.begin(), known_.end());
    say(i, own);
  }

  void say(int i, const SiteInput& input) {
    SiteOutputs out;
    at(i).view->step(input, local(i), out);
    for (const SiteEnd& one : out.ends)
      if (at(i).running.contains(one.name)) at(i).ending.try_emplace(one.name, now_ + grace_);
      else quick_.push_back(one.name);
    for (const SiteTask& one : out.runs) {
      EXPECT_FALSE(at(i).ending.contains(one.name)) << "allowed while it is being ended";
      at(i).running.insert_or_assign(one.name, one);
      check(one.name);
    }
    if (out.beat)
      for (int to = 0; to < static_cast<int>(nodes_.size()); ++to)
        if (to != i && pick(100) >= loss_)
          wire_.emplace(now_ + std::chrono::milliseconds(1 + pick(20)), std::tuple(i, to, *out.beat));
    for (const std::string& task : std::exchange(quick_, {})) say(i, SiteEnded{task});   // there was no run to end
  }

  void check(const std::string& task) const {
    const auto runs = std::ranges::count_if(nodes_, [&](const Node& node) { return node.running.contains(task); });
    EXPECT_EQ(runs, 1) << task << " runs twice";
  }

  std::mt19937 random_;
  std::vector<Node> nodes_;
  std::set<std::string> known_;
  std::set<std::pair<int, int>> cuts_;
  std::multimap<base::Instant, std::tuple<int, int, SiteBeat>> wire_;
  std::vector<std::string> quick_;
};

}  // namespace selvedge::engine
