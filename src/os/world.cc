#include "os/world.h"

#include <array>
#include <cstring>
#include <utility>

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

class NoChild final : public Child {
 public:
  NoChild(Loop& loop, const ChildOptions& options, ChildEvents& events) : loop_(loop) {
    timer_ = loop_.after({}, [this, program = options.program, &events] {
      events.on_failure(*this, {base::Code::unavailable, "start " + program + ": this machine runs no programs"});
    });
  }
  ~NoChild() override { loop_.cancel(timer_); }

  base::Result<void> write(base::BytesView) override { return base::fail(base::Code::unavailable, "write to a program: it does not run"); }
  std::size_t unsent() const override { return 0; }
  void close_input() override {}
  void pause() override {}
  void resume() override {}
  void signal(int) override {}
  void kill(std::string_view) override {}
  ChildUsage usage() const override { return {}; }

 private:
  Loop& loop_;
  TimerId timer_;
};

}  // namespace

std::unique_ptr<Child> World::spawn(const ChildOptions& options, ChildEvents& events) {
  return std::make_unique<NoChild>(loop(), options, events);
}
std::unique_ptr<Child> World::adopt(const ChildOptions& options, ChildEvents& events) {
  return std::make_unique<NoChild>(loop(), options, events);
}
void World::end_leftovers(const std::string&, std::vector<std::string>, std::function<void(std::vector<std::string>)> done) {
  loop().after({}, [done = std::move(done)] { done({}); });
}
base::Result<std::unique_ptr<RootTree>> World::root_tree(const std::string& folder) {
  return base::fail(base::Code::unavailable, "open " + folder + " as a root: there is none here");
}
void World::forget_child(const std::string&, std::function<void()> done) { loop().after({}, std::move(done)); }

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
