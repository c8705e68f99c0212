// Quiet: tells when nothing came for too long. It costs one timer however often something comes. Belongs to the
// loop thread; nothing is called after it has gone, or while it is stopped.

#pragma once

#include <functional>

#include "os/loop.h"

namespace selvedge::camera {

class Quiet {
 public:
  Quiet(os::Loop& loop, base::Duration most, std::function<void()> told) : loop_(loop), most_(most), told_(std::move(told)) {}
  ~Quiet() { stop(); }
  Quiet(const Quiet&) = delete;

  // From now on; told once, unless it is started anew.
  void start() {
    stop();
    heard();
    arm(most_);
  }
  void stop() { loop_.cancel(std::exchange(timer_, os::TimerId::none)); }
  void heard() { since_ = loop_.now(); }

 private:
  void arm(base::Duration left) {
    timer_ = loop_.after(left, [this] {
      timer_ = os::TimerId::none;
      const base::Duration still = most_ - (loop_.now() - since_);
      if (still > base::Duration::zero()) return arm(still);
      told_();
    });
  }

  os::Loop& loop_;
  base::Duration most_;
  std::function<void()> told_;
  base::Instant since_{};
  os::TimerId timer_ = os::TimerId::none;
};

}  // namespace selvedge::camera
