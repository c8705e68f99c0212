// Cameras: what is plugged into a machine that gives pictures, as a test says. Machine::cameras().
//
// Devices outlive crashes, as hardware does; who has one open does not. As a real driver does, an open device
// drops pictures that nobody has taken yet: of several that come in one turn the last is heard. One program at
// a time may have a device open.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "os/camera.h"

namespace selvedge::os::fake {

class FakeCamera;
class Machine;

class Cameras {
 public:
  explicit Cameras(Machine& machine) : machine_(machine) {}
  Cameras(const Cameras&) = delete;

  base::Duration opening = std::chrono::milliseconds(300);   // takes so long

  // There is a device from now on; the mode (format mjpeg or yuyv) is what whoever opens it gets.
  void plug_in(const std::string& device, CameraMode mode);
  // There is none any more: who has it open is told.
  void pull_out(const std::string& device);
  // Opening fails from now on, plugged in or not: not_found, denied, unavailable; nothing: as it is.
  void refuse(const std::string& device, std::optional<base::Code> why);
  // silent: its pictures are not heard of, though it is open. hangs_when_opened: opening it never ends.
  enum class Voice : std::uint8_t { speaks, silent, hangs_when_opened };
  void set_voice(const std::string& device, Voice voice);

  // The device has taken a picture. False if nobody will hear of it.
  bool picture(const std::string& device, base::BytesView bytes);

  bool is_open(std::string_view device) const;
  std::uint64_t openings(std::string_view device) const;     // tried, in all lives

 private:
  friend class FakeCamera;
  friend class Machine;
  struct Device {
    bool plugged_in = false;
    CameraMode mode;
    std::optional<base::Code> refuses;
    Voice voice = Voice::speaks;
    std::uint64_t openings = 0;
    FakeCamera* open = nullptr;
  };

  std::unique_ptr<Camera> open(const CameraOptions& options, CameraEvents& events);
  // The life of the machine is over: nobody has anything open.
  void life_ended();

  Machine& machine_;
  std::map<std::string, Device, std::less<>> devices_;
};

}  // namespace selvedge::os::fake
