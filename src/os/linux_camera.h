// LinuxCamera: a VideoDevice on the loop.
//
// Opening and closing wait for the camera, so both happen on the pool, in the device's lane: closing comes before
// it is opened again. Opening is handed over at the end of the turn, so that this holds too for one that is
// destroyed within its own call, where the picture must stay mapped, and replaced at once.

#pragma once

#include <memory>

#include "os/epoll_loop.h"
#include "os/video_device.h"

namespace selvedge::os {

class LinuxCamera final : public Camera, private Watch {
 public:
  // `calls` must outlive the loop's pool.
  LinuxCamera(EpollLoop& loop, const CameraOptions& options, CameraEvents& events, VideoCalls& calls);
  ~LinuxCamera() override;

 private:
  // Shared with jobs on the pool, and what tells whether the camera was destroyed within a call.
  struct State {
    LinuxCamera* camera = nullptr;                 // null once it is gone; for the loop thread
    base::Result<std::shared_ptr<VideoDevice>> opened = nullptr;
  };

  void opened();
  void ready(std::uint32_t events) override;
  void end(const base::Error& why);
  static void close(EpollLoop& loop, std::uint32_t lane, std::shared_ptr<VideoDevice> device);

  EpollLoop& loop_;
  CameraEvents& events_;
  std::uint32_t lane_;
  bool opening_ = true;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<VideoDevice> device_;            // null while a picture of it is handed on
};

}  // namespace selvedge::os
