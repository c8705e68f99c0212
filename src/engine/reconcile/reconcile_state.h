// Reconcile::State: the items, who waits for what, and the rules between them. reconcile.cc takes
// inputs, reconcile_acting.cc decides, reconcile_saved.cc has the bytes that survive a crash.

#pragma once

#include <array>
#include <map>
#include <set>

#include "engine/reconcile/reconcile.h"

namespace selvedge::engine {

// The first half of SHA-256: values are compared by it, and it is all that is kept of what runs.
using Fingerprint = std::array<std::uint8_t, 16>;
Fingerprint fingerprint(std::string_view value);

inline constexpr std::size_t most_reason_bytes = 512;

struct Reconcile::State {
  enum class Phase : std::uint8_t {
    idle,        // as wished, or just about to be looked at
    blocked,     // waits for other items
    queued,      // waits for a place of its kind
    running,
    cancelling,
    waiting,     // for its next attempt
    resting,     // failed; nothing more is tried
  };

  struct Kind {
    KindRule rule;
    std::uint32_t in_flight = 0;
    std::map<std::uint64_t, ItemKey> queue;      // by order of arrival
  };

  struct Item {
    std::uint64_t id = 0;
    Kind* kind = nullptr;
    // The wish.
    std::optional<std::string> wish;
    Fingerprint print{};                         // of `wish`
    std::uint64_t revision = 0;
    std::vector<ItemKey> after;
    // What runs.
    std::optional<Fingerprint> actual;
    bool unknown = false;                        // `actual` says nothing
    std::optional<std::string> good;
    // How far we are.
    Phase phase = Phase::idle;
    std::uint32_t attempts = 0, pauses = 0;      // pauses: in a row, of attempts and of delays
    std::string reason;
    std::uint64_t place = 0;                     // in the queue
    std::uint64_t action = 0;                    // in flight
    std::optional<Fingerprint> aim;              // of it; none: removal
    bool stalled = false;                        // it is cancelled for that
    std::optional<base::Instant> due;            // in `timers`
    // What was last said.
    bool told = false;
    ItemReport last;
  };

  // What load() read of an item.
  struct Remembered {
    std::optional<Fingerprint> print;            // of the wish; none: removal
    std::uint32_t attempts = 0;
    bool rested = false;
    std::string reason;
    std::optional<std::string> good;
  };

  State(std::vector<KindRule> rules, ReconcileLimits l, std::uint32_t s);

  // reconcile.cc
  void take(const Wished& input);
  void take(const Observed& input);
  void take(const Finished& input);
  void take(const Progressed& input);
  void take(const Retry& input);
  void take(const Begin& input);
  void take(const Tick& input);
  Item* find(const ItemKey& key);
  Item* find_or_make(const ItemKey& key);
  void recall(const ItemKey& key, Item& item);

  // reconcile_acting.cc. What may erase the item is last in its caller.
  bool as_wished(const Item& item) const;
  const ItemKey* awaited(const Item& item) const;
  void consider(const ItemKey& key, Item& item);
  void settle(const ItemKey& key, Item& item);
  void enqueue(const ItemKey& key, Item& item);
  void dequeue(Item& item);
  void pump(Kind& kind);
  void start(const ItemKey& key, Item& item);
  void cancel(const ItemKey& key, Item& item);
  void end_action(Item& item);
  void failed(const ItemKey& key, Item& item, Finished::Outcome outcome, std::string_view reason);
  void ended_cancelled(const ItemKey& key, Item& item);
  void timed_out(const ItemKey& key, Item& item);
  void forget_trouble(Item& item);
  void report(const ItemKey& key, Item& item);
  ItemReport describe(const ItemKey& key, const Item& item) const;
  void set_timer(const ItemKey& key, Item& item, std::optional<base::Instant> due);
  base::Duration pause(const ItemKey& key, const Item& item) const;

  ReconcileLimits limits;
  std::uint32_t seed;
  std::map<std::string, Kind, std::less<>> kinds;
  std::map<ItemKey, Item> items;
  std::map<ItemKey, Remembered> remembered;      // until Begin
  std::set<ItemKey> blocked;
  std::map<std::pair<base::Instant, std::uint64_t>, ItemKey> timers;  // by time and item id
  std::uint64_t ids = 0, places = 0, actions = 0;
  bool begun = false;
  base::Instant now{};
  ReconcileOutputs* out = nullptr;               // of the step being made
  ReconcileStats stats;
};

}  // namespace selvedge::engine
