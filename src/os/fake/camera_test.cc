#include "os/fake/camera.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;
using Format = CameraOptions::Format;
using Heard = std::vector<std::string>;

struct Events : CameraEvents {
  Heard heard;
  std::unique_ptr<Camera> camera;
  bool goes = false;                               // destroys the camera within its calls

  void note(std::string what) {
    heard.push_back(std::move(what));
    if (goes) camera.reset();
  }
  void on_open(Camera&, const CameraMode& mode) override { note("open " + std::to_string(mode.width)); }
  void on_picture(Camera&, base::BytesView bytes) override { note("picture " + std::string(base::as_text(bytes))); }
  void on_close(Camera&, const base::Error& why) override { note("close " + std::string(base::name(why.code))); }
};

struct FakeCameras : testing::Test {
  Simulation sim{1};
  Machine& machine = sim.machine("a");
  Cameras& cameras = machine.cameras();
  Events events;
  const std::string device = "/dev/video0";

  FakeCameras() { cameras.plug_in(device, {.format = Format::mjpeg, .width = 640, .height = 480}); }
  ~FakeCameras() override { events.camera.reset(); }
  void open(CameraOptions options = {}) { events.camera = machine.camera(options, events); }
  bool take(std::string_view bytes) { return cameras.picture(device, base::as_bytes(bytes)); }
};

TEST_F(FakeCameras, PicturesOfAnOpenDeviceAreHeard) {
  EXPECT_FALSE(take("before"));
  open();
  EXPECT_TRUE(events.heard.empty());
  sim.run_for(1s);
  EXPECT_TRUE(cameras.is_open(device));
  EXPECT_TRUE(take("one"));
  EXPECT_EQ(events.heard, Heard{"open 640"});      // never within the test's call
  sim.run_for(1s);
  take("two");
  take("three");
  sim.run_for(1s);
  EXPECT_EQ(events.heard, (Heard{"open 640", "picture one", "picture three"}));
  events.camera.reset();
  EXPECT_FALSE(take("after"));
  EXPECT_EQ(cameras.openings(device), 1U);
}

TEST_F(FakeCameras, ErrorsAreThoseOfARealOne) {
  const auto says = [&](CameraOptions options) {
    events.heard.clear();
    open(std::move(options));
    sim.run_for(1s);
    EXPECT_EQ(events.heard.size(), 1U);
    return events.heard.at(0);
  };
  EXPECT_EQ(says({.device = "/dev/video7"}), "close not_found");
  EXPECT_EQ(says({.format = Format::yuyv}), "close invalid_input");
  cameras.refuse(device, base::Code::denied);
  EXPECT_EQ(says({}), "close denied");
  cameras.refuse(device, std::nullopt);
  EXPECT_EQ(says({}), "open 640");
  Events second;
  second.camera = machine.camera({}, second);
  sim.run_for(1s);
  EXPECT_EQ(second.heard, Heard{"close unavailable"});
  EXPECT_TRUE(cameras.is_open(device));
}

TEST_F(FakeCameras, OnePulledOutIsClosedOnceAndItsLastPictureIsLost) {
  open();
  sim.run_for(1s);
  take("lost");
  cameras.pull_out(device);
  EXPECT_FALSE(take("no one"));
  sim.run_for(1s);
  cameras.pull_out(device);
  sim.run_for(1s);
  EXPECT_EQ(events.heard, (Heard{"open 640", "close unavailable"}));
  open();
  sim.run_for(1s);
  EXPECT_EQ(events.heard.back(), "close not_found");
}

TEST_F(FakeCameras, MayBeSilentAndMayHang) {
  cameras.set_voice(device, Cameras::Voice::hangs_when_opened);
  open();
  sim.run_for(1h);
  EXPECT_TRUE(events.heard.empty());
  cameras.set_voice(device, Cameras::Voice::silent);
  open();
  sim.run_for(1s);
  EXPECT_FALSE(take("unheard"));
  sim.run_for(1s);
  EXPECT_EQ(events.heard, Heard{"open 640"});
  cameras.set_voice(device, Cameras::Voice::speaks);
  take("heard");
  sim.run_for(1s);
  EXPECT_EQ(events.heard.back(), "picture heard");
}

TEST_F(FakeCameras, MayBeDestroyedWithinEachCall) {
  events.goes = true;
  open();
  sim.run_for(1s);
  EXPECT_FALSE(cameras.is_open(device));
  events.goes = false;
  open();
  sim.run_for(1s);
  events.goes = true;
  take("last");
  sim.run_for(1s);
  EXPECT_FALSE(cameras.is_open(device));
  events.goes = false;
  open();
  sim.run_for(1s);
  events.goes = true;
  cameras.pull_out(device);
  sim.run_for(1s);
  EXPECT_EQ(events.heard, (Heard{"open 640", "open 640", "picture last", "open 640", "close unavailable"}));
  open();
  events.camera.reset();                           // before it was opened
  sim.run_for(1s);
  EXPECT_EQ(events.heard.size(), 5U);
}

TEST_F(FakeCameras, NothingIsCalledAfterACrashAndTheDeviceIsFree) {
  open();
  sim.run_for(1s);
  take("on its way");
  machine.crash();
  cameras.pull_out(device);
  EXPECT_FALSE(take("x"));
  Events dead;
  dead.camera = machine.camera({}, dead);          // by what is left of the program
  sim.run_for(1s);
  EXPECT_EQ(events.heard, Heard{"open 640"});
  cameras.plug_in(device, {.format = Format::yuyv, .width = 320, .height = 240});
  machine.restart();
  Events next;
  next.camera = machine.camera({}, next);
  sim.run_for(1s);
  events.camera.reset();                           // the old one goes late and takes nothing with it
  take("new");
  sim.run_for(1s);
  EXPECT_EQ(next.heard, (Heard{"open 320", "picture new"}));
  EXPECT_TRUE(dead.heard.empty());
  EXPECT_EQ(events.heard, Heard{"open 640"});
}

TEST_F(FakeCameras, ACrashWithinACallEndsAllCalls) {
  struct Crashes : Events {
    Machine* machine = nullptr;
    void on_open(Camera& opened, const CameraMode& mode) override {
      Events::on_open(opened, mode);
      machine->crash();
    }
  } crashing;
  crashing.machine = &machine;
  crashing.camera = machine.camera({}, crashing);
  sim.run_for(1s);
  EXPECT_FALSE(take("x"));
  sim.run_for(1s);
  EXPECT_EQ(crashing.heard, Heard{"open 640"});
}

}  // namespace
}  // namespace selvedge::os::fake
