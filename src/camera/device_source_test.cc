#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "camera/source_for_test.h"
#include "os/fake/simulation.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using os::fake::Cameras;
using testing::HasSubstr;
using testing::IsEmpty;
using Format = os::CameraOptions::Format;
using State = SourceStatus::State;

constexpr Format mjpeg = Format::mjpeg, yuyv = Format::yuyv;

struct DeviceSource : testing::Test {
  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("node");
  Cameras& cameras = machine.cameras();
  const std::string device = "/dev/video0";
  const std::string jpeg = jpeg_for_test();
  Taker taker;
  std::unique_ptr<Source> source;

  void plug_in(Format format, std::size_t stride = 0) {
    cameras.plug_in(device, {.format = format, .width = 16, .height = 8, .stride = stride});
  }
  void start() {
    source = device_source(machine, {.device = device}, taker);
    source->start();
    EXPECT_EQ(cameras.openings(device), 0U);       // nothing within start()
    sim.run_for(1s);
  }
  void take(std::string_view bytes) {
    cameras.picture(device, base::as_bytes(bytes));
    sim.run_for(100ms);
  }
};

TEST_F(DeviceSource, HandsOnPicturesThatAreFiles) {
  plug_in(mjpeg);
  start();
  EXPECT_EQ(source->status().state, State::starting);
  take(jpeg);
  take(jpeg);
  EXPECT_EQ(taker.pictures, (std::vector<std::string>{jpeg, jpeg}));
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_EQ(source->status().pictures, 2U);
  EXPECT_EQ(source->status().attempts, 1U);
}

TEST_F(DeviceSource, MakesJpegOfRowsOfPixels) {
  plug_in(yuyv, 40);
  start();
  std::string rows(40 * 7 + 32, '\x80');
  for (std::size_t i = 0; i < rows.size(); i += 2) rows[i] = '\xEB';   // white
  take(rows);
  ASSERT_EQ(taker.pictures.size(), 1U);
  const auto decoded = codec::decode(base::as_bytes(taker.pictures[0])).value();
  EXPECT_EQ(decoded.image.width, 16);
  EXPECT_EQ(decoded.image.height, 8);
  EXPECT_GT(decoded.image.pixels[0], 250);
}

TEST_F(DeviceSource, PassesOverPixelsWhileTheSinkIsFull) {
  plug_in(yuyv);
  start();
  taker.room = 1;
  const std::string rows(16 * 8 * 2, '\x80');
  for (int i = 0; i < 10; ++i) take(rows);
  EXPECT_EQ(taker.pictures.size(), 1U);
  EXPECT_EQ(source->status().broken, 0U);
  sim.run_for(10s);
  take(rows);                                      // it is no silence
  sim.run_for(10s);
  EXPECT_EQ(source->status().state, State::receiving);
  taker.room = 1;
  take(rows);
  EXPECT_EQ(taker.pictures.size(), 2U);
}

TEST_F(DeviceSource, ShortBuffersAndWhatIsNoPictureAreBroken) {
  plug_in(mjpeg);
  start();
  take("");
  take("\xFF\xD8\xFF");
  take("no picture at all");
  take("\xFF\xD8" + std::string(Source::most_picture_bytes - 1, 'x'));
  EXPECT_THAT(taker.pictures, IsEmpty());
  EXPECT_EQ(source->status().broken, 4U);
  plug_in(yuyv, 40);
  sim.run_for(5s);
  take(std::string(40 * 7 + 31, '\x80'));
  EXPECT_EQ(source->status().broken, 5U);
  EXPECT_THAT(taker.pictures, IsEmpty());
}

TEST_F(DeviceSource, AModeThatCannotBeIsRefused) {
  const auto refused = [&](int width, int height, std::size_t stride) {
    cameras.plug_in(device, {.format = yuyv, .width = width, .height = height, .stride = stride});
    source = device_source(machine, {.device = device}, taker);
    source->start();
    sim.run_for(350ms);
    EXPECT_EQ(source->status().state, State::failing) << width << " x " << height << ", " << stride;
    EXPECT_THAT(source->status().reason, HasSubstr("rows of"));
    EXPECT_FALSE(cameras.is_open(device));
    source.reset();
  };
  for (const std::size_t stride : {std::size_t{31}, std::size_t{1}, std::size_t{1} << 32, ~std::size_t{0}}) refused(16, 8, stride);
  for (const auto& [width, height] : {std::pair{15, 8}, {0, 8}, {-2, 8}, {16, 0}, {1 << 30, 8}, {16, 1 << 30}, {16'000, 16'000}})
    refused(width, height, 0);
}

TEST_F(DeviceSource, IsOpenedAgainWhenItWasPulledOut) {
  plug_in(mjpeg);
  start();
  take(jpeg);
  cameras.pull_out(device);
  sim.run_for(10ms);
  EXPECT_EQ(source->status().state, State::failing);
  EXPECT_EQ(source->status().reason, "camera /dev/video0: it was pulled out");
  sim.run_for(1h);
  EXPECT_THAT(source->status().reason, HasSubstr("No such file"));
  EXPECT_GT(cameras.openings(device), 60U);        // a minute at most, half of it on average
  EXPECT_LT(cameras.openings(device), 300U);
  plug_in(mjpeg);
  ASSERT_TRUE(sim.run_until([&] { return cameras.is_open(device); }, 2min));
  take(jpeg);
  EXPECT_EQ(taker.pictures.size(), 2U);
  EXPECT_EQ(source->status().state, State::receiving);
  const auto before = cameras.openings(device);
  cameras.pull_out(device);
  plug_in(mjpeg);
  sim.run_for(2s);                                 // pictures came, so the pause is short again
  EXPECT_GT(cameras.openings(device), before);
}

TEST_F(DeviceSource, SaysWhyItCannotBeOpened) {
  for (const auto code : {base::Code::not_found, base::Code::denied, base::Code::unavailable}) {
    plug_in(mjpeg);
    cameras.refuse(device, code);
    source = device_source(machine, {.device = device}, taker);
    source->start();
    sim.run_for(500ms);
    EXPECT_EQ(source->status().state, State::failing);
    EXPECT_THAT(source->status().reason, HasSubstr("open camera /dev/video0"));
    cameras.refuse(device, std::nullopt);
    EXPECT_TRUE(sim.run_until([&] { return cameras.is_open(device); }, 1min));
    source.reset();
  }
}

TEST_F(DeviceSource, OneThatSaysNothingIsClosedAndOpenedAgain) {
  plug_in(mjpeg);
  start();
  take(jpeg);
  cameras.set_voice(device, Cameras::Voice::silent);
  sim.run_for(14800ms);
  EXPECT_TRUE(cameras.is_open(device));
  sim.run_for(200ms);
  EXPECT_FALSE(cameras.is_open(device));
  EXPECT_EQ(source->status().reason, "camera /dev/video0: no picture for 15s");
  cameras.set_voice(device, Cameras::Voice::speaks);
  ASSERT_TRUE(sim.run_until([&] { return cameras.is_open(device); }, 1min));
  take(jpeg);
  EXPECT_EQ(taker.pictures.size(), 2U);
}

TEST_F(DeviceSource, OneThatGivesOnlyBrokenPicturesIsOpenedAgainToo) {
  plug_in(mjpeg);
  start();
  for (int i = 0; i < 200; ++i) take("garbage");
  EXPECT_EQ(source->status().state, State::failing);
  EXPECT_GT(cameras.openings(device), 1U);
}

TEST_F(DeviceSource, OneWhoseOpeningHangsSaysSoAndWorksWhenItIsDone) {
  plug_in(mjpeg);
  cameras.opening = 40s;
  start();
  sim.run_for(16s);
  EXPECT_EQ(source->status().state, State::failing);
  EXPECT_THAT(source->status().reason, HasSubstr("has not answered for 15s"));
  EXPECT_EQ(cameras.openings(device), 1U);         // another would only wait behind it
  sim.run_for(30s);
  take(jpeg);
  EXPECT_EQ(taker.pictures.size(), 1U);
  EXPECT_EQ(source->status().state, State::receiving);
}

TEST_F(DeviceSource, MayBeDestroyedWithinPictureAndWhilePixelsAreMadeIntoAFile) {
  plug_in(mjpeg);
  start();
  taker.within = [&] { source.reset(); };
  take(jpeg);
  EXPECT_EQ(source, nullptr);
  EXPECT_FALSE(cameras.is_open(device));
  EXPECT_EQ(taker.pictures.size(), 1U);

  plug_in(yuyv);
  const std::string rows(16 * 8 * 2, '\x80');
  for (int i = 0; i < 20; ++i) {
    source = device_source(machine, {.device = device}, taker);
    source->start();
    sim.run_for(1s);
    if (i % 2 == 0) taker.within = [&] { source.reset(); };
    cameras.picture(device, base::as_bytes(rows));
    sim.run_for(i % 2 == 0 ? 100ms : 50us);        // done, or perhaps under way
    source.reset();
    sim.run_for(1s);
    taker.within = nullptr;
  }
}

TEST_F(DeviceSource, NothingIsCalledAfterACrash) {
  plug_in(mjpeg);
  start();
  cameras.picture(device, base::as_bytes(jpeg));
  machine.crash();
  sim.run_for(1min);
  EXPECT_THAT(taker.pictures, IsEmpty());
}

TEST(DeviceSourceElsewhere, AWorldWithoutCamerasSaysSo) {
  struct Plain : os::World {
    explicit Plain(os::World& on) : inner(on) {}
    os::Loop& loop() override { return inner.loop(); }
    os::Network& network() override { return inner.network(); }
    base::Result<std::unique_ptr<os::Dir>> directory(std::string_view path, bool create) override {
      return inner.directory(path, create);
    }
    void entropy(std::span<std::uint8_t> into) override { inner.entropy(into); }
    os::World& inner;
  };
  os::fake::Simulation sim(1);
  Plain plain(sim.machine("node"));
  Taker taker;
  const auto source = device_source(plain, {}, taker);
  source->start();
  sim.run_for(10ms);
  EXPECT_EQ(source->status().reason, "open camera /dev/video0: there are none");
}

}  // namespace
}  // namespace selvedge::camera
