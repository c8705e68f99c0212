#include "os/fake/camera.h"

#include "os/fake/life.h"
#include "os/fake/machine.h"

namespace selvedge::os::fake {

class FakeCamera final : public Camera {
 public:
  FakeCamera(Life& life, Cameras::Device& device, const CameraOptions& options, CameraEvents& events,
             base::Duration opening)
      : life_(life), device_(device), options_(options), events_(events) {
    ++device_.openings;
    life_.after(opening, call([](FakeCamera& camera) { camera.opened(); }));
  }
  ~FakeCamera() override { let_go(); }

  void picture(base::BytesView bytes) {
    const bool on_its_way = picture_.has_value();
    picture_.emplace(bytes.begin(), bytes.end());
    if (on_its_way) return;
    life_.soon(call([](FakeCamera& camera) {
      if (!camera.picture_) return;
      const base::Bytes shown = std::move(*camera.picture_);
      camera.picture_.reset();
      camera.events_.on_picture(camera, shown);
    }));
  }
  void pulled_out() {
    let_go();
    picture_.reset();
    life_.soon(call([](FakeCamera& camera) {
      camera.end({base::Code::unavailable, "camera " + camera.options_.device + ": it was pulled out"});
    }));
  }

 private:
  // Does nothing once the camera has gone.
  Call call(void (*what)(FakeCamera&)) {
    return [here = std::weak_ptr<FakeCamera*>(here_), what] {
      if (const auto camera = here.lock()) what(**camera);
    };
  }

  void opened() {
    using Format = CameraOptions::Format;
    const auto refused = [&](base::Code code, std::string_view why) {
      end({code, "open camera " + options_.device + ": " + std::string(why)});
    };
    if (device_.voice == Cameras::Voice::hangs_when_opened) return;
    if (device_.refuses) return refused(*device_.refuses, "refused: " + std::string(base::name(*device_.refuses)));
    if (!device_.plugged_in) return refused(base::Code::not_found, "No such file or directory");
    if (device_.open != nullptr) return refused(base::Code::unavailable, "another program uses it");
    if (options_.format != Format::any && options_.format != device_.mode.format)
      return refused(base::Code::invalid_input, options_.format == Format::mjpeg ? "it gives no JPEG pictures"
                                                                                 : "it gives no YUYV pictures");
    device_.open = this;
    const CameraMode mode = device_.mode;          // the test may change it within the call
    events_.on_open(*this, mode);
  }
  void let_go() {
    if (device_.open == this) device_.open = nullptr;
  }
  void end(const base::Error& why) { events_.on_close(*this, why); }

  Life& life_;
  Cameras::Device& device_;
  CameraOptions options_;
  CameraEvents& events_;
  std::optional<base::Bytes> picture_;             // taken, not heard of yet
  std::shared_ptr<FakeCamera*> here_ = std::make_shared<FakeCamera*>(this);
};

void Cameras::plug_in(const std::string& device, CameraMode mode) {
  CHECK(mode.format != CameraOptions::Format::any);
  pull_out(device);
  devices_[device].plugged_in = true;
  devices_[device].mode = std::move(mode);
}

void Cameras::pull_out(const std::string& device) {
  Device& at = devices_[device];
  at.plugged_in = false;
  if (at.open != nullptr) at.open->pulled_out();
}

void Cameras::refuse(const std::string& device, std::optional<base::Code> why) { devices_[device].refuses = why; }
void Cameras::set_voice(const std::string& device, Voice voice) { devices_[device].voice = voice; }

bool Cameras::picture(const std::string& device, base::BytesView bytes) {
  const Device& at = devices_[device];
  if (at.open == nullptr || at.voice == Voice::silent) return false;
  at.open->picture(bytes);
  return true;
}

bool Cameras::is_open(std::string_view device) const {
  const auto found = devices_.find(device);
  return found != devices_.end() && found->second.open != nullptr;
}

std::uint64_t Cameras::openings(std::string_view device) const {
  const auto found = devices_.find(device);
  return found == devices_.end() ? 0 : found->second.openings;
}

std::unique_ptr<Camera> Cameras::open(const CameraOptions& options, CameraEvents& events) {
  return std::make_unique<FakeCamera>(machine_.life(), devices_[options.device], options, events, opening);
}

void Cameras::life_ended() {
  for (auto& [name, device] : devices_) device.open = nullptr;
}

}  // namespace selvedge::os::fake
