// FrameQueue: which picture of a camera is looked at next, and when.
//
// A camera may send faster than pictures can be looked at. The queue is short and drops the oldest: what is
// looked at is never old. Between two pictures lies at least `interval`. One thread; time comes in.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace selvedge::engine {

struct CameraFrame {
  base::Bytes file;                    // JPEG, PNG or BMP
  base::Time taken{};                  // wall clock, when it came
  base::Instant came{};
};

class FrameQueue {
 public:
  // `most`: pictures that wait; 0 counts as 1.
  FrameQueue(std::size_t most, base::Duration interval) : most_(most == 0 ? 1 : most), interval_(interval) {}

  // How many were dropped for it: 0 or 1.
  std::size_t offer(CameraFrame frame);
  // The next one, if it is time for it.
  std::optional<CameraFrame> take(base::Instant now);
  // When take() has something; nothing while none waits.
  std::optional<base::Instant> due() const;
  std::size_t waiting() const { return frames_.size(); }
  bool full() const { return frames_.size() >= most_; }

 private:
  std::size_t most_;
  base::Duration interval_;
  std::deque<CameraFrame> frames_;
  base::Instant next_{};               // not before
};

}  // namespace selvedge::engine
