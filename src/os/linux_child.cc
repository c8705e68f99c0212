#include "os/linux_child.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "os/launch.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t chunk = 64 << 10;
constexpr std::size_t high_water = 64 << 10;
constexpr std::size_t most_error_head = 512, most_info = 4096;
constexpr base::Duration first_look = 50ms, look_every = 2s;
constexpr base::Duration first_wait = 1ms, longest_wait = 100ms;
constexpr int signal_base = 128, most_signal = 64;  // how a shell, and bubblewrap, say that a signal ended it
constexpr std::size_t most_last_output = 1 << 20;  // what a pipe holds at most

int send_signal(int handle, int number) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, handle, number, nullptr, 0));
}

// Whether anybody has reaped it or not.
bool has_ended(const Fd& handle) {
  pollfd ended{.fd = handle.value(), .events = POLLIN, .revents = 0};
  return handle && ::poll(&ended, 1, 0) == 1;
}

std::uint32_t next_lane() {
  static std::atomic<std::uint32_t> next{0x4000'0000};
  return next++;
}

base::Duration of(const timeval& time) { return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec); }

}  // namespace

LinuxChild::LinuxChild(EpollLoop& loop, std::shared_ptr<ChildMachine> machine, const ChildOptions& options,
                       ChildEvents& events, Begin how)
    : loop_(loop), events_(events), lane_(next_lane()), next_look_(first_look) {
  state_->child = this;
  state_->options = options;
  state_->machine = std::move(machine);
  loop_.work(
      lane_,
      [state = state_, how] {
        const ChildOptions& asked = state->options;
        state->started = how == Begin::start ? start_child(asked, *state->machine) : adopt_child(asked, *state->machine);
        // What has not begun leaves nothing, so that it can be tried again.
        if (!state->started && how == Begin::start && !asked.run.empty() && state->started.error().code != base::Code::conflict)
          remove_run(asked.run);
      },
      [state = state_] {
        if (state->child != nullptr) state->child->begun();
      });
}

LinuxChild::~LinuxChild() {
  state_->child = nullptr;
  let_go();
  // After the job that starts it, if that is still to come.
  if (phase_ != Phase::ended) loop_.work(lane_, [state = state_] { state->end(); }, [] {});
}

void LinuxChild::State::end() {
  if (!options.run.empty() || !started || started->process <= 0 || std::exchange(reaped, true)) return;
  ::kill(-started->process, SIGKILL);
  if (started->first) send_signal(started->first.value(), SIGKILL);
  started->group.kill();
  while (::waitpid(started->process, nullptr, 0) < 0 && errno == EINTR) {
  }
  base::ignore(started->group.remove(), "the next start of the program looks for leftovers");
}

bool LinuxChild::watch(Ear& ear, const Fd& fd, std::uint32_t events, void (LinuxChild::*heard)()) {
  if (!fd || ear.watched) return true;
  ear.child = this;
  ear.heard = heard;
  ear.watched = loop_.watch(fd.value(), ear, events).has_value();
  return ear.watched;
}

void LinuxChild::unwatch(Ear& ear, const Fd& fd) {
  if (std::exchange(ear.watched, false)) loop_.unwatch(fd.value());
}

void LinuxChild::close(Ear& ear, Fd& fd) {
  unwatch(ear, fd);
  fd.reset();
}

void LinuxChild::let_go() {
  loop_.cancel(std::exchange(timer_, TimerId::none));
  // While it starts, that belongs to the pool.
  if (phase_ == Phase::starting || !state_->started) return;
  StartedChild& child = *state_->started;
  close(in_ear_, child.pipes.in);
  close(out_ear_, child.pipes.out);
  close(error_ear_, child.pipes.error);
  close(info_ear_, child.info);
  unwatch(end_ear_, child.handle);
}

Fd& LinuxChild::output(ChildOutput which) {
  return which == ChildOutput::out ? state_->started->pipes.out : state_->started->pipes.error;
}

void LinuxChild::begun() {
  if (!state_->started) return fail(state_->started.error());
  phase_ = Phase::running;
  StartedChild& child = *state_->started;
  if (child.adopted && (child.exit || !child.handle)) {
    phase_ = Phase::ending;
    return finish(0);
  }
  const bool all = watch(end_ear_, child.handle, EPOLLIN, &LinuxChild::hear_end) &&
                   watch(info_ear_, child.info, EPOLLIN, &LinuxChild::hear_info) &&
                   (paused_ || (watch(out_ear_, child.pipes.out, EPOLLIN, &LinuxChild::hear_out) &&
                                watch(error_ear_, child.pipes.error, EPOLLIN, &LinuxChild::hear_error)));
  if (!all) kill("killed: its descriptors cannot be watched");
  if (killed_) {
    killed_ = false;
    kill("");
  }
  timer_ = loop_.after(next_look_, [this] { look(); });
  if (unsent() > 0) watch(in_ear_, child.pipes.in, EPOLLOUT, &LinuxChild::hear_room);
  else if (closing_input_) close(in_ear_, child.pipes.in);
  if (!child.info) running();
}

// bubblewrap says which process is the sandbox's first when it has made it.
void LinuxChild::hear_info() {
  StartedChild& child = *state_->started;
  std::array<char, most_info> part{};
  const ssize_t count = ::read(child.info.value(), part.data(), part.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0 && info_text_.size() < most_info) {
    info_text_.append(part.data(), static_cast<std::size_t>(count));
    if (!info_text_.contains('}')) return;
  }
  close(info_ear_, child.info);
  const int first = sandbox_first_process(info_text_);
  if (first <= 0) return;                          // it fails: its end says why
  const ProcessLine line = process_line(first);
  if (line.group == child.process) child.first = open_process({line.process, line.started});
  running();
}

void LinuxChild::running() {
  if (std::exchange(told_start_, true)) return;
  const StartedChild& child = *state_->started;
  events_.on_start(*this, {.process = child.process, .limits = child.limits, .adopted = child.adopted});
}

void LinuxChild::hear_output(ChildOutput which) {
  const std::shared_ptr<State> state = state_;
  read_output(which);
  if (state->child != nullptr && gone_) conclude();
}

void LinuxChild::read_output(ChildOutput which) {
  thread_local std::array<std::uint8_t, chunk> buffer;
  Fd& fd = output(which);
  const ssize_t count = ::read(fd.value(), buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return;
  if (count <= 0) {
    // With the end of all that could write there is nothing to wait for, whoever holds the other end.
    if (count == 0 || errno != EAGAIN || gone_) close(ear(which), fd);
    return;
  }
  const base::BytesView bytes(buffer.data(), static_cast<std::size_t>(count));
  // One that left its session, where no group holds it, may write for ever: its program's last words are no longer.
  if (gone_ && (last_output_ += bytes.size()) >= most_last_output) close(ear(which), fd);
  if (which == ChildOutput::error && error_head_.size() < most_error_head)
    error_head_.append(base::as_text(bytes.first(std::min(bytes.size(), most_error_head - error_head_.size()))));
  events_.on_output(*this, which, bytes);
}

void LinuxChild::pause() {
  paused_ = true;
  if (phase_ == Phase::starting || !state_->started) return;
  // Not only masked: the end of a pipe is always told.
  unwatch(out_ear_, state_->started->pipes.out);
  unwatch(error_ear_, state_->started->pipes.error);
}

void LinuxChild::resume() {
  if (!std::exchange(paused_, false) || phase_ == Phase::starting || phase_ == Phase::ended || !state_->started) return;
  ChildPipes& pipes = state_->started->pipes;
  if (!watch(out_ear_, pipes.out, EPOLLIN, &LinuxChild::hear_out) || !watch(error_ear_, pipes.error, EPOLLIN, &LinuxChild::hear_error))
    kill("killed: its descriptors cannot be watched");
  if (!gone_) return;
  loop_.cancel(timer_);
  timer_ = loop_.after({}, [this] { conclude(); });
}

base::Result<void> LinuxChild::write(base::BytesView bytes) {
  const std::string step = "write to " + state_->options.program;
  if (state_->options.input == ChildOptions::Input::none || closing_input_ || phase_ == Phase::ending || phase_ == Phase::ended ||
      (phase_ == Phase::running && !state_->started->pipes.in))
    return base::fail(base::Code::unavailable, step + ": its input is closed");
  if (unsent() + bytes.size() > ChildOptions::most_unsent) return base::fail(base::Code::exhausted, step + ": it does not read");
  const bool idle = unsent() == 0;
  unsent_.append(base::as_text(bytes));
  told_full_ = told_full_ || unsent() > high_water;
  if (idle && phase_ == Phase::running) watch(in_ear_, state_->started->pipes.in, EPOLLOUT, &LinuxChild::hear_room);
  return {};
}

void LinuxChild::close_input() {
  closing_input_ = true;
  if (phase_ == Phase::running && unsent() == 0 && state_->started) close(in_ear_, state_->started->pipes.in);
}

void LinuxChild::hear_room() {
  Fd& in = state_->started->pipes.in;
  while (in && unsent() > 0) {
    const ssize_t count = ::write(in.value(), unsent_.data() + sent_, unsent());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      watch(in_ear_, in, EPOLLOUT, &LinuxChild::hear_room);
      // What was taken goes when it is the larger part.
      if (sent_ > unsent_.size() / 2) unsent_.erase(0, std::exchange(sent_, 0));
      return;
    }
    if (count < 0) break;                          // nobody reads any more
    sent_ += static_cast<std::size_t>(count);
  }
  const bool lost = unsent() > 0;
  unsent_.clear();
  unsent_.shrink_to_fit();
  sent_ = 0;
  if (lost || closing_input_) close(in_ear_, in);
  else unwatch(in_ear_, in);
  if (std::exchange(told_full_, false) && !lost) events_.on_drained(*this);
}

// The program's process. In a sandbox it is the eldest child of the first one, which would not pass a signal on.
int LinuxChild::program() const {
  const StartedChild& child = *state_->started;
  if (!child.sandboxed) return child.process;
  const int first = child.first ? sandbox_first_process(info_text_.empty() ? read_small(state_->options.run + "/status") : info_text_) : 0;
  if (first <= 0) return 0;
  const std::string id = std::to_string(first);
  const std::string children = read_small("/proc/" + id + "/task/" + id + "/children");
  int eldest = 0;
  std::from_chars(children.data(), children.data() + children.size(), eldest);
  return eldest;
}

void LinuxChild::signal(int number) {
  if (phase_ != Phase::running || !told_start_) return;
  if (number == SIGKILL) return kill("");
  const StartedChild& child = *state_->started;
  if (!child.sandboxed) {
    send_signal(child.handle.value(), number);
    return;
  }
  const ProcessLine line = process_line(program());
  const Fd handle = open_process({line.process, line.started});
  // Not there yet: it is asked to end before it has begun.
  if (!handle && number == SIGTERM) return kill("");
  // Still the first one's child, so not another that got its id.
  if (handle && !has_ended(child.first)) send_signal(handle.value(), number);
}

void LinuxChild::kill(std::string_view why) {
  if (why_.empty()) why_ = why;
  if (phase_ == Phase::ending || phase_ == Phase::ended || std::exchange(killed_, true)) return;
  if (phase_ == Phase::starting) return;           // begun() does it
  const StartedChild& child = *state_->started;
  if (has_ended(child.handle)) return;
  // With the first one the kernel ends all that is in a sandbox. Not reaped yet, so the id is still its own.
  if (child.first) send_signal(child.first.value(), SIGKILL);
  ::kill(-child.process, SIGKILL);
  loop_.work(lane_, [state = state_] { state->started->group.kill(); }, [] {});
}

void LinuxChild::look() {
  timer_ = TimerId::none;
  loop_.work(
      lane_,
      [state = state_] {
        const ChildOptions& options = state->options;
        state->usage = state->started->group.usage();
        if (options.limits.disk > 0) state->over_disk = disk_used(options.folder, options.limits.disk) > options.limits.disk;
      },
      [state = state_] {
        LinuxChild* const child = state->child;
        if (child == nullptr || child->phase_ != Phase::running) return;
        child->usage_ = state->usage;
        if (state->over_disk)
          return child->kill("killed: over its disk of " + base::size_text(static_cast<std::uint64_t>(state->options.limits.disk)));
        child->next_look_ = std::min(child->next_look_ * 2, look_every);
        child->timer_ = child->loop_.after(child->next_look_, [child] { child->look(); });
      });
}

void LinuxChild::hear_end() {
  const std::shared_ptr<State> state = state_;
  if (state->started->info) hear_info();           // may have come in the same turn
  if (state->child == nullptr) return;
  phase_ = Phase::ending;
  unwatch(end_ear_, state_->started->handle);
  loop_.cancel(std::exchange(timer_, TimerId::none));
  finish(0);
}

// Ends what it left behind, again until nothing is there.
void LinuxChild::finish(int tries) {
  loop_.work(
      lane_,
      [state = state_] {
        StartedChild& child = *state->started;
        if (child.exit) {
          base::ignore(child.group.remove(), "it was emptied when the exit was written");
          state->gone = true;
          return;
        }
        // Until it is reaped its number is nobody else's. That of one which was gone when we came may be by now.
        if (child.process > 0 && child.handle) ::kill(-child.process, SIGKILL);
        if (child.first) send_signal(child.first.value(), SIGKILL);
        child.group.kill();
        if (!state->reaped && child.handle) {
          int status = 0;
          rusage used{};
          const pid_t ended = ::wait4(child.process, &status, WNOHANG, &used);
          if (ended == 0) return;
          if (ended == child.process) {            // else it is adopted, and init's
            state->status = status;
            state->usage.cpu = of(used.ru_utime) + of(used.ru_stime);
            state->usage.memory_peak = std::int64_t{used.ru_maxrss} << 10;
          }
        }
        state->reaped = true;
        const bool alone = child.group.exists() ? child.group.empty() : child.sandboxed || !child.handle || !group_lives(child.process);
        if (!alone || (child.first && !has_ended(child.first))) return;
        const ChildUsage used = child.group.usage();
        if (used.cpu > state->usage.cpu) state->usage.cpu = used.cpu;
        state->usage.memory_peak = std::max(state->usage.memory_peak, used.memory_peak);
        state->out_of_memory = child.group.out_of_memory();
        state->gone = child.group.remove().has_value();
      },
      [state = state_, tries] {
        LinuxChild* const child = state->child;
        if (child == nullptr) return;
        child->gone_ = state->gone;
        if (child->gone_) return child->conclude();
        const base::Duration wait = std::min(first_wait * (1 << std::min(tries, 10)), longest_wait);
        child->timer_ = child->loop_.after(wait, [child, tries] { child->finish(tries + 1); });
      });
}

std::optional<int> LinuxChild::told_by_sandbox() const {
  const StartedChild& child = *state_->started;
  if (!child.sandboxed) return std::nullopt;
  return sandbox_exit(child.status ? read_small(child.status.value()) : read_small(state_->options.run + "/status"));
}

// bubblewrap, or what changes the user in it, could not make a program of it.
bool LinuxChild::never_ran() const {
  const StartedChild& child = *state_->started;
  if (!child.sandboxed || child.adopted || killed_ || !state_->status || !WIFEXITED(*state_->status) || WEXITSTATUS(*state_->status) == 0)
    return false;
  return told_by_sandbox() ? error_head_.starts_with(sandbox_error_of_program) : error_head_.starts_with(sandbox_error);
}

base::Error LinuxChild::start_error() const {
  std::string_view said(error_head_);
  said = said.substr(0, said.find('\n'));
  const bool missing = said.ends_with("No such file or directory");
  return {missing ? base::Code::not_found : base::Code::unavailable,
          "start " + state_->options.program + ": " + base::printable(said, most_error_head)};
}

ChildExit LinuxChild::how_it_ended() const {
  using How = ChildExit::How;
  const StartedChild& child = *state_->started;
  if (child.exit) return *child.exit;
  ChildExit exit{.how = How::unknown, .number = 0, .why = why_, .usage = state_->usage};
  const auto is = [&](How how, int number) {
    exit.how = how;
    exit.number = number;
  };
  if (const auto told = told_by_sandbox()) {
    if (*told > signal_base && *told <= signal_base + most_signal) is(How::signalled, *told - signal_base);
    else is(How::exited, *told);
  } else if (state_->status) {
    const int status = *state_->status;
    if (WIFSIGNALED(status)) is(How::signalled, WTERMSIG(status));
    else if (child.sandboxed) is(How::signalled, SIGKILL);   // it ended with the sandbox, and could not tell
    else is(How::exited, WEXITSTATUS(status));
  } else if (killed_) {
    is(How::signalled, SIGKILL);
  }
  if (!exit.why.empty() || (exit.how == How::exited && exit.number == 0)) return exit;
  const auto over = [&](std::string_view what, std::int64_t limit) {
    exit.why = "killed: " + std::string(what) + " of " + base::size_text(static_cast<std::uint64_t>(limit));
  };
  if (state_->out_of_memory > 0) over("over its memory", state_->options.limits.memory);
  else if (exit.how == How::signalled && exit.number == SIGXFSZ) over("a file over its disk", state_->options.limits.disk);
  else if (exit.how == How::signalled && exit.number == SIGSYS) exit.why = "killed: a system call of another architecture";
  return exit;
}

// Once nothing of it is left, what is in the pipes comes first.
void LinuxChild::conclude() {
  if (phase_ != Phase::ending || paused_) return;
  const std::shared_ptr<State> state = state_;
  for (const ChildOutput which : {ChildOutput::out, ChildOutput::error})
    while (output(which)) {
      read_output(which);
      if (state->child == nullptr || paused_) return;
    }
  phase_ = Phase::ended;
  close(in_ear_, state->started->pipes.in);
  close(info_ear_, state->started->info);
  const bool failed = never_ran();
  state->exit = how_it_ended();
  loop_.work(
      lane_,
      [state, failed] {
        const std::string& run = state->options.run;
        if (!run.empty() && failed) remove_run(run);
        else if (!run.empty()) base::ignore(write_exit(run, state->exit), "who adopts it then learns less");
      },
      [state, failed] {
        LinuxChild* const child = state->child;
        if (child == nullptr) return;
        if (failed) child->events_.on_failure(*child, child->start_error());
        else child->events_.on_exit(*child, state->exit);
      });
}

void LinuxChild::fail(const base::Error& why) {
  const base::Error copy = why;                    // `this` may go within the call
  phase_ = Phase::ended;
  events_.on_failure(*this, copy);
}

}  // namespace selvedge::os
