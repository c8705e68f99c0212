#include "os/fake/kernel.h"

#include <cmath>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/result.h"

namespace selvedge::os::fake {
namespace {

// More turns than this at one instant mean a program that never lets time pass.
constexpr std::uint64_t most_turns_at_an_instant = 10'000'000;

}  // namespace

base::Duration Random::exponential(base::Duration mean) {
  return base::Duration(
      static_cast<std::int64_t>(-std::log(1.0 - unit()) * static_cast<double>(mean.count())));
}

Call Owner::take(std::uint64_t order) {
  const auto found = calls_.find(order);
  if (found == calls_.end()) return {};
  Call call = std::move(found->second);
  calls_.erase(found);
  return call;
}

Kernel::Kernel(std::uint64_t seed) : hash_(seed), random_(seed) {}

std::uint64_t Kernel::schedule(base::Instant at, Owner& owner, Call call) {
  const std::uint64_t order = next_order_++;
  owner.calls_.emplace(order, std::move(call));
  queue_.push(Entry{std::max(at, now_).ns, order, &owner});
  return order;
}

void Kernel::drop_cancelled() {
  while (!queue_.empty() && !queue_.top().owner->calls_.contains(queue_.top().order)) queue_.pop();
}

bool Kernel::step(base::Instant limit) {
  drop_cancelled();
  if (queue_.empty() || queue_.top().at > limit.ns) return false;
  const Entry entry = queue_.top();
  queue_.pop();
  turns_at_this_instant_ = entry.at == now_.ns ? turns_at_this_instant_ + 1 : 0;
  CHECK(turns_at_this_instant_ < most_turns_at_an_instant);
  now_ = base::Instant{entry.at};
  ++turns_;
  entry.owner->turn(entry.order);
  return true;
}

void Kernel::advance(base::Instant to) { now_ = std::max(now_, to); }

std::uint64_t Kernel::next_of_turn(const Owner& owner, std::uint64_t barrier) {
  drop_cancelled();
  if (queue_.empty()) return 0;
  const Entry entry = queue_.top();
  if (entry.owner != &owner || entry.at != now_.ns || entry.order >= barrier) return 0;
  queue_.pop();
  return entry.order;
}

void Kernel::note(std::string_view what, std::uint64_t a, std::uint64_t b) {
  const auto mix = [this](std::uint64_t v) { hash_ = Random(hash_ ^ v).next(); };
  mix(base::crc32c(base::as_bytes(what)));
  mix(static_cast<std::uint64_t>(now_.ns));
  mix(a);
  mix(b);
}

void Kernel::Own::turn(std::uint64_t order) {
  if (const Call call = take(order)) call();
}

}  // namespace selvedge::os::fake
