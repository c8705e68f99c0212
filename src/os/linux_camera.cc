#include "os/linux_camera.h"

#include <sys/epoll.h>

#include <functional>
#include <string_view>

namespace selvedge::os {

LinuxCamera::LinuxCamera(EpollLoop& loop, const CameraOptions& options, CameraEvents& events, VideoCalls& calls)
    : loop_(loop), events_(events), lane_(static_cast<std::uint32_t>(std::hash<std::string_view>()(options.device))) {
  state_->camera = this;
  loop_.defer([&on = loop_, lane = lane_, state = state_, options, &calls] {
    if (state->camera == nullptr) return;
    on.work(
        lane, [state, options, &calls] { state->opened = VideoDevice::open(options, calls); },
        [state] {
          if (state->camera != nullptr) state->camera->opened();
        });
  });
}

LinuxCamera::~LinuxCamera() {
  state_->camera = nullptr;
  if (opening_) loop_.work(lane_, [state = state_] { state->opened = nullptr; }, [] {});
  if (device_) close(loop_, lane_, std::move(device_));
}

void LinuxCamera::opened() {
  opening_ = false;
  if (!state_->opened) return end(state_->opened.error());
  device_ = std::exchange(*state_->opened, nullptr);
  if (const auto watched = loop_.watch(device_->fd(), *this, EPOLLIN); !watched) return end(watched.error());
  events_.on_open(*this, device_->mode());
}

void LinuxCamera::ready(std::uint32_t events) {
  const auto picture = device_->newest();
  if (!picture) return end(picture.error());
  if (!*picture) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) end({base::Code::unavailable, "camera " + device_->mode().name + ": it stopped"});
    return;
  }
  const std::shared_ptr<State> state = state_;
  EpollLoop& loop = loop_;
  const std::uint32_t lane = lane_;
  std::shared_ptr<VideoDevice> device = std::move(device_);   // the picture stays mapped during the call
  events_.on_picture(*this, **picture);
  if (state->camera == nullptr) return close(loop, lane, std::move(device));
  device_ = std::move(device);
  if (const auto given = device_->give_back(); !given) end(given.error());
}

void LinuxCamera::end(const base::Error& why) {
  const base::Error copy = why;                    // `this` may go within the call
  if (device_) close(loop_, lane_, std::move(device_));
  events_.on_close(*this, copy);
}

void LinuxCamera::close(EpollLoop& loop, std::uint32_t lane, std::shared_ptr<VideoDevice> device) {
  loop.unwatch(device->fd());
  loop.work(lane, [last = std::move(device)]() mutable { last.reset(); }, [] {});
}

}  // namespace selvedge::os
