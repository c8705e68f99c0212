// EpollLoop: the loop of the real machine.
//
// A turn: wait for events; hand them out; run what other threads posted, due timers, deferred work;
// then let everything that asked for it end its turn (streams send what they collected). Level
// triggered: whoever stops half-way is called again in the next turn, after the others had theirs.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/timer_heap.h"
#include "os/work_pool.h"

struct epoll_event;

namespace selvedge::os {

// Something with a descriptor that the loop watches.
class Watch {
 public:
  // `events` as from epoll. May unwatch or destroy anything, this object too.
  virtual void ready(std::uint32_t events) = 0;
  // The turn ends and end_turn_of() was called for it.
  virtual void end_turn() {}

 protected:
  ~Watch() = default;
};

class EpollLoop final : public Loop {
 public:
  static base::Result<std::unique_ptr<EpollLoop>> create();
  ~EpollLoop() override;

  base::Instant now() const override { return now_; }
  base::Time wall_now() const override;
  TimerId after(base::Duration delay, std::function<void()> what) override;
  void cancel(TimerId timer) override { timers_.cancel(timer); }
  void defer(std::function<void()> what) override { deferred_.push_back(std::move(what)); }
  void work(std::uint32_t lane, std::function<void()> job, std::function<void()> done) override;
  void add_workers(unsigned threads) override { if (pool_) pool_->add_threads(threads); }
  void post(std::function<void()> what) override;

  base::Result<void> watch(int fd, Watch& watch, std::uint32_t events);
  void rearm(int fd, std::uint32_t events);
  void unwatch(int fd);  // before `fd` is closed
  // For a watched `fd`: its end_turn() at the end of this turn, or ready(EPOLLIN) in the next.
  // However often they are asked for, each comes once.
  void end_turn_of(int fd);
  void call_again(int fd);

  // Until stop(), or one of `signals` arrives, which it returns; 0 after stop(). `signals` stay
  // blocked afterwards, so that one that arrives between two runs is kept for the second.
  int run(std::span<const int> signals);
  void stop() { stopping_ = true; }
  // Ends the pool and drops everything that waits: what its owner does before the rest goes.
  void clear();

  std::uint64_t turns() const { return turns_; }
  std::size_t timers() const { return timers_.size(); }
  unsigned pool_threads() const { return pool_ ? pool_->threads() : 0; }

 private:
  class Wake;
  class Signals;
  struct Slot {
    Watch* watch = nullptr;
    std::uint32_t generation = 0;
    bool ending = false, again = false;
  };

  EpollLoop();
  base::Result<void> open();
  std::uint64_t token_of(int fd) const;
  Watch* find(std::uint64_t token) const;
  void turn();
  int wait(epoll_event* events);
  void run_posted();
  void run_deferred();
  void end_turns();

  Fd epoll_, wake_fd_;
  std::unique_ptr<Wake> wake_;
  base::Instant now_{};
  std::uint64_t turns_ = 0;
  bool stopping_ = false;
  bool fine_wait_ = true;  // the kernel has epoll_pwait2
  TimerHeap timers_;
  std::vector<Slot> slots_;  // by descriptor
  std::vector<std::uint64_t> ending_, again_, spare_tokens_;
  std::vector<std::function<void()>> deferred_, spare_deferred_;

  std::mutex post_mutex_;
  std::vector<std::function<void()>> posted_;  // under post_mutex_
  std::unique_ptr<WorkPool> pool_;             // null once cleared
};

}  // namespace selvedge::os
