#include "os/epoll_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace selvedge::os {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
// Counts on while the machine is suspended: a lease that ran out meanwhile is over. The kernel's wait does not, so that a
// timer may come so much late after it.
constexpr clockid_t counting_clock = CLOCK_BOOTTIME;
constexpr std::int64_t longest_wait_ns = 10 * ns_per_second;
constexpr int events_a_turn = 256;
// Deferred work that defers more is run in the same turn this often, then the loop looks at its
// events again.
constexpr int deferred_rounds = 8;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * ns_per_second + time.tv_nsec;
}

}  // namespace

class EpollLoop::Wake final : public Watch {
 public:
  explicit Wake(EpollLoop& loop) : loop_(loop) {}
  void ready(std::uint32_t) override { loop_.run_posted(); }

 private:
  EpollLoop& loop_;
};

class EpollLoop::Signals final : public Watch {
 public:
  Signals(EpollLoop& loop, std::span<const int> signals) : loop_(loop) {
    if (signals.empty()) return;
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_.reset(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    CHECK(fd_ && loop_.watch(fd_.value(), *this, EPOLLIN));
  }
  ~Signals() {
    if (fd_) loop_.unwatch(fd_.value());
  }

  void ready(std::uint32_t) override {
    signalfd_siginfo info{};
    if (arrived_ != 0 || ::read(fd_.value(), &info, sizeof info) != sizeof info) return;
    arrived_ = static_cast<int>(info.ssi_signo);
    loop_.stop();
  }
  int arrived() const { return arrived_; }

 private:
  EpollLoop& loop_;
  Fd fd_;
  int arrived_ = 0;
};

EpollLoop::EpollLoop()
    : pool_(std::make_unique<WorkPool>(
          [this](std::function<void()> done) { post(std::move(done)); })) {}

EpollLoop::~EpollLoop() { clear(); }

void EpollLoop::clear() {
  pool_.reset();
  // What is dropped may own streams, which cancel timers and unwatch as they go.
  const auto deferred = std::exchange(deferred_, {});
  const auto posted = std::exchange(posted_, {});
  const TimerHeap timers = std::exchange(timers_, {});
}

base::Result<std::unique_ptr<EpollLoop>> EpollLoop::create() {
  std::unique_ptr<EpollLoop> loop(new EpollLoop);
  TRY(loop->open());
  return loop;
}

base::Result<void> EpollLoop::open() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return std::unexpected(base::system_error("create event loop", errno));
  wake_fd_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd_) return std::unexpected(base::system_error("create event loop", errno));
  wake_ = std::make_unique<Wake>(*this);
  now_ = {read_clock(counting_clock)};
  return watch(wake_fd_.value(), *wake_, EPOLLIN);
}

base::Time EpollLoop::wall_now() const { return {read_clock(CLOCK_REALTIME)}; }

TimerId EpollLoop::after(base::Duration delay, std::function<void()> what) {
  return timers_.add(now_ + std::max(delay, base::Duration::zero()), std::move(what));
}

void EpollLoop::work(std::uint32_t lane, std::function<void()> job, std::function<void()> done) {
  if (pool_) pool_->run(lane, std::move(job), std::move(done));
}

void EpollLoop::post(std::function<void()> what) {
  {
    const std::lock_guard lock(post_mutex_);
    posted_.push_back(std::move(what));
    if (posted_.size() > 1) return;  // the wake-up is on its way
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_.value(), &one, sizeof one);
}

std::uint64_t EpollLoop::token_of(int fd) const {
  const auto place = static_cast<std::uint32_t>(fd);
  return std::uint64_t{slots_[place].generation} << 32 | place;
}

// Null for a descriptor that was unwatched since, even if its number is in use again.
Watch* EpollLoop::find(std::uint64_t token) const {
  const Slot& slot = slots_[static_cast<std::uint32_t>(token)];
  return slot.generation == token >> 32 ? slot.watch : nullptr;
}

base::Result<void> EpollLoop::watch(int fd, Watch& watch, std::uint32_t events) {
  const auto place = static_cast<std::size_t>(fd);
  if (place >= slots_.size()) slots_.resize(std::max(place + 1, slots_.size() * 5 / 4));
  CHECK(slots_[place].watch == nullptr);
  slots_[place] = Slot{.watch = &watch, .generation = slots_[place].generation + 1};
  epoll_event event{.events = events, .data = {.u64 = token_of(fd)}};
  if (epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  slots_[place].watch = nullptr;
  return std::unexpected(base::system_error("watch descriptor", errno));
}

void EpollLoop::rearm(int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = token_of(fd)}};
  CHECK(epoll_ctl(epoll_.value(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EpollLoop::unwatch(int fd) {
  slots_[static_cast<std::size_t>(fd)].watch = nullptr;
  epoll_event ignored{};
  epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, fd, &ignored);
}

void EpollLoop::end_turn_of(int fd) {
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  if (!std::exchange(slot.ending, true)) ending_.push_back(token_of(fd));
}

void EpollLoop::call_again(int fd) {
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  if (!std::exchange(slot.again, true)) again_.push_back(token_of(fd));
}

int EpollLoop::run(std::span<const int> signals) {
  const Signals watched(*this, signals);
  now_ = {read_clock(counting_clock)};
  while (!stopping_) turn();
  stopping_ = false;
  return watched.arrived();
}

void EpollLoop::turn() {
  std::array<epoll_event, events_a_turn> events;
  const int count = wait(events.data());
  now_ = {read_clock(counting_clock)};
  ++turns_;
  spare_tokens_.swap(again_);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (Watch* const watch = find(event.data.u64)) watch->ready(event.events);
  }
  for (const std::uint64_t token : spare_tokens_) {
    Watch* const watch = find(token);
    if (watch == nullptr) continue;
    slots_[static_cast<std::uint32_t>(token)].again = false;
    watch->ready(EPOLLIN);
  }
  spare_tokens_.clear();
  timers_.fire(now_);
  run_deferred();
  end_turns();
}

int EpollLoop::wait(epoll_event* events) {
  std::int64_t delay = -1;
  if (!again_.empty() || !ending_.empty() || !deferred_.empty()) {
    delay = 0;
  } else if (const auto next = timers_.next()) {
    delay = std::clamp<std::int64_t>(next->ns - read_clock(counting_clock), 0, longest_wait_ns);
  }
  if (fine_wait_) {
    const timespec time{.tv_sec = delay / ns_per_second, .tv_nsec = delay % ns_per_second};
    const int count = epoll_pwait2(epoll_.value(), events, events_a_turn,
                                   delay < 0 ? nullptr : &time, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    fine_wait_ = false;
  }
  const std::int64_t ms = delay < 0 ? -1 : (delay + ns_per_ms - 1) / ns_per_ms;
  return epoll_wait(epoll_.value(), events, events_a_turn,
                    static_cast<int>(std::min<std::int64_t>(ms, 1 << 30)));
}

void EpollLoop::run_posted() {
  std::uint64_t ignored = 0;
  [[maybe_unused]] const auto count = ::read(wake_fd_.value(), &ignored, sizeof ignored);
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(post_mutex_);
    posted.swap(posted_);
  }
  for (const auto& what : posted) what();
}

void EpollLoop::run_deferred() {
  for (int round = 0; round < deferred_rounds && !deferred_.empty(); ++round) {
    spare_deferred_.swap(deferred_);
    for (const auto& what : spare_deferred_) what();
    spare_deferred_.clear();
  }
}

void EpollLoop::end_turns() {
  // What asks again from inside has its end in the next turn.
  spare_tokens_.swap(ending_);
  for (const std::uint64_t token : spare_tokens_) {
    Watch* const watch = find(token);
    if (watch == nullptr) continue;
    slots_[static_cast<std::uint32_t>(token)].ending = false;
    watch->end_turn();
  }
  spare_tokens_.clear();
}

}  // namespace selvedge::os
