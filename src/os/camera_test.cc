#include "os/camera.h"

#include <csignal>

#include <gtest/gtest.h>

#include "os/driver_for_test.h"
#include "os/linux_camera.h"
#include "os/world.h"

namespace selvedge::os {
namespace {

using base::Code;
using Format = CameraOptions::Format;

base::Error open_error(DriverForTest& driver, const CameraOptions& options = {}) {
  const auto device = VideoDevice::open(options, driver);
  EXPECT_FALSE(device);
  EXPECT_EQ(driver.descriptors, 0);
  EXPECT_EQ(driver.mapped, 0);
  return device ? base::Error{} : device.error();
}

TEST(VideoDevice, AgreesOnAModeWithTheCamera) {
  DriverForTest driver;
  {
    const auto device = VideoDevice::open({.width = 640, .height = 480, .frames_a_second = 10}, driver).value();
    EXPECT_EQ(device->mode().format, Format::mjpeg);
    EXPECT_EQ(device->mode().width, 640);
    EXPECT_EQ(device->mode().name, "Test camera");
    EXPECT_EQ(device->mode().frames_a_second, 10);
    EXPECT_TRUE(driver.streaming);
    EXPECT_EQ(driver.free_buffers(), 3U);
  }
  EXPECT_FALSE(driver.streaming);
  EXPECT_EQ(driver.mapped, 0);
  EXPECT_EQ(driver.descriptors, 0);
}

TEST(VideoDevice, TakesTheNearestSizeAndTheFormatThereIs) {
  DriverForTest driver;
  driver.formats = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUYV};
  const auto device = VideoDevice::open({.width = 9999, .height = 9999}, driver).value();
  EXPECT_EQ(device->mode().format, Format::yuyv);
  EXPECT_EQ(device->mode().width, 1280);
  EXPECT_EQ(device->mode().stride, 2568U);
  EXPECT_EQ(device->mode().frames_a_second, 30);
}

TEST(VideoDevice, ErrorsSayWhatIsWrong) {
  const auto with = [](unsigned long request, int error) {
    DriverForTest driver;
    driver.failures[request] = error;
    return open_error(driver);
  };
  EXPECT_EQ(with(VIDIOC_QUERYCAP, ENOTTY).code, Code::invalid_input);
  EXPECT_EQ(with(VIDIOC_S_FMT, EBUSY).message, "open camera /dev/video0: set the format: another program uses it");
  EXPECT_EQ(with(VIDIOC_REQBUFS, ENODEV).message, "open camera /dev/video0: ask for buffers: it was pulled out");
  EXPECT_EQ(with(VIDIOC_QUERYBUF, EINVAL).message.find("open camera /dev/video0: ask for a buffer"), 0U);
  EXPECT_EQ(with(VIDIOC_QBUF, EIO).message.find("open camera /dev/video0: give a buffer"), 0U);
  EXPECT_EQ(with(VIDIOC_STREAMON, ENOSPC).message.find("open camera /dev/video0: start"), 0U);
  EXPECT_EQ(with(0, ENOMEM).message.find("open camera /dev/video0: map a buffer"), 0U);

  DriverForTest missing;
  missing.open_failure = ENOENT;
  EXPECT_EQ(open_error(missing).code, Code::not_found);
  DriverForTest output;
  output.capabilities = V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_STREAMING;
  EXPECT_EQ(open_error(output).code, Code::invalid_input);
  DriverForTest yuyv;
  yuyv.formats = {V4L2_PIX_FMT_YUYV};
  EXPECT_EQ(open_error(yuyv, {.format = Format::mjpeg}).message, "open camera /dev/video0: it gives no JPEG pictures");
}

TEST(VideoDevice, WhatADriverSaysIsHeldAgainstBounds) {
  DriverForTest huge;
  huge.buffer_bytes = 0;
  EXPECT_EQ(open_error(huge).code, Code::exhausted);
  DriverForTest none;
  none.buffers = 1;
  EXPECT_EQ(open_error(none).code, Code::exhausted);
  DriverForTest flat;
  flat.height = 0;
  EXPECT_EQ(open_error(flat).code, Code::unavailable);
}

TEST(VideoDevice, GivesTheNewestPictureOnly) {
  DriverForTest driver;
  const auto device = VideoDevice::open({}, driver).value();
  EXPECT_FALSE(device->newest().value());
  driver.picture("first");
  driver.picture("second");
  EXPECT_EQ(base::as_text(*device->newest().value()), "second");
  EXPECT_EQ(driver.free_buffers(), 2U);
  driver.picture("broken", V4L2_BUF_FLAG_ERROR);
  EXPECT_FALSE(device->newest().value());
  EXPECT_EQ(driver.free_buffers(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(driver.picture("x"));
  EXPECT_FALSE(driver.picture("no buffer is free"));
  EXPECT_TRUE(device->newest().value());
  EXPECT_TRUE(device->give_back());
  EXPECT_EQ(driver.free_buffers(), 3U);
}

// Stops the loop when what a test waits for came.
struct Events : CameraEvents {
  EpollLoop* loop = nullptr;
  std::unique_ptr<Camera>* camera = nullptr;       // destroyed within the next call
  std::function<void()> replace;                   // called within the next call
  std::vector<std::string> heard;

  void note(std::string what) {
    heard.push_back(std::move(what));
    if (camera != nullptr) camera->reset();
    if (replace) replace();
    loop->stop();
  }
  void on_open(Camera&, const CameraMode& mode) override { note("open " + std::to_string(mode.width)); }
  void on_picture(Camera&, base::BytesView bytes) override {
    const std::string picture(base::as_text(bytes));
    note("picture " + picture);
    EXPECT_EQ(picture, base::as_text(bytes));      // still mapped
  }
  void on_close(Camera&, const base::Error& why) override { note("close " + why.message); }
};

struct LoopedCamera : testing::Test {
  DriverForTest driver;
  std::unique_ptr<EpollLoop> loop = EpollLoop::create().value();
  Events events;
  std::unique_ptr<Camera> camera;

  LoopedCamera() { events.loop = loop.get(); }
  ~LoopedCamera() override {
    camera.reset();
    loop->clear();
    EXPECT_EQ(driver.descriptors, 0);
    EXPECT_EQ(driver.mapped, 0);
  }
  void open() {
    camera = std::make_unique<LinuxCamera>(*loop, CameraOptions{}, events, driver);
    loop->run({});
  }
  // The loop stops when all has been done that the camera does on the pool.
  void settle() {
    const auto lane = static_cast<std::uint32_t>(std::hash<std::string_view>()(CameraOptions{}.device));
    loop->work(lane, [] {}, [&] { loop->stop(); });
  }
};

TEST_F(LoopedCamera, PicturesComeOnTheLoop) {
  open();
  EXPECT_EQ(events.heard, (std::vector<std::string>{"open 640"}));
  driver.picture("one");
  loop->run({});
  driver.picture("two");
  driver.picture("three");
  loop->run({});
  EXPECT_EQ(events.heard, (std::vector<std::string>{"open 640", "picture one", "picture three"}));
  EXPECT_EQ(driver.free_buffers(), 3U);
}

TEST_F(LoopedCamera, IsClosedOnceWhenPulledOut) {
  open();
  driver.failures[VIDIOC_DQBUF] = ENODEV;
  driver.wake();
  loop->run({});
  EXPECT_EQ(events.heard.back(), "close camera /dev/video0: take a picture: it was pulled out");
  EXPECT_EQ(events.heard.size(), 2U);
}

TEST_F(LoopedCamera, SaysWhyItCouldNotBeOpened) {
  driver.open_failure = EACCES;
  open();
  ASSERT_EQ(events.heard.size(), 1U);
  EXPECT_TRUE(events.heard[0].starts_with("close open camera /dev/video0: ")) << events.heard[0];
}

TEST_F(LoopedCamera, MayBeDestroyedWithinItsCalls) {
  events.camera = &camera;
  open();
  EXPECT_EQ(camera, nullptr);
  EXPECT_EQ(events.heard.size(), 1U);
  events.camera = nullptr;
  open();
  events.camera = &camera;
  driver.picture("last");
  loop->run({});
  EXPECT_EQ(events.heard.back(), "picture last");
  events.camera = nullptr;
  open();
  events.camera = &camera;
  driver.failures[VIDIOC_DQBUF] = EINVAL;
  driver.wake();
  loop->run({});
  EXPECT_TRUE(events.heard.back().starts_with("close camera")) << events.heard.back();
}

TEST_F(LoopedCamera, MayGoBeforeItIsOpen) {
  camera = std::make_unique<LinuxCamera>(*loop, CameraOptions{}, events, driver);
  loop->defer([&] { camera.reset(); });            // after it was handed to the pool
  loop->defer([&] { settle(); });
  loop->run({});
  EXPECT_EQ(driver.descriptors, 0);
  EXPECT_NE(driver.closed_by, std::thread::id());
  EXPECT_NE(driver.closed_by, std::this_thread::get_id());
  EXPECT_TRUE(events.heard.empty());
}

TEST_F(LoopedCamera, MayGoInTheTurnItWasMadeIn) {
  camera = std::make_unique<LinuxCamera>(*loop, CameraOptions{}, events, driver);
  camera.reset();
  loop->defer([&] { settle(); });
  loop->run({});
  EXPECT_EQ(driver.closed_by, std::thread::id());  // never opened
  EXPECT_TRUE(events.heard.empty());
}

// Closing waits for the camera, so the loop thread must not do it.
TEST_F(LoopedCamera, IsClosedOnThePoolHoweverItEnds) {
  const auto closes = [&](const char* how) {
    settle();
    loop->run({});
    EXPECT_EQ(driver.descriptors, 0) << how;
    EXPECT_NE(driver.closed_by, std::thread::id()) << how;
    EXPECT_NE(driver.closed_by, std::this_thread::get_id()) << how;
    driver.closed_by = {};
    driver.failures.clear();
    events.camera = nullptr;
  };
  for (int i = 0; i < 10; ++i) {                   // the pool thread may be faster, or not
    open();
    camera.reset();
    closes("between calls");
    open();
    events.camera = &camera;
    driver.picture("last");
    loop->run({});
    closes("within on_picture");
    open();
    driver.failures[VIDIOC_DQBUF] = EINVAL;
    driver.wake();
    loop->run({});
    closes("it broke");
    open();
    driver.failures[VIDIOC_QBUF] = EINVAL;
    driver.picture("last");
    loop->run({});                                 // the picture
    if (!events.heard.back().starts_with("close")) loop->run({});
    closes("it takes no buffer back");
    events.camera = &camera;
    open();
    closes("within on_open");
  }
}

TEST_F(LoopedCamera, OneThatReplacesItselfWithinItsCallIsClosedFirst) {
  open();
  events.replace = [&] {
    camera.reset();
    camera = std::make_unique<LinuxCamera>(*loop, CameraOptions{}, events, driver);
  };
  driver.picture("first");
  loop->run({});
  events.replace = nullptr;
  loop->run({});
  EXPECT_EQ(events.heard, (std::vector<std::string>{"open 640", "picture first", "open 640"}));
  EXPECT_EQ(driver.most_descriptors, 1);
}

struct Waiting : CameraEvents {
  RealWorld* world = nullptr;
  base::Error why;
  void on_picture(Camera&, base::BytesView) override {}
  void on_close(Camera&, const base::Error& error) override {
    why = error;
    world->stop();
  }
};

TEST(RealCamera, WhatIsNoCameraSaysSo) {
  const auto world = RealWorld::create().value();
  Waiting waiting;
  waiting.world = world.get();
  for (const auto& [device, code] : {std::pair{"/dev/no-such-camera", Code::not_found}, {"/dev/null", Code::invalid_input}}) {
    const auto camera = world->camera({.device = device}, waiting);
    world->run({});
    EXPECT_EQ(waiting.why.code, code) << waiting.why.message;
    EXPECT_NE(waiting.why.message.find(device), std::string::npos);
  }
}

}  // namespace
}  // namespace selvedge::os
