// LinuxChild: a process on the loop: its pipes, its end (a pidfd), and everything that it leaves behind.

#pragma once

#include <deque>
#include <memory>
#include <string>

#include "os/child_start.h"
#include "os/epoll_loop.h"

namespace selvedge::os {

class LinuxChild final : public Child {
 public:
  enum class Begin : std::uint8_t { start, adopt };
  LinuxChild(EpollLoop& loop, std::shared_ptr<ChildMachine> machine, const ChildOptions& options, ChildEvents& events, Begin how);
  ~LinuxChild() override;

  base::Result<void> write(base::BytesView bytes) override;
  std::size_t unsent() const override { return unsent_.size() - sent_; }
  void close_input() override;
  void pause() override;
  void resume() override;
  void signal(int number) override;
  void kill(std::string_view why) override;
  ChildUsage usage() const override { return usage_; }

 private:
  // What one descriptor has to say.
  struct Ear final : Watch {
    LinuxChild* child = nullptr;
    void (LinuxChild::*heard)() = nullptr;
    bool watched = false;
    void ready(std::uint32_t) override { (child->*heard)(); }
  };
  // Shared with jobs on the pool, which hold it while they use what is in it.
  struct State {
    ~State() { end(); }
    void end();                                    // kills and reaps what is to end with us, if that was not done
    LinuxChild* child = nullptr;                   // null once it is gone; for the loop thread
    ChildOptions options;
    std::shared_ptr<ChildMachine> machine;
    base::Result<StartedChild> started{StartedChild{}};
    // Of the end: what is known of it so far.
    bool reaped = false, gone = false, over_disk = false;
    std::optional<int> status;                     // as wait(2) has it
    ChildUsage usage;
    std::uint64_t out_of_memory = 0;
    ChildExit exit;
  };

  void begun();
  void running();
  void hear_info();
  void hear_out() { hear_output(ChildOutput::out); }
  void hear_error() { hear_output(ChildOutput::error); }
  void hear_output(ChildOutput which);
  void read_output(ChildOutput which);
  void hear_room();
  void hear_end();
  void look();                                     // at what it uses
  void finish(int tries);
  void conclude();
  void fail(const base::Error& why);
  std::optional<int> told_by_sandbox() const;
  bool never_ran() const;
  base::Error start_error() const;
  ChildExit how_it_ended() const;
  bool watch(Ear& ear, const Fd& fd, std::uint32_t events, void (LinuxChild::*heard)());
  void unwatch(Ear& ear, const Fd& fd);
  void close(Ear& ear, Fd& fd);
  void let_go();
  Fd& output(ChildOutput which);
  Ear& ear(ChildOutput which) { return which == ChildOutput::out ? out_ear_ : error_ear_; }
  int program() const;

  EpollLoop& loop_;
  ChildEvents& events_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::uint32_t lane_;
  base::Duration next_look_;                       // soon at first, then every few seconds
  enum class Phase : std::uint8_t { starting, running, ending, ended } phase_ = Phase::starting;
  bool told_start_ = false, paused_ = false, closing_input_ = false, told_full_ = false, killed_ = false;
  bool gone_ = false;                              // nothing of it is left
  std::string why_, info_text_, error_head_, unsent_;
  std::size_t sent_ = 0;
  std::size_t last_output_ = 0;                    // bytes that came when nothing of it was left
  ChildUsage usage_;
  TimerId timer_ = TimerId::none;
  Ear in_ear_, out_ear_, error_ear_, end_ear_, info_ear_;
};

}  // namespace selvedge::os
