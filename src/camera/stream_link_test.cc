// A stream over a link that fails, from a server that streams, on two machines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "camera/source_for_test.h"
#include "codec/mjpeg/stream_writer.h"
#include "net/http/http.h"
#include "os/fake/simulation.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using State = SourceStatus::State;

// Ten pictures a second to whoever asks.
class CameraServer {
 public:
  explicit CameraServer(os::World& world) : world_(world), server_(world, {}) {
    server_.route("GET", "/video", [this](net::http::Request, net::http::Respond respond) {
      net::http::Response response;
      response.content_type = codec::mjpeg::stream_content_type;
      response.stream = [this](std::shared_ptr<net::http::BodyWriter> writer) { writers_.push_back(std::move(writer)); };
      respond(std::move(response));
    });
    CHECK(server_.listen({"", 80}, nullptr));
    tick();
  }
  ~CameraServer() { world_.loop().cancel(timer_); }

 private:
  void tick() {
    base::Bytes part;
    codec::mjpeg::append_part(part, base::as_bytes(picture_));
    for (const auto& writer : writers_)
      if (writer->unsent() < (64U << 10)) writer->write(part);
    timer_ = world_.loop().after(100ms, [this] { tick(); });
  }

  os::World& world_;
  const std::string picture_ = jpeg_for_test();
  std::vector<std::shared_ptr<net::http::BodyWriter>> writers_;
  os::TimerId timer_ = os::TimerId::none;
  net::http::Server server_;
};

struct StreamOverALink : testing::Test {
  os::fake::Simulation sim{11};
  os::fake::Machine& node = sim.machine("node");
  os::fake::Machine& camera = sim.machine("camera");
  os::fake::Link& link = sim.link("node", "camera");
  Taker taker;
  std::unique_ptr<Source> source;

  StreamOverALink() {
    camera.run([](os::World& world) { return std::make_shared<CameraServer>(world); });
    source = stream_source(node, {.url = "http://camera/video", .authorization = ""}, nullptr, taker);
    source->start();
    sim.run_for(5s);
    EXPECT_GT(taker.pictures.size(), 40U);
  }
  ~StreamOverALink() override { source.reset(); }

  void expect_failing_within(base::Duration time) {
    EXPECT_TRUE(sim.run_until([&] { return source->status().state == State::failing; }, time));
  }
  void expect_pictures_within(base::Duration time) {
    const std::size_t before = taker.pictures.size();
    EXPECT_TRUE(sim.run_until([&] { return taker.pictures.size() > before + 10; }, time)) << source->status().reason;
    EXPECT_EQ(source->status().state, State::receiving);
  }
};

TEST_F(StreamOverALink, GoesOnAfterAReset) {
  link.cut(os::fake::Cut::reset);
  expect_failing_within(1s);
  sim.run_for(10min);
  EXPECT_LT(source->status().attempts, 60U);       // it backs off
  link.mend();
  expect_pictures_within(65s);
}

TEST_F(StreamOverALink, AHalfOpenConnectionIsGivenUp) {
  link.forget_connections();
  expect_failing_within(16s);
  EXPECT_THAT(source->status().reason, HasSubstr("no picture for 15s"));
  expect_pictures_within(5s);
}

TEST_F(StreamOverALink, ALinkThatSaysNothingIsGivenUpAndTriedAgain) {
  link.cut(os::fake::Cut::silent);
  expect_failing_within(16s);
  sim.run_for(5min);
  link.mend();
  expect_pictures_within(2min);
}

TEST_F(StreamOverALink, GoesOnAfterACrashOfTheCamera) {
  camera.crash({os::fake::Crash::Disk::power_cut, os::fake::Crash::Peers::silence});
  sim.run_for(20s);
  EXPECT_EQ(source->status().state, State::failing);
  camera.restart();
  expect_pictures_within(65s);
  EXPECT_TRUE(std::ranges::all_of(taker.pictures, [](const std::string& one) { return one == jpeg_for_test(); }));
}

TEST_F(StreamOverALink, NothingIsCalledAfterACrash) {
  node.crash();
  const std::size_t before = taker.pictures.size();
  sim.run_for(1min);
  EXPECT_EQ(taker.pictures.size(), before);
}

}  // namespace
}  // namespace selvedge::camera
