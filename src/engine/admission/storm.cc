#include "engine/admission/storm.h"

#include <algorithm>
#include <array>
#include <deque>
#include <queue>
#include <random>
#include <vector>

namespace selvedge::engine {
namespace {

using base::Duration;
using base::Instant;

struct Node {
  enum class Is : std::uint8_t { away, knocking, queued, first_part, between, second_part, in };
  Is is = Is::away;
  std::uint32_t attempt = 0;             // events of an earlier one are void
  std::uint32_t tries = 0;               // of the SYN in this attempt
  Duration bound{};                      // of the back-off
  Instant asked{};                       // its request under way
};

struct Event {
  enum class Is : std::uint8_t { knock, give_up, answer, ask };
  Instant at{};
  Is is = Is::knock;
  std::uint32_t node = 0, attempt = 0;
  friend bool operator>(const Event& a, const Event& b) { return a.at > b.at; }
};

class Storm {
 public:
  explicit Storm(const StormPlan& plan)
      : plan_(plan), queue_(plan.limits), nodes_(plan.nodes), random_(plan.seed) {}

  StormOutcome run() {
    outcome_.floor = plan_.handshake * static_cast<std::int64_t>(plan_.nodes);
    for (std::uint32_t i = 0; i < plan_.nodes; ++i) come_back(i);
    const Instant end{std::chrono::nanoseconds(std::chrono::hours(1)).count()};
    while (in_ < plan_.nodes && now_ < end) turn();
    outcome_.finished = in_ == plan_.nodes;
    outcome_.all_in = now_ - Instant{};
    outcome_.dismissed = queue_.dismissed();
    return outcome_;
  }

 private:
  double unit() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  Duration part_of(Duration whole) {
    return Duration(static_cast<std::int64_t>(static_cast<double>(whole.count()) * unit()));
  }
  void at(Duration delay, Event::Is is, std::uint32_t node) {
    events_.push({now_ + delay, is, node, nodes_[node].attempt});
  }

  void come_back(std::uint32_t index) {
    Node& node = nodes_[index];
    ++node.attempt;
    node.is = Node::Is::away;
    node.tries = 0;
    node.bound = node.bound.count() == 0 ? plan_.backoff_first
                                         : std::min(node.bound * 2, plan_.backoff_most);
    at(part_of(node.bound), Event::Is::knock, index);
  }

  void knock(std::uint32_t index) {
    Node& node = nodes_[index];
    if (node.tries == 0) {
      ++outcome_.attempts;
      at(plan_.patience, Event::Is::give_up, index);
    }
    node.is = Node::Is::knocking;
    if (kernel_.size() < plan_.kernel_queue) {
      kernel_.push_back({index, node.attempt});
      return;
    }
    constexpr std::array<int, 3> again = {1, 2, 4};   // at 1, 3 and 7 s
    if (node.tries < again.size())
      at(std::chrono::seconds(again[node.tries++]), Event::Is::knock, index);
  }

  void give_up(std::uint32_t index) {
    Node& node = nodes_[index];
    if (node.is == Node::Is::in) return;
    if (node.is == Node::Is::queued && plan_.sees_hang_ups) queue_.gone(Visitor{key(index)});
    if (node.is == Node::Is::first_part || node.is == Node::Is::between ||
        node.is == Node::Is::second_part)
      waste(node.is == Node::Is::first_part ? Duration{} : plan_.handshake / 2);
    come_back(index);
  }

  void waste(Duration cpu) {
    ++outcome_.wasted;
    outcome_.cpu_wasted += cpu;
    queue_.finished();
  }

  std::uint64_t key(std::uint32_t index) const {
    return std::uint64_t{nodes_[index].attempt} << 32 | index;
  }

  void events() {
    while (!events_.empty() && events_.top().at <= now_) {
      const Event event = events_.top();
      events_.pop();
      Node& node = nodes_[event.node];
      if (event.is != Event::Is::ask && event.attempt != node.attempt) continue;
      switch (event.is) {
        case Event::Is::knock: knock(event.node); break;
        case Event::Is::give_up: give_up(event.node); break;
        case Event::Is::answer:
          node.is = Node::Is::second_part;
          work_.push_back({event.node, node.attempt});
          break;
        case Event::Is::ask:
          node.asked = event.at;
          requests_.push_back(event.node);
          break;
      }
    }
  }

  void serve_connected() {
    for (; !requests_.empty(); requests_.pop_front()) {
      now_ = now_ + plan_.request;
      outcome_.longest_request =
          std::max(outcome_.longest_request, now_ - nodes_[requests_.front()].asked);
      at(plan_.request_every, Event::Is::ask, requests_.front());
    }
  }

  void accept() {
    while (!kernel_.empty() && !queue_.full()) {
      const auto [index, attempt] = kernel_.front();
      kernel_.pop_front();
      if (attempt != nodes_[index].attempt) {
        if (plan_.sees_hang_ups) continue;
        // Nobody is there, and we do not know.
        queue_.arrived(Visitor{std::uint64_t{attempt} << 32 | index}, HandshakeQueue::Standing::good,
                       now_);
        continue;
      }
      nodes_[index].is = Node::Is::queued;
      queue_.arrived(Visitor{key(index)}, HandshakeQueue::Standing::good, now_);
    }
  }

  void begin() {
    const HandshakeQueue::Next next = queue_.step(now_);
    for (const Visitor who : next.dismiss) {
      const auto index = static_cast<std::uint32_t>(who);
      if (key(index) == static_cast<std::uint64_t>(who)) come_back(index);
    }
    for (const Visitor who : next.begin)
      work_.push_back({static_cast<std::uint32_t>(who),
                       static_cast<std::uint32_t>(static_cast<std::uint64_t>(who) >> 32)});
    for (const Visitor who : next.begin) {
      const auto index = static_cast<std::uint32_t>(who);
      if (key(index) == static_cast<std::uint64_t>(who)) nodes_[index].is = Node::Is::first_part;
    }
  }

  void shake_hands() {
    const Instant until = now_ + plan_.handshakes_a_turn;
    while (!work_.empty() && now_ < until) {
      const auto [index, attempt] = work_.front();
      work_.pop_front();
      Node& node = nodes_[index];
      if (attempt != node.attempt) {
        // Given up meanwhile. One that was only queued when it went is found out by the answer.
        if (!plan_.sees_hang_ups) {
          now_ = now_ + plan_.handshake / 2;
          waste(plan_.handshake / 2);
        }
        continue;
      }
      now_ = now_ + plan_.handshake / 2;
      if (node.is == Node::Is::first_part) {
        node.is = Node::Is::between;
        at(plan_.round_trip, Event::Is::answer, index);
      } else {
        node.is = Node::Is::in;
        queue_.finished();
        if (++in_ == plan_.nodes / 2) outcome_.half_in = now_ - Instant{};
        at(part_of(plan_.request_every), Event::Is::ask, index);
      }
    }
  }

  void turn() {
    events();
    serve_connected();
    accept();
    begin();
    shake_hands();
    if (!work_.empty() || !requests_.empty()) return;
    // The loop sleeps until something happens.
    Instant next{INT64_MAX};
    if (!events_.empty()) next = events_.top().at;
    if (const auto wake = queue_.wake_at()) next = std::min(next, *wake);
    now_ = std::max(now_ + Duration(1), next);
  }

  struct At {
    std::uint32_t node = 0, attempt = 0;
  };

  StormPlan plan_;
  HandshakeQueue queue_;
  std::vector<Node> nodes_;
  std::mt19937_64 random_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<At> kernel_, work_;
  std::deque<std::uint32_t> requests_;
  Instant now_{};
  std::uint32_t in_ = 0;
  StormOutcome outcome_;
};

}  // namespace

StormOutcome run_storm(const StormPlan& plan) { return Storm(plan).run(); }

}  // namespace selvedge::engine
