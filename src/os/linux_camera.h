// LinuxCamera: a VideoDevice on the loop.

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
  void close_device();

  EpollLoop& loop_;
  CameraEvents& events_;
  std::uint32_t lane_;
  bool opening_ = true;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<VideoDevice> device_;
};

}  // namespace selvedge::os
