// Life: one run of a machine's process, from start to crash, with its loop. Private to os/fake.
//
// Everything a program holds belongs to one life. When that ends, what is left of the program may
// still call its handles; they find the life over and do nothing. A life is kept, empty, until the
// simulation ends, so that such calls have something to ask.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "os/fake/kernel.h"
#include "os/fake/random.h"
#include "os/loop.h"

namespace selvedge::os::fake {

class Machine;

// Something that wants to write its output when the turn ends.
class Flushable {
 public:
  virtual ~Flushable() = default;
  virtual void flush() = 0;
};

class Life final : public Owner, public Loop {
 public:
  Life(Kernel& kernel, Machine& machine, Random random);

  bool alive() const { return alive_; }
  Machine& machine() { return machine_; }
  // The error of a handle whose life is over.
  std::unexpected<base::Error> down(std::string_view step) const;

  base::Instant now() const override { return kernel_.now() + clock_offset_; }
  base::Time wall_now() const override;
  TimerId after(base::Duration delay, std::function<void()> what) override;
  void cancel(TimerId timer) override;
  void defer(std::function<void()> what) override;
  void work(std::uint32_t lane, std::function<void()> job, std::function<void()> done) override;
  void post(std::function<void()> what) override;

  // A call from the simulation: input that arrived, the end of a job.
  void soon(Call call) { in(base::Duration{0}, std::move(call)); }
  std::uint64_t in(base::Duration delay, Call call);
  void flush_later(std::shared_ptr<Flushable> what);
  // Runs `call` as a turn of its own, right now.
  void run(const Call& call);

  void turn(std::uint64_t order) override;
  // Nothing of it runs from here on; `bury` once none of it is on the stack.
  void end();
  void bury();
  bool in_turn() const { return in_turn_; }

 private:
  struct Job {
    Call job, done;
  };
  struct Lane {
    std::deque<Job> waiting;
    bool busy = false;
  };
  void wake();
  void finish_turn();
  void start_job(std::uint32_t lane, bool may_start_at_once);
  void run_job(std::uint32_t lane);

  Kernel& kernel_;
  Machine& machine_;
  Random random_;
  base::Duration clock_offset_;
  bool alive_ = true;
  bool in_turn_ = false;
  bool woken_ = false;
  std::deque<Call> deferred_;
  std::vector<std::shared_ptr<Flushable>> to_flush_;
  std::unordered_map<std::uint32_t, Lane> lanes_;
  std::vector<Call> graveyard_;  // of the running call, when the life ends inside it
};

}  // namespace selvedge::os::fake
