#include "os/linux_camera.h"

#include <sys/epoll.h>

#include <functional>
#include <string_view>

namespace selvedge::os {

LinuxCamera::LinuxCamera(EpollLoop& loop, const CameraOptions& options, CameraEvents& events, VideoCalls& calls)
    : loop_(loop), events_(events),
      // Of the device: closing it comes before it is opened again.
      lane_(static_cast<std::uint32_t>(std::hash<std::string_view>()(options.device))) {
  state_->camera = this;
  loop_.work(
      lane_, [state = state_, options, &calls] { state->opened = VideoDevice::open(options, calls); },
      [state = state_] {
        if (state->camera != nullptr) state->camera->opened();
      });
}

LinuxCamera::~LinuxCamera() {
  state_->camera = nullptr;
  if (opening_) loop_.work(lane_, [state = state_] { state->opened = nullptr; }, [] {});
  close_device();
}

void LinuxCamera::opened() {
  opening_ = false;
  if (!state_->opened) return end(state_->opened.error());
  device_ = std::exchange(*state_->opened, nullptr);
  if (const auto watched = loop_.watch(device_->fd(), *this, EPOLLIN); !watched) {
    const std::shared_ptr<VideoDevice> unwatched = std::move(device_);
    return end(watched.error());
  }
  events_.on_open(*this, device_->mode());
}

void LinuxCamera::ready(std::uint32_t events) {
  const std::shared_ptr<State> state = state_;
  const std::shared_ptr<VideoDevice> device = device_;   // the picture stays mapped during the call
  const auto picture = device->newest();
  if (!picture) return end(picture.error());
  if (!*picture) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) end({base::Code::unavailable, "camera " + device->mode().name + ": it stopped"});
    return;
  }
  events_.on_picture(*this, **picture);
  if (state->camera == nullptr) return;
  if (const auto given = device->give_back(); !given) end(given.error());
}

void LinuxCamera::end(const base::Error& why) {
  const base::Error copy = why;                    // `this` may go within the call
  close_device();
  events_.on_close(*this, copy);
}

void LinuxCamera::close_device() {
  if (!device_) return;
  loop_.unwatch(device_->fd());
  // Stopping waits for the camera, so a pool thread does it.
  loop_.work(lane_, [last = std::move(device_)]() mutable { last.reset(); }, [] {});
  device_.reset();
}

}  // namespace selvedge::os
