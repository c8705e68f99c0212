#include "engine/admission/handshake_queue.h"

#include <algorithm>

namespace selvedge::engine {
namespace {

constexpr std::uint32_t turns_a_suspect = 8;
constexpr base::Duration savings = std::chrono::milliseconds(50);   // of per_second, after a pause

}  // namespace

void HandshakeQueue::arrived(Visitor who, Standing standing, base::Instant now) {
  if (!waiting_.insert(who).second) return;
  (standing == Standing::good ? good_ : suspects_).push_back({who, now});
}

void HandshakeQueue::gone(Visitor who) { waiting_.erase(who); }

void HandshakeQueue::finished() {
  if (running_ > 0) --running_;
}

void HandshakeQueue::dismiss_late(Line& line, base::Instant now, Next& next) {
  while (!line.empty()) {
    const Waiting& oldest = line.front();
    const bool here = waiting_.contains(oldest.who);
    if (here && now - oldest.since < limits_.deadline) return;
    if (here) {
      waiting_.erase(oldest.who);
      next.dismiss.push_back(oldest.who);
      ++dismissed_;
    }
    line.pop_front();
  }
}

bool HandshakeQueue::may_begin(base::Instant now) {
  if (running_ >= limits_.running) return false;
  if (limits_.per_second == 0) return true;
  if (now < next_at_) return false;
  const base::Duration each = std::chrono::nanoseconds(1'000'000'000 / limits_.per_second);
  next_at_ = std::max(next_at_, now - savings) + each;
  return true;
}

std::optional<Visitor> HandshakeQueue::take(Line& line) {
  while (!line.empty()) {
    const bool oldest = limits_.order == HandshakeLimits::Order::oldest_first;
    const Visitor who = oldest ? line.front().who : line.back().who;
    if (oldest) line.pop_front();
    else line.pop_back();
    if (waiting_.erase(who) > 0) return who;
  }
  return std::nullopt;
}

HandshakeQueue::Next HandshakeQueue::step(base::Instant now) {
  Next next;
  dismiss_late(good_, now, next);
  dismiss_late(suspects_, now, next);
  while (!waiting_.empty() && may_begin(now)) {
    const bool suspects_turn = ++begun_ % turns_a_suspect == 0;
    auto who = take(suspects_turn ? suspects_ : good_);
    if (!who) who = take(suspects_turn ? good_ : suspects_);
    if (!who) break;
    ++running_;
    next.begin.push_back(*who);
  }
  return next;
}

std::optional<base::Instant> HandshakeQueue::wake_at() const {
  if (waiting_.empty()) return std::nullopt;
  std::optional<base::Instant> at;
  const auto sooner = [&](base::Instant when) { at = at ? std::min(*at, when) : when; };
  for (const Line* line : {&good_, &suspects_})
    if (!line->empty()) sooner(line->front().since + limits_.deadline);
  if (limits_.per_second > 0 && running_ < limits_.running) sooner(next_at_);
  return at;
}

}  // namespace selvedge::engine
