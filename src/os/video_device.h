// VideoDevice: a camera's driver, asked in the way of V4L2 (linux/videodev2.h; the kernel's "Video for
// Linux API", streaming input/output with memory-mapped buffers).
//
// Every call returns soon, but opening and closing, which talk to the camera: a pool thread does those.
// Whatever the driver says is held against bounds. One thread at a time.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/camera.h"

namespace selvedge::os {

// The system calls, so that a test can play the driver. They return -1 and set errno.
class VideoCalls {
 public:
  virtual ~VideoCalls() = default;
  virtual int open(const char* path);
  virtual int control(int fd, unsigned long request, void* argument);
  virtual void* map(int fd, std::size_t bytes, std::int64_t offset);
  virtual void unmap(void* memory, std::size_t bytes);
  virtual void close(int fd);
};

VideoCalls& system_video_calls();

class VideoDevice {
 public:
  // Opens, agrees on a mode and starts. `calls` must outlive it.
  static base::Result<std::shared_ptr<VideoDevice>> open(const CameraOptions& options, VideoCalls& calls);
  ~VideoDevice();
  VideoDevice(const VideoDevice&) = delete;
  VideoDevice& operator=(const VideoDevice&) = delete;

  int fd() const { return fd_; }
  const CameraMode& mode() const { return mode_; }

  // The newest picture; those before it are given back unseen. Nothing if there is none. It stays until
  // give_back().
  base::Result<std::optional<base::BytesView>> newest();
  base::Result<void> give_back();

 private:
  struct Buffer {
    std::uint8_t* memory = nullptr;
    std::size_t bytes = 0;
  };

  VideoDevice(std::string name, VideoCalls& calls) : name_(std::move(name)), calls_(calls) {}
  base::Result<void> start(const CameraOptions& options);
  base::Result<void> check_kind();
  base::Result<std::uint32_t> choose_format(CameraOptions::Format wished);
  base::Result<void> agree(const CameraOptions& options, std::uint32_t format);
  void agree_rate(double frames_a_second);
  base::Result<void> map_buffers();
  base::Result<void> queue(std::uint32_t index);
  int control(unsigned long request, void* argument);
  base::Error failure(std::string_view step) const;

  std::string name_;
  VideoCalls& calls_;
  int fd_ = -1;
  bool running_ = false;
  CameraMode mode_;
  std::vector<Buffer> buffers_;
  std::optional<std::uint32_t> held_;              // the buffer of newest()
};

}  // namespace selvedge::os
