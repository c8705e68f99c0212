// WorkPool: a few threads that run blocking or heavy jobs, one at a time in each lane.
//
// Threads start when there is work and go after some idle seconds, so a program at rest has none.
// run() is for one thread; jobs run on the pool. Jobs not begun when the pool goes are dropped, those
// that run are waited for.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace selvedge::os {

class WorkPool {
 public:
  // `finished` hands a job's `done` to whoever runs it, from a pool thread.
  explicit WorkPool(std::function<void(std::function<void()>)> finished);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void run(std::uint32_t lane, std::function<void()> job, std::function<void()> done);
  unsigned threads() const;
  void add_threads(unsigned more);   // to the most that there may be

 private:
  struct Shared;
  static void* serve(void* shared);
  void start_thread();

  std::shared_ptr<Shared> shared_;
};

}  // namespace selvedge::os
