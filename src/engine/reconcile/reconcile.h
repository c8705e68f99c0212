// Reconcile: brings what runs on a node to what is wished of it, item by item.
//
// An item is a setting, a device, an artifact, a task: something with a kind and a name. For each the
// host says what is wished (a value as text) and what it observes to run; Reconcile says what to start
// and what to cancel. It is level-triggered: the newest wish wins, an action in flight for an older
// one is cancelled, what already runs as wished is left alone (compared by hash), and what is no
// longer wished is removed in the same way. Items do not wait for each other, but for a free place
// of their kind (KindRule::parallel) and for the items they name.
//
// A wish that fails is tried again after a pause that doubles (KindRule::backoff_*) until it has been
// tried `attempts` times, then rests with its reason until the wish changes or retry() is asked for.
// At most one action of an item is in flight. An action without progress for `stall` is cancelled
// and counts as failed, and one that does not end within `cancel_wait` of its Cancel is given up: what
// it says later is ignored, and what it left is taken for unknown.
//
// After a crash everything comes from what the host observes and from save()'s bytes: attempts, why
// the last one failed, and the last value that worked. No action runs before Begin, so that nothing is removed
// for want of a wish that was not read yet.
//
// Bounds: ReconcileLimits; what is beyond is refused and counted. step(input, now) -> outputs: no
// clock, no I/O, no randomness. Belongs to one thread.

#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace selvedge::engine {

struct ItemKey {
  std::string kind, name;
  friend auto operator<=>(const ItemKey&, const ItemKey&) = default;
};

struct KindRule {
  std::string kind;
  std::uint32_t parallel = 4;                    // actions in flight
  std::uint32_t attempts = 8;                    // for one wish
  base::Duration backoff_first = std::chrono::seconds(1);
  base::Duration backoff_max = std::chrono::minutes(5);
  base::Duration stall = std::chrono::minutes(10);       // zero: an action may take for ever
  base::Duration cancel_wait = std::chrono::seconds(10);
  // Whether the count of attempts is on disk before an action starts: for actions that may end the
  // program itself, which would else be tried without bound.
  enum class Count : std::uint8_t { when_failed, before_start } count = Count::when_failed;
  // Whether the last value that worked is kept as text, for the host to return to.
  enum class Good : std::uint8_t { forgotten, kept } good = Good::forgotten;
};

struct ReconcileLimits {
  std::uint32_t items = 10'000;
  std::uint32_t value_bytes = 64 << 10;
  std::uint32_t after = 64;                      // items that one waits for
};

// ---- inputs ----

// What is wished of an item; no value: that it be gone. One older than what is known is ignored.
struct Wished {
  ItemKey key;
  std::optional<std::string> value;
  std::uint64_t revision = 0;                    // grows with every change of wishes
  std::vector<ItemKey> after;                    // acted on only when these run as wished
};
// What runs, as the value it was wished with; no value: nothing does. Ignored while an action is in
// flight, whose end says more.
struct Observed {
  ItemKey key;
  std::optional<std::string> value;
};
struct Finished {
  ItemKey key;
  std::uint64_t action = 0;                      // as in Start
  enum class Outcome : std::uint8_t {
    done,                                        // it runs as wished
    failed,                                      // counts as an attempt
    impossible,                                  // trying again cannot help
    unavailable,                                 // not the wish's fault (no link): does not count
    cancelled,
  } outcome = Outcome::done;
  std::string reason;
  // What an action that was not done left: what ran before, or who knows what.
  enum class Left : std::uint8_t { as_it_was, unknown } left = Left::as_it_was;
};
struct Progressed {
  ItemKey key;
  std::uint64_t action = 0;
};
// Tries again at once what waits for its next attempt and, if asked, what rests. An empty name is
// every item of the kind, an empty kind every item.
struct Retry {
  ItemKey key;
  enum class Which : std::uint8_t { waiting, rested_too } which = Which::rested_too;
};
struct Begin {};                                 // every wish and observation of the start was told
struct Tick {};                                  // at or after wake_at()

using ReconcileInput =
    std::variant<Wished, Observed, Finished, Progressed, Retry, Begin, Tick>;

// ---- outputs ----

struct StartAction {
  ItemKey key;
  std::uint64_t action = 0;
  std::uint32_t attempt = 0;                     // 1 is the first
  std::optional<std::string> value;              // none: remove it
};
// To be ended now; answer with Finished once it is (`cancelled`, or `done` if it was faster).
struct CancelAction {
  ItemKey key;
  std::uint64_t action = 0;
};
enum class ItemState : std::uint8_t { pending, applied, failed, removed };
std::string_view name(ItemState state);
// For the newest wish; what is said later of an item replaces what was said before.
struct ItemReport {
  ItemKey key;
  ItemState state{};
  std::string reason;                            // "" if all is well
  std::uint32_t attempts = 0;
  std::optional<std::string> value;              // the wish
};

// To be carried out after each step, in this order: write save() if `save`, cancels, then starts. With
// `save_first` no start may be made before what save() says is on disk.
struct ReconcileOutputs {
  bool save = false, save_first = false;
  std::vector<CancelAction> cancels;
  std::vector<StartAction> starts;
  std::vector<ItemReport> reports;

  void clear();
};

struct ReconcileStats {
  std::uint64_t started = 0, done = 0, failed = 0, cancelled = 0, given_up = 0, refused = 0;
  std::uint64_t items = 0, in_flight = 0;
};

class Reconcile {
 public:
  // `seed` spreads pauses, so that a fleet that failed at one moment does not try again at one.
  Reconcile(std::vector<KindRule> kinds, ReconcileLimits limits, std::uint32_t seed);
  ~Reconcile();

  // What an earlier run saved; before anything else. Code::corrupt: begin without it.
  base::Result<void> load(base::BytesView saved);
  void save(base::Bytes& out) const;

  void step(const ReconcileInput& input, base::Instant now, ReconcileOutputs& out);
  std::optional<base::Instant> wake_at() const;

  // Last values that worked, of kinds that keep them; from load() on.
  void each_good(const std::function<void(const ItemKey&, std::string_view value)>& visit) const;
  // Every item as it would be reported now.
  void each(const std::function<void(const ItemReport&)>& visit) const;
  const ReconcileStats& stats() const;

  struct State;                                  // reconcile_state.h

 private:
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
