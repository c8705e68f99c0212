#include "engine/camera/frame_queue.h"

#include <utility>

namespace selvedge::engine {

std::size_t FrameQueue::offer(CameraFrame frame) {
  const std::size_t dropped = full() ? 1 : 0;
  if (dropped > 0) frames_.pop_front();
  frames_.push_back(std::move(frame));
  return dropped;
}

std::optional<CameraFrame> FrameQueue::take(base::Instant now) {
  if (frames_.empty() || now < next_) return std::nullopt;
  CameraFrame frame = std::move(frames_.front());
  frames_.pop_front();
  next_ = now + interval_;
  return frame;
}

std::optional<base::Instant> FrameQueue::due() const {
  if (frames_.empty()) return std::nullopt;
  return next_;
}

}  // namespace selvedge::engine
