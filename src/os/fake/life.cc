#include "os/fake/life.h"

#include "os/fake/machine.h"

namespace selvedge::os::fake {
namespace {

// A turn whose deferred calls defer more than this many is a program that never sleeps.
constexpr int most_deferred_in_a_turn = 1'000'000;

}  // namespace

Life::Life(Kernel& kernel, Machine& machine, Random random)
    : kernel_(kernel), machine_(machine), random_(random) {
  // Each start has a monotonic clock of its own, as each boot of a real machine has.
  clock_offset_ = std::chrono::seconds(1 + static_cast<std::int64_t>(random_.below(100'000)));
}

std::unexpected<base::Error> Life::down(std::string_view step) const {
  return base::fail(base::Code::unavailable,
                    std::string(step) + ": machine " + machine_.name() + " is down");
}

base::Time Life::wall_now() const { return machine_.wall_now(); }

std::uint64_t Life::in(base::Duration delay, Call call) {
  if (!alive_) return 0;
  return kernel_.schedule(kernel_.now() + std::max(delay, base::Duration{0}), *this,
                          std::move(call));
}

TimerId Life::after(base::Duration delay, std::function<void()> what) {
  return TimerId{in(delay, std::move(what))};
}

void Life::cancel(TimerId timer) {
  const auto found = calls_.find(static_cast<std::uint64_t>(timer));
  if (found == calls_.end()) return;
  const Call call = std::move(found->second);  // its end may cancel more
  calls_.erase(found);
}

void Life::post(std::function<void()> what) { soon(std::move(what)); }

void Life::wake() {
  if (in_turn_ || woken_) return;
  woken_ = true;
  soon([] {});
}

void Life::defer(std::function<void()> what) {
  if (!alive_) return;
  deferred_.push_back(std::move(what));
  wake();
}

void Life::flush_later(std::shared_ptr<Flushable> what) {
  if (!alive_) return;
  to_flush_.push_back(std::move(what));
  wake();
}

void Life::turn(std::uint64_t order) {
  const std::uint64_t barrier = kernel_.next_order();
  in_turn_ = true;
  while (alive_ && order != 0) {
    if (const Call call = take(order)) {
      kernel_.note("turn", order, machine_.number());
      call();
    }
    order = alive_ ? kernel_.next_of_turn(*this, barrier) : 0;
  }
  finish_turn();
}

void Life::run(const Call& call) {
  if (!alive_) return;
  CHECK(!in_turn_);
  in_turn_ = true;
  call();
  finish_turn();
}

void Life::finish_turn() {
  woken_ = false;
  int count = 0;
  while (alive_ && !deferred_.empty()) {
    CHECK(++count < most_deferred_in_a_turn);
    const Call call = std::move(deferred_.front());
    deferred_.pop_front();
    call();
  }
  while (alive_ && !to_flush_.empty()) {
    const auto all = std::move(to_flush_);
    to_flush_.clear();
    for (const auto& one : all) one->flush();
  }
  in_turn_ = false;
  if (!alive_) machine_.lay_to_rest(*this);
}

void Life::work(std::uint32_t lane, std::function<void()> job, std::function<void()> done) {
  if (!alive_) return;
  Lane& line = lanes_[lane];
  line.waiting.push_back(Job{std::move(job), std::move(done)});
  if (!line.busy) start_job(lane, true);
}

// A real pool may run the job before work() has returned, or long after; so does this one.
void Life::start_job(std::uint32_t lane, bool may_start_at_once) {
  lanes_[lane].busy = true;
  const base::Duration delay = random_.between(base::Duration{0}, machine_.pool_delay);
  if (may_start_at_once && random_.chance(0.5)) return run_job(lane);
  in(delay, [this, lane] { run_job(lane); });
}

void Life::run_job(std::uint32_t lane) {
  Lane& line = lanes_[lane];
  Job job = std::move(line.waiting.front());
  line.waiting.pop_front();
  const base::Duration cost = machine_.run_job(job.job);
  if (!alive_) {
    graveyard_.push_back(std::move(job.job));
    graveyard_.push_back(std::move(job.done));
    return;
  }
  job.job = nullptr;
  in(cost, [this, lane, done = std::move(job.done)] {
    // The pool goes on with the lane whether or not the loop has come round to `done`.
    const bool next_first = random_.chance(0.5);
    const auto next = [this, lane] {
      if (!alive_) return;
      if (lanes_[lane].waiting.empty()) lanes_[lane].busy = false;
      else start_job(lane, true);
    };
    if (next_first) next();
    if (alive_ && done) done();
    if (!next_first) next();
  });
}

void Life::end() { alive_ = false; }

void Life::bury() {
  CHECK(!alive_ && !in_turn_);
  // Moved out first: what dies here may call the loop again, which then does nothing.
  const auto calls = std::move(calls_);
  const auto deferred = std::move(deferred_);
  const auto flush = std::move(to_flush_);
  const auto lanes = std::move(lanes_);
  const auto graves = std::move(graveyard_);
  calls_.clear();
  deferred_.clear();
  to_flush_.clear();
  lanes_.clear();
  graveyard_.clear();
}

}  // namespace selvedge::os::fake
