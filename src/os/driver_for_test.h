// A camera's driver for tests, behind VideoCalls: it has formats, buffers and pictures as the test says,
// and fails where it says.

#pragma once

#include <linux/videodev2.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "os/video_device.h"

namespace selvedge::os {

class DriverForTest : public VideoCalls {
 public:
  std::vector<std::uint32_t> formats{V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};
  std::uint32_t capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  std::uint32_t width = 1280, height = 720;        // the largest there is
  std::uint32_t buffer_bytes = 1000, buffers = 3;
  std::map<unsigned long, int> failures;           // errno by request
  int open_failure = 0;

  bool streaming = false;
  int mapped = 0, descriptors = 0, most_descriptors = 0;
  std::thread::id closed_by;
  std::uint32_t format = 0, rate = 0;

  // A picture comes; lost if no buffer is free.
  bool picture(std::string_view bytes, std::uint32_t flags = 0) {
    if (free_.empty()) return false;
    const std::uint32_t index = free_.front();
    free_.pop_front();
    std::memcpy(memory_[index].data(), bytes.data(), bytes.size());
    full_.push_back({index, static_cast<std::uint32_t>(bytes.size()), flags});
    wake();
    return true;
  }
  void wake() {
    const std::uint64_t one = 1;
    if (::write(event_, &one, sizeof one) < 0) std::abort();
  }
  std::size_t free_buffers() const { return free_.size(); }

  int open(const char*) override {
    if (open_failure != 0) return fail(open_failure);
    event_ = ::eventfd(0, EFD_NONBLOCK);
    most_descriptors = std::max(most_descriptors, ++descriptors);
    full_.clear();                                 // another opening's
    free_.clear();
    return event_;
  }
  void close(int fd) override {
    --descriptors;
    closed_by = std::this_thread::get_id();
    ::close(fd);
  }
  void* map(int, std::size_t, std::int64_t offset) override {
    if (failures.contains(0)) return fail(failures[0]), nullptr;
    ++mapped;
    return memory_[static_cast<std::size_t>(offset)].data();
  }
  void unmap(void*, std::size_t) override { --mapped; }

  int control(int, unsigned long request, void* argument) override {
    if (failures.contains(request)) return fail(failures[request]);
    switch (request) {
      case VIDIOC_QUERYCAP: {
        auto& capability = *static_cast<v4l2_capability*>(argument);
        std::memcpy(capability.card, "Test camera", 12);
        capability.capabilities = capabilities;
        return 0;
      }
      case VIDIOC_ENUM_FMT: {
        auto& description = *static_cast<v4l2_fmtdesc*>(argument);
        if (description.index >= formats.size()) return fail(EINVAL);
        description.pixelformat = formats[description.index];
        return 0;
      }
      case VIDIOC_S_FMT: {
        auto& pixels = static_cast<v4l2_format*>(argument)->fmt.pix;
        pixels.width = std::min(pixels.width, width);
        pixels.height = std::min(pixels.height, height);
        pixels.bytesperline = pixels.width * 2 + 8;
        format = pixels.pixelformat;
        return 0;
      }
      case VIDIOC_S_PARM:
      case VIDIOC_G_PARM: {
        auto& time = static_cast<v4l2_streamparm*>(argument)->parm.capture.timeperframe;
        if (request == VIDIOC_G_PARM) time = {1, 30};
        rate = time.denominator / time.numerator;
        return 0;
      }
      case VIDIOC_REQBUFS:
        static_cast<v4l2_requestbuffers*>(argument)->count = buffers;
        memory_.assign(buffers, base::Bytes(buffer_bytes));
        return 0;
      case VIDIOC_QUERYBUF: {
        auto& buffer = *static_cast<v4l2_buffer*>(argument);
        buffer.length = buffer_bytes;
        buffer.m.offset = buffer.index;
        return 0;
      }
      case VIDIOC_QBUF:
        free_.push_back(static_cast<v4l2_buffer*>(argument)->index);
        return 0;
      case VIDIOC_DQBUF: return take(*static_cast<v4l2_buffer*>(argument));
      case VIDIOC_STREAMON: streaming = true; return 0;
      case VIDIOC_STREAMOFF: streaming = false; return 0;
      default: return fail(ENOTTY);
    }
  }

 private:
  struct Full {
    std::uint32_t index, bytes, flags;
  };

  static int fail(int error) {
    errno = error;
    return -1;
  }
  int take(v4l2_buffer& buffer) {
    if (full_.empty()) {
      std::uint64_t count = 0;
      if (::read(event_, &count, sizeof count) < 0 && errno != EAGAIN) std::abort();
      return fail(EAGAIN);
    }
    buffer.index = full_.front().index;
    buffer.bytesused = full_.front().bytes;
    buffer.flags = full_.front().flags;
    full_.pop_front();
    return 0;
  }

  int event_ = -1;
  std::vector<base::Bytes> memory_;
  std::deque<std::uint32_t> free_;
  std::deque<Full> full_;
};

}  // namespace selvedge::os
