// What to do about one item, and when.

#include <algorithm>

#include "base/crc32c.h"
#include "base/text.h"
#include "engine/reconcile/reconcile_state.h"

namespace selvedge::engine {

using State = Reconcile::State;

bool State::as_wished(const Item& item) const {
  if (item.unknown) return false;
  return item.wish ? item.actual == item.print : !item.actual;
}

// The first item that this one still waits for.
const ItemKey* State::awaited(const Item& item) const {
  if (!item.wish) return nullptr;
  for (const ItemKey& key : item.after) {
    const auto at = items.find(key);
    if (at == items.end() || !at->second.wish || !as_wished(at->second)) return &key;
  }
  return nullptr;
}

void State::consider(const ItemKey& key, Item& item) {
  if (!begun || item.phase == Phase::cancelling) return;
  if (item.phase == Phase::running) {
    const bool right = item.wish ? item.aim == item.print : !item.aim;
    if (!right) {
      cancel(key, item);
      report(key, item);
    }
    return;
  }
  if (as_wished(item)) return settle(key, item);
  if (item.phase == Phase::waiting || item.phase == Phase::resting) return report(key, item);
  if (awaited(item) != nullptr) {
    dequeue(item);
    item.phase = Phase::blocked;
    blocked.insert(key);
    return report(key, item);
  }
  blocked.erase(key);
  enqueue(key, item);
  report(key, item);
  pump(*item.kind);
}

void State::settle(const ItemKey& key, Item& item) {
  const ItemKey settled = key;                   // `key` may lie in the item's own node
  dequeue(item);
  blocked.erase(settled);
  set_timer(settled, item, std::nullopt);
  if (item.attempts > 0 || item.phase == Phase::resting) out->save = true;
  forget_trouble(item);
  if (item.kind->rule.good == KindRule::Good::kept && item.good != item.wish) {
    item.good = item.wish;
    out->save = true;
  }
  report(settled, item);
  const bool gone = !item.wish;
  if (gone) items.erase(settled);
  const std::set<ItemKey> waiting = blocked;
  for (const ItemKey& other : waiting) {
    Item* behind = find(other);
    if (behind != nullptr && std::ranges::find(behind->after, settled) != behind->after.end())
      consider(other, *behind);
  }
}

void State::enqueue(const ItemKey& key, Item& item) {
  if (item.phase == Phase::queued) return;
  item.phase = Phase::queued;
  item.place = ++places;
  item.kind->queue.emplace(item.place, key);
}

void State::dequeue(Item& item) {
  if (item.phase != Phase::queued) return;
  item.kind->queue.erase(item.place);
  item.phase = Phase::idle;
}

void State::pump(Kind& kind) {
  while (kind.in_flight < kind.rule.parallel && !kind.queue.empty()) {
    const ItemKey key = kind.queue.begin()->second;
    Item& item = *find(key);
    dequeue(item);
    start(key, item);
  }
}

void State::start(const ItemKey& key, Item& item) {
  const KindRule& rule = item.kind->rule;
  item.phase = Phase::running;
  item.action = ++actions;
  item.stalled = false;
  item.aim.reset();
  if (item.wish) item.aim = item.print;
  ++item.attempts;
  ++item.kind->in_flight;
  ++stats.in_flight;
  ++stats.started;
  if (rule.count == KindRule::Count::before_start) out->save = out->save_first = true;
  if (rule.stall.count() > 0) set_timer(key, item, now + rule.stall);
  out->starts.push_back({key, item.action, item.attempts, item.wish});
  report(key, item);
}

void State::cancel(const ItemKey& key, Item& item) {
  item.phase = Phase::cancelling;
  ++stats.cancelled;
  set_timer(key, item, now + item.kind->rule.cancel_wait);
  out->cancels.push_back({key, item.action});
}

// The action is over, one way or another; its place is free.
void State::end_action(Item& item) {
  if (item.due) {
    timers.erase({*item.due, item.id});
    item.due.reset();
  }
  item.action = 0;
  item.phase = Phase::idle;
  --item.kind->in_flight;
  --stats.in_flight;
}

void State::failed(const ItemKey& key, Item& item, Finished::Outcome outcome,
                   std::string_view reason) {
  const KindRule& rule = item.kind->rule;
  ++stats.failed;
  item.reason = base::printable(reason, most_reason_bytes);
  ++item.pauses;
  out->save = true;
  if (outcome == Finished::Outcome::unavailable && item.attempts > 0) --item.attempts;
  if (outcome == Finished::Outcome::impossible || item.attempts >= rule.attempts) {
    item.phase = Phase::resting;
  } else {
    item.phase = Phase::waiting;
    set_timer(key, item, now + pause(key, item));
  }
  report(key, item);
}

// An action that was cancelled has ended, or was given up.
void State::ended_cancelled(const ItemKey& key, Item& item) {
  const bool same = item.wish ? item.aim == item.print : !item.aim;
  if (item.stalled && same && !as_wished(item)) {
    item.stalled = false;
    const std::string reason =
        "no progress for " + base::to_string(item.kind->rule.stall);
    return failed(key, item, Finished::Outcome::failed, reason);
  }
  item.stalled = false;
  consider(key, item);
}

void State::timed_out(const ItemKey& key, Item& item) {
  switch (item.phase) {
    case Phase::running:
      item.stalled = true;
      cancel(key, item);
      return;
    case Phase::cancelling: {
      Kind& kind = *item.kind;
      ++stats.given_up;
      end_action(item);
      item.unknown = true;
      ended_cancelled(key, item);
      return pump(kind);
    }
    case Phase::waiting:
      item.phase = Phase::idle;
      return consider(key, item);
    default:
      return;
  }
}

// A new wish begins with a clean sheet. What is in flight stays, for consider() to judge.
void State::forget_trouble(Item& item) {
  item.attempts = item.pauses = 0;
  item.reason.clear();
  if (item.phase == Phase::waiting || item.phase == Phase::resting) {
    item.phase = Phase::idle;
    if (item.due) timers.erase({*item.due, item.id});
    item.due.reset();
    if (out != nullptr) out->save = true;
  }
}

ItemReport State::describe(const ItemKey& key, const Item& item) const {
  ItemReport what{key, ItemState::pending, item.reason, item.attempts, item.wish};
  if (item.phase == Phase::resting) {
    what.state = ItemState::failed;
  } else if (item.phase == Phase::blocked) {
    if (const ItemKey* other = awaited(item))
      what.reason = base::printable("waits for " + other->kind + " " + other->name, most_reason_bytes);
  } else if (item.phase == Phase::idle && as_wished(item)) {
    what.state = item.wish ? ItemState::applied : ItemState::removed;
  }
  return what;
}

void State::report(const ItemKey& key, Item& item) {
  ItemReport what = describe(key, item);
  if (item.told && what.state == item.last.state && what.reason == item.last.reason &&
      what.attempts == item.last.attempts && what.value == item.last.value)
    return;
  item.told = true;
  item.last = what;
  out->reports.push_back(std::move(what));
}

void State::set_timer(const ItemKey& key, Item& item, std::optional<base::Instant> due) {
  if (item.due) timers.erase({*item.due, item.id});
  item.due = due;
  if (due) timers.emplace(std::pair(*due, item.id), key);
}

// Doubles with each pause, and lies between half of that and all of it: "equal jitter" (Brooker,
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), drawn from names instead of a die.
base::Duration State::pause(const ItemKey& key, const Item& item) const {
  const KindRule& rule = item.kind->rule;
  base::Duration bound = std::min(rule.backoff_first, rule.backoff_max);
  for (std::uint32_t i = 1; i < item.pauses && bound < rule.backoff_max; ++i)
    bound = bound > rule.backoff_max / 2 ? rule.backoff_max : bound * 2;
  const std::string text = key.kind + '\0' + key.name + '\0' + std::to_string(item.pauses);
  const std::uint32_t draw = base::crc32c(base::as_bytes(text), seed) >> 8;   // 24 bits
  return bound / 2 + base::Duration(bound.count() / 2 / (1 << 24) * draw);
}

}  // namespace selvedge::engine
