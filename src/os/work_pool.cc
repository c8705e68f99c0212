#include "os/work_pool.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/result.h"

namespace selvedge::os {
namespace {

constexpr unsigned usual_threads = 4;
constexpr std::chrono::seconds idle_time{5};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_bytes = 2 << 20;
#else
// A model runtime's loader is the deepest that runs here. What is not touched is not there.
constexpr std::size_t stack_bytes = 1 << 20;
#endif

struct Job {
  std::function<void()> job, done;
};

}  // namespace

struct WorkPool::Shared {
  std::function<void(std::function<void()>)> finished;
  std::mutex mutex;
  std::condition_variable wake;     // a lane is ready, or the pool stops
  std::condition_variable emptied;  // the last thread is leaving
  std::unordered_map<std::uint32_t, std::deque<Job>> lanes;  // those with a job waiting or running
  std::deque<std::uint32_t> ready;                           // lanes waiting for a thread
  unsigned threads = 0, idle = 0, most = usual_threads;
  bool stopping = false;
};

WorkPool::WorkPool(std::function<void(std::function<void()>)> finished)
    : shared_(std::make_shared<Shared>()) {
  shared_->finished = std::move(finished);
}

WorkPool::~WorkPool() {
  // Here and not with the last thread, which may go a little later: what they hold may need its owner.
  std::unordered_map<std::uint32_t, std::deque<Job>> dropped;
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->wake.notify_all();
  shared_->emptied.wait(lock, [this] { return shared_->threads == 0; });
  dropped.swap(shared_->lanes);
}

unsigned WorkPool::threads() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->threads;
}

void WorkPool::add_threads(unsigned more) {
  const std::lock_guard lock(shared_->mutex);
  shared_->most += more;
}

void WorkPool::run(std::uint32_t lane, std::function<void()> job, std::function<void()> done) {
  const std::lock_guard lock(shared_->mutex);
  const auto [place, fresh] = shared_->lanes.try_emplace(lane);
  place->second.push_back(Job{std::move(job), std::move(done)});
  if (!fresh) return;
  shared_->ready.push_back(lane);
  if (shared_->idle >= shared_->ready.size())
    shared_->wake.notify_one();
  else if (shared_->threads < shared_->most)
    start_thread();
}

void WorkPool::start_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Signals are for the loop thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto shared = std::make_unique<std::shared_ptr<Shared>>(shared_);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, &WorkPool::serve, shared.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) {
    static_cast<void>(shared.release());
    ++shared_->threads;
  } else {
    // With no thread at all the job would never run: nothing sensible is left to do.
    CHECK(shared_->threads > 0);
  }
}

void* WorkPool::serve(void* argument) {
  const std::unique_ptr<std::shared_ptr<Shared>> owner(
      static_cast<std::shared_ptr<Shared>*>(argument));
  Shared& shared = **owner;
  std::unique_lock lock(shared.mutex);
  while (!shared.stopping) {
    if (shared.ready.empty()) {
      ++shared.idle;
      const bool woken = shared.wake.wait_for(
          lock, idle_time, [&] { return shared.stopping || !shared.ready.empty(); });
      --shared.idle;
      if (!woken) break;
      continue;
    }
    const std::uint32_t lane = shared.ready.front();
    shared.ready.pop_front();
    Job job = std::move(shared.lanes[lane].front());
    shared.lanes[lane].pop_front();
    lock.unlock();
    job.job();
    job.job = nullptr;
    if (job.done) shared.finished(std::move(job.done));
    job.done = nullptr;
    lock.lock();
    const auto place = shared.lanes.find(lane);
    if (place->second.empty())
      shared.lanes.erase(place);
    else
      shared.ready.push_back(lane);
  }
  if (--shared.threads == 0) shared.emptied.notify_all();
  return nullptr;
}

}  // namespace selvedge::os
