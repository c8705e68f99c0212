// Kernel: virtual time and the one event queue of a simulation. Private to os/fake.
//
// A call belongs to an Owner and dies with it: the queue holds numbers only, the functions lie with
// their owners, so a crash forgets them all at once and cancelling costs nothing.

#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "os/fake/random.h"

namespace selvedge::os::fake {

using Call = std::function<void()>;

class Owner {
 public:
  virtual ~Owner() = default;
  // Runs the call numbered `order`, and what belongs to the same turn.
  virtual void turn(std::uint64_t order) = 0;

 protected:
  friend class Kernel;
  // Takes a call out to run it; empty if it was cancelled.
  Call take(std::uint64_t order);
  std::unordered_map<std::uint64_t, Call> calls_;
};

class Kernel {
 public:
  explicit Kernel(std::uint64_t seed);

  base::Instant now() const { return now_; }
  Random fork_random() { return random_.fork(); }

  std::uint64_t schedule(base::Instant at, Owner& owner, Call call);
  // A call that belongs to no machine: the network, the driver of the test.
  std::uint64_t schedule(base::Instant at, Call call) { return schedule(at, own_, std::move(call)); }
  void cancel(std::uint64_t order) { own_.forget(order); }

  // Runs the next turn, if there is one at or before `limit`.
  bool step(base::Instant limit);
  // Lets time pass without events; everything before must have been run.
  void advance(base::Instant to);
  // The next call of the running turn: due now, of the same owner, scheduled before `barrier`.
  std::uint64_t next_of_turn(const Owner& owner, std::uint64_t barrier);
  std::uint64_t next_order() const { return next_order_; }

  // Mixes what happened into the hash of the history.
  void note(std::string_view what, std::uint64_t a, std::uint64_t b);
  std::uint64_t trace_hash() const { return hash_; }
  std::uint64_t turns() const { return turns_; }
  void forget_all() { own_.forget_all(); }

 private:
  struct Entry {
    std::int64_t at;
    std::uint64_t order;
    Owner* owner;
    bool operator>(const Entry& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  class Own : public Owner {
   public:
    void turn(std::uint64_t order) override;
    void forget(std::uint64_t order) { calls_.erase(order); }
    void forget_all() { calls_.clear(); }
  };
  void drop_cancelled();

  base::Instant now_{};
  std::uint64_t next_order_ = 1;
  std::uint64_t hash_ = 0;
  std::uint64_t turns_ = 0;
  std::uint64_t turns_at_this_instant_ = 0;
  Random random_;
  Own own_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

}  // namespace selvedge::os::fake
