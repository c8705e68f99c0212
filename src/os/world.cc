#include "os/world.h"

#include <array>
#include <cstring>

namespace selvedge::os {

namespace {

class NoCamera final : public Camera {
 public:
  NoCamera(Loop& loop, const CameraOptions& options, CameraEvents& events) : loop_(loop) {
    timer_ = loop_.after({}, [this, device = options.device, &events] {
      events.on_close(*this, {base::Code::not_found, "open camera " + device + ": there are none"});
    });
  }
  ~NoCamera() override { loop_.cancel(timer_); }

 private:
  Loop& loop_;
  TimerId timer_;
};

}  // namespace

std::unique_ptr<Camera> World::camera(const CameraOptions& options, CameraEvents& events) {
  return std::make_unique<NoCamera>(loop(), options, events);
}

std::uint64_t World::random_u64() {
  std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
  entropy(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

double World::random_unit() {
  constexpr int mantissa_bits = 53;
  return static_cast<double>(random_u64() >> (64 - mantissa_bits)) * 0x1p-53;
}

}  // namespace selvedge::os
