#include "os/video_device.h"

#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace selvedge::os {

using base::Code;
using base::fail;
using Format = CameraOptions::Format;

namespace {

constexpr std::uint32_t wanted_buffers = 4, most_formats = 64;
constexpr std::size_t most_buffer_bytes = std::size_t{64} << 20;
constexpr std::uint32_t most_side = 16'384;

v4l2_buffer buffer_request(std::uint32_t index) {
  v4l2_buffer buffer{};
  buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  buffer.memory = V4L2_MEMORY_MMAP;
  buffer.index = index;
  return buffer;
}

}  // namespace

int VideoCalls::open(const char* path) { return ::open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); }
int VideoCalls::control(int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); }
void* VideoCalls::map(int fd, std::size_t bytes, std::int64_t offset) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  return memory == MAP_FAILED ? nullptr : memory;
}
void VideoCalls::unmap(void* memory, std::size_t bytes) { ::munmap(memory, bytes); }
void VideoCalls::close(int fd) { ::close(fd); }

VideoCalls& system_video_calls() {
  static VideoCalls calls;
  return calls;
}

base::Result<std::shared_ptr<VideoDevice>> VideoDevice::open(const CameraOptions& options, VideoCalls& calls) {
  std::shared_ptr<VideoDevice> device(new VideoDevice(options.device, calls));
  device->fd_ = calls.open(options.device.c_str());
  if (device->fd_ < 0) return std::unexpected(base::system_error("open camera " + options.device, errno));
  TRY(device->start(options));
  return device;
}

VideoDevice::~VideoDevice() {
  if (fd_ < 0) return;
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if (running_) control(VIDIOC_STREAMOFF, &type);
  for (const Buffer& buffer : buffers_) calls_.unmap(buffer.memory, buffer.bytes);
  calls_.close(fd_);
}

base::Result<void> VideoDevice::start(const CameraOptions& options) {
  TRY(check_kind());
  TRY(agree(options, TRY(choose_format(options.format))));
  agree_rate(options.frames_a_second);
  TRY(map_buffers());
  for (std::uint32_t i = 0; i < buffers_.size(); ++i) TRY(queue(i));
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if (control(VIDIOC_STREAMON, &type) != 0) return std::unexpected(failure("start"));
  running_ = true;
  return {};
}

base::Result<void> VideoDevice::check_kind() {
  v4l2_capability capability{};
  if (control(VIDIOC_QUERYCAP, &capability) != 0)
    return fail(Code::invalid_input, "open camera " + name_ + ": it is no camera (" + std::strerror(errno) + ")");
  const bool of_device = (capability.capabilities & V4L2_CAP_DEVICE_CAPS) != 0;
  const std::uint32_t can = of_device ? capability.device_caps : capability.capabilities;
  if ((can & V4L2_CAP_VIDEO_CAPTURE) == 0 || (can & V4L2_CAP_STREAMING) == 0)
    return fail(Code::invalid_input, "open camera " + name_ + ": it gives no stream of pictures");
  const auto* card = reinterpret_cast<const char*>(capability.card);
  mode_.name.assign(card, ::strnlen(card, sizeof capability.card));
  return {};
}

base::Result<std::uint32_t> VideoDevice::choose_format(Format wished) {
  std::uint32_t jpeg = 0, yuyv = 0;
  for (std::uint32_t i = 0; i < most_formats; ++i) {
    v4l2_fmtdesc description{};
    description.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    description.index = i;
    if (control(VIDIOC_ENUM_FMT, &description) != 0) break;
    const std::uint32_t format = description.pixelformat;
    if (jpeg == 0 && (format == V4L2_PIX_FMT_MJPEG || format == V4L2_PIX_FMT_JPEG)) jpeg = format;
    if (format == V4L2_PIX_FMT_YUYV) yuyv = format;
  }
  if (jpeg != 0 && wished != Format::yuyv) return jpeg;
  if (yuyv != 0 && wished != Format::mjpeg) return yuyv;
  return fail(Code::invalid_input, "open camera " + name_ + ": it gives no " +
                                       (wished == Format::mjpeg   ? "JPEG"
                                        : wished == Format::yuyv ? "YUYV"
                                                                 : "JPEG or YUYV") +
                                       " pictures");
}

base::Result<void> VideoDevice::agree(const CameraOptions& options, std::uint32_t format) {
  v4l2_format agreed{};
  agreed.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  v4l2_pix_format& pixels = agreed.fmt.pix;
  pixels.width = static_cast<std::uint32_t>(std::max(options.width, 1));
  pixels.height = static_cast<std::uint32_t>(std::max(options.height, 1));
  pixels.pixelformat = format;
  pixels.field = V4L2_FIELD_ANY;
  if (control(VIDIOC_S_FMT, &agreed) != 0) return std::unexpected(failure("set the format"));
  if (pixels.pixelformat != format || pixels.width == 0 || pixels.height == 0 || pixels.width > most_side ||
      pixels.height > most_side)
    return fail(Code::unavailable, "open camera " + name_ + ": it does not keep to a format it offers");
  const bool yuyv = format == V4L2_PIX_FMT_YUYV;
  mode_.format = yuyv ? Format::yuyv : Format::mjpeg;
  mode_.width = static_cast<int>(pixels.width);
  mode_.height = static_cast<int>(pixels.height);
  if (yuyv) mode_.stride = std::max<std::size_t>(pixels.bytesperline, std::size_t{pixels.width} * 2);
  return {};
}

// A camera that has no say in its rate is as good.
void VideoDevice::agree_rate(double frames_a_second) {
  v4l2_streamparm parameters{};
  parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  v4l2_fract& time = parameters.parm.capture.timeperframe;
  if (frames_a_second > 0 && frames_a_second <= 1000) {
    time.numerator = 1000;
    time.denominator = static_cast<std::uint32_t>(std::lround(std::max(frames_a_second, 0.001) * 1000));
    if (control(VIDIOC_S_PARM, &parameters) != 0) return;
  } else if (control(VIDIOC_G_PARM, &parameters) != 0) {
    return;
  }
  if (time.numerator > 0) mode_.frames_a_second = double{static_cast<double>(time.denominator)} / time.numerator;
}

base::Result<void> VideoDevice::map_buffers() {
  v4l2_requestbuffers request{};
  request.count = wanted_buffers;
  request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  request.memory = V4L2_MEMORY_MMAP;
  if (control(VIDIOC_REQBUFS, &request) != 0) return std::unexpected(failure("ask for buffers"));
  if (request.count < 2) return fail(Code::exhausted, "open camera " + name_ + ": its driver has no memory");
  for (std::uint32_t i = 0; i < std::min(request.count, 2 * wanted_buffers); ++i) {
    v4l2_buffer buffer = buffer_request(i);
    if (control(VIDIOC_QUERYBUF, &buffer) != 0) return std::unexpected(failure("ask for a buffer"));
    if (buffer.length == 0 || buffer.length > most_buffer_bytes)
      return fail(Code::exhausted, "open camera " + name_ + ": a buffer of " + std::to_string(buffer.length) +
                                       " bytes is not taken");
    void* memory = calls_.map(fd_, buffer.length, buffer.m.offset);
    if (memory == nullptr) return std::unexpected(failure("map a buffer"));
    buffers_.push_back({static_cast<std::uint8_t*>(memory), buffer.length});
  }
  return {};
}

base::Result<void> VideoDevice::queue(std::uint32_t index) {
  v4l2_buffer buffer = buffer_request(index);
  if (control(VIDIOC_QBUF, &buffer) != 0) return std::unexpected(failure("give a buffer to the driver"));
  return {};
}

base::Result<std::optional<base::BytesView>> VideoDevice::newest() {
  TRY(give_back());
  std::optional<base::BytesView> picture;
  // At most as often as there are buffers: a camera that is faster than this loop does not hold it.
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    v4l2_buffer buffer = buffer_request(0);
    if (control(VIDIOC_DQBUF, &buffer) != 0) {
      if (errno == EAGAIN) break;
      if (errno == EIO) continue;                  // a picture was lost; the stream goes on
      return std::unexpected(failure("take a picture"));
    }
    if (buffer.index >= buffers_.size()) return fail(Code::internal, "camera " + name_ + ": an unknown buffer came");
    const std::size_t used = std::min<std::size_t>(buffer.bytesused, buffers_[buffer.index].bytes);
    if ((buffer.flags & V4L2_BUF_FLAG_ERROR) != 0 || used == 0) {
      TRY(queue(buffer.index));
      continue;
    }
    TRY(give_back());
    held_ = buffer.index;
    picture = base::BytesView(buffers_[buffer.index].memory, used);
  }
  return picture;
}

base::Result<void> VideoDevice::give_back() {
  if (!held_) return {};
  const std::uint32_t index = *held_;
  held_.reset();
  return queue(index);
}

int VideoDevice::control(unsigned long request, void* argument) {
  int outcome = -1;
  do outcome = calls_.control(fd_, request, argument);
  while (outcome != 0 && errno == EINTR);
  return outcome;
}

base::Error VideoDevice::failure(std::string_view step) const {
  const int error = errno;
  const std::string what = (running_ ? "camera " : "open camera ") + name_ + ": " + std::string(step);
  if (error == ENODEV) return {Code::unavailable, what + ": it was pulled out"};
  if (error == EBUSY) return {Code::unavailable, what + ": another program uses it"};
  return base::system_error(what, error);
}

}  // namespace selvedge::os
