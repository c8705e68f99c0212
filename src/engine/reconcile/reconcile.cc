#include "engine/reconcile/reconcile.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "engine/reconcile/reconcile_state.h"

namespace selvedge::engine {

using State = Reconcile::State;

Fingerprint fingerprint(std::string_view value) {
  const crypto::Digest digest = crypto::sha256(base::as_bytes(value));
  Fingerprint half;
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

std::string_view name(ItemState state) {
  switch (state) {
    case ItemState::pending: return "pending";
    case ItemState::applied: return "applied";
    case ItemState::failed: return "failed";
    case ItemState::removed: return "removed";
  }
  return "";
}

void ReconcileOutputs::clear() {
  save = save_first = false;
  cancels.clear();
  starts.clear();
  reports.clear();
}

State::State(std::vector<KindRule> rules, ReconcileLimits l, std::uint32_t s) : limits(l), seed(s) {
  for (KindRule& rule : rules) {
    rule.parallel = std::max(rule.parallel, 1u);
    rule.attempts = std::max(rule.attempts, 1u);
    std::string kind = rule.kind;
    kinds[std::move(kind)].rule = std::move(rule);
  }
}

Reconcile::Reconcile(std::vector<KindRule> kinds, ReconcileLimits limits, std::uint32_t seed)
    : state_(std::make_unique<State>(std::move(kinds), limits, seed)) {}
Reconcile::~Reconcile() = default;

void Reconcile::step(const ReconcileInput& input, base::Instant now, ReconcileOutputs& out) {
  state_->now = now;
  state_->out = &out;
  std::visit([this](const auto& what) { state_->take(what); }, input);
  state_->out = nullptr;
}

std::optional<base::Instant> Reconcile::wake_at() const {
  if (state_->timers.empty()) return std::nullopt;
  return state_->timers.begin()->first.first;
}

void Reconcile::each(const std::function<void(const ItemReport&)>& visit) const {
  for (const auto& [key, item] : state_->items) visit(state_->describe(key, item));
}

void Reconcile::each_good(
    const std::function<void(const ItemKey&, std::string_view)>& visit) const {
  if (!state_->begun) {
    for (const auto& [key, remembered] : state_->remembered)
      if (remembered.good) visit(key, *remembered.good);
    return;
  }
  for (const auto& [key, item] : state_->items)
    if (item.good) visit(key, *item.good);
}

const ReconcileStats& Reconcile::stats() const {
  state_->stats.items = state_->items.size();
  return state_->stats;
}

State::Item* State::find(const ItemKey& key) {
  const auto at = items.find(key);
  return at == items.end() ? nullptr : &at->second;
}

State::Item* State::find_or_make(const ItemKey& key) {
  if (Item* known = find(key)) return known;
  const auto kind = kinds.find(key.kind);
  if (kind == kinds.end() || items.size() >= limits.items) {
    ++stats.refused;
    return nullptr;
  }
  Item& made = items[key];
  made.id = ++ids;
  made.kind = &kind->second;
  return &made;
}

void State::take(const Wished& input) {
  Item* item = find(input.key);
  if (item == nullptr && !input.value) return;
  if ((input.value && input.value->size() > limits.value_bytes) || input.after.size() > limits.after) {
    ++stats.refused;
    return;
  }
  if (item == nullptr) item = find_or_make(input.key);
  if (item == nullptr || input.revision < item->revision) return;
  item->revision = input.revision;
  item->after = input.after;
  const Fingerprint print = input.value ? fingerprint(*input.value) : Fingerprint{};
  const bool same = item->wish.has_value() == input.value.has_value() && item->print == print;
  if (!same) {
    item->wish = input.value;
    item->print = print;
    forget_trouble(*item);
  }
  consider(input.key, *item);
}

void State::take(const Observed& input) {
  Item* item = find(input.key);
  if (item == nullptr && !input.value) return;
  if (item == nullptr) item = find_or_make(input.key);
  if (item == nullptr || item->phase == Phase::running || item->phase == Phase::cancelling) return;
  item->unknown = false;
  item->actual.reset();
  if (input.value) item->actual = fingerprint(*input.value);
  consider(input.key, *item);
}

void State::take(const Finished& input) {
  Item* item = find(input.key);
  if (item == nullptr || item->action != input.action || input.action == 0) return;
  const bool cancelled = item->phase == Phase::cancelling;
  if (!cancelled && item->phase != Phase::running) return;
  end_action(*item);
  Kind& kind = *item->kind;
  if (input.outcome == Finished::Outcome::done) {
    ++stats.done;
    item->unknown = false;
    item->actual = item->aim;
    const bool is_wish = item->wish ? item->aim == item->print : !item->aim;
    if (kind.rule.good == KindRule::Good::kept && is_wish) {
      item->good = item->wish;
      out->save = true;
    }
    item->stalled = false;
    consider(input.key, *item);
  } else {
    if (input.left == Finished::Left::unknown) item->unknown = true;
    if (cancelled) ended_cancelled(input.key, *item);
    else failed(input.key, *item, input.outcome, input.reason);
  }
  pump(kind);
}

void State::take(const Progressed& input) {
  Item* item = find(input.key);
  if (item == nullptr || item->action != input.action || item->phase != Phase::running) return;
  const base::Duration stall = item->kind->rule.stall;
  if (stall.count() > 0) set_timer(input.key, *item, now + stall);
}

void State::take(const Retry& input) {
  std::vector<ItemKey> meant;
  for (const auto& [key, item] : items) {
    if (!input.key.kind.empty() && key.kind != input.key.kind) continue;
    if (!input.key.name.empty() && key.name != input.key.name) continue;
    if (item.phase == Phase::waiting ||
        (item.phase == Phase::resting && input.which == Retry::Which::rested_too))
      meant.push_back(key);
  }
  for (const ItemKey& key : meant) {
    Item& item = *find(key);
    if (input.which == Retry::Which::rested_too) forget_trouble(item);
    item.pauses = 0;
    item.phase = Phase::idle;
    set_timer(key, item, std::nullopt);
    out->save = true;
    consider(key, item);
  }
}

// Finds what is remembered of this very wish: its attempts go on where they were.
void State::recall(const ItemKey& key, Item& item) {
  const auto at = remembered.find(key);
  if (at == remembered.end()) return;
  Remembered& known = at->second;
  item.good = std::move(known.good);
  const bool same = known.print.has_value() == item.wish.has_value() &&
                    (!known.print || *known.print == item.print);
  if (!same || (known.attempts == 0 && !known.rested)) return;
  item.attempts = item.pauses = known.attempts;
  item.reason = std::move(known.reason);
  if (item.reason.empty()) item.reason = "the node ended while it was tried";
  if (known.rested || item.attempts >= item.kind->rule.attempts) {
    item.phase = Phase::resting;
  } else {
    item.phase = Phase::waiting;
    set_timer(key, item, now + pause(key, item));
  }
}

void State::take(const Begin&) {
  if (std::exchange(begun, true)) return;
  std::vector<ItemKey> all;
  for (auto& [key, item] : items) {
    recall(key, item);
    all.push_back(key);
  }
  remembered.clear();
  for (const ItemKey& key : all)
    if (Item* item = find(key)) consider(key, *item);
}

void State::take(const Tick&) {
  while (!timers.empty() && timers.begin()->first.first <= now) {
    const ItemKey key = timers.begin()->second;
    Item& item = *find(key);
    set_timer(key, item, std::nullopt);
    timed_out(key, item);
  }
}

}  // namespace selvedge::engine
