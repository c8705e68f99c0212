// The paths of cameras, as browsers, programs and devices ask for them.

#include "camera/camera_routes.h"

#include <gmock/gmock.h>

#include <map>

#include "camera/camera_fixture.h"
#include "codec/json/value.h"
#include "codec/mjpeg/splitter.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Result;
using codec::json::Value;
using net::api::Caller;
using net::api::Right;
using net::http::Fetched;
using test::scene;
using testing::HasSubstr;

class CameraRoutesTest : public test::CameraFixture, public Cameras {
 protected:
  CameraRoutesTest() {
    caller.kind = Caller::Kind::operator_;
    caller.name = "alice";
    caller.right = Right::operate;
    add_camera_routes(server, *this, [this](const net::http::Request&, auto answer) {
      if (known) return answer(caller);
      answer(base::fail(Code::denied, "who are you?"));
    });
    EXPECT_TRUE(server.listen({"", 80}, nullptr));
  }

  std::vector<Camera*> all() override { return camera ? std::vector{camera.get()} : std::vector<Camera*>{}; }
  Camera* find(std::string_view name) override { return camera && camera->name() == name ? camera.get() : nullptr; }

  using Answer = std::shared_ptr<std::optional<Result<Fetched>>>;
  Answer begin(const std::string& method, const std::string& path, base::BytesView body = {}) {
    const auto answer = std::make_shared<std::optional<Result<Fetched>>>();
    client.fetch({.method = method, .url = "http://node/api/v1/cameras" + path, .headers = {}, .body = std::string(base::as_text(body))},
                 [answer](auto fetched) { *answer = std::move(fetched); });
    return answer;
  }
  Fetched end(const Answer& answer) {
    EXPECT_TRUE(sim.run_until([&] { return answer->has_value(); }, 1min));
    if (!*answer || !**answer) return {};
    return ***answer;
  }
  Fetched fetch(const std::string& method, const std::string& path, base::BytesView body = {}) {
    return end(begin(method, path, body));
  }
  Value json(const Fetched& fetched) {
    const auto value = codec::json::parse(fetched.body);
    EXPECT_TRUE(value) << fetched.body;
    return value ? *value : Value();
  }

  // A client that watches.
  struct Watched {
    net::http::Transfer transfer;
    int status = 0;
    std::string content_type, body;
    std::vector<base::Bytes> pictures;
    codec::mjpeg::Splitter splitter = codec::mjpeg::Splitter::multipart("selvedge-picture", 8 << 20);
    bool ended = false, well = false;
  };
  std::shared_ptr<Watched> watch(const std::string& query = "", net::http::Client* by = nullptr) {
    const auto it = std::make_shared<Watched>();
    net::http::Fetch what;
    what.url = "http://node/api/v1/cameras/door/stream" + query;
    what.on_head = [it](const Fetched& head) {
      it->status = head.status;
      it->content_type = head.header("content-type");
    };
    what.on_body = [it](base::BytesView piece) {
      it->body += base::as_text(piece);
      while (const auto picture = it->splitter.next(piece)) it->pictures.emplace_back(picture->begin(), picture->end());
    };
    it->transfer = (by ? *by : client).fetch(std::move(what), [it](const auto& done) {
      it->ended = true;
      it->well = done.has_value();
    });
    return it;
  }

  Caller caller;
  bool known = true;
  net::http::Server server{machine, {}};
  net::http::Client client{sim.machine("client"), {.timeout = 10min}, nullptr};
};

TEST_F(CameraRoutesTest, CamerasAreListedWithWhatBecameOfTheirPictures) {
  EXPECT_EQ(fetch("GET", "").body, R"({"cameras":[]})");
  start();
  const Value none = json(fetch("GET", "/door"));
  EXPECT_EQ(none["waiting_for"].text(), "model net is not on this node");
  EXPECT_EQ(none.at_pointer("/source/kind").text(), "sent");
  EXPECT_EQ(none.at_pointer("/source/state").text(), "starting");
  load();
  send_and_settle(scene(20, 20));
  send_and_settle(base::to_bytes("broken"));
  camera->take_from("folder", std::make_unique<test::FakeSource>());
  const Value list = json(fetch("GET", ""));
  const Value& one = list["cameras"].array().at(0);
  EXPECT_EQ(one["name"].text(), "door");
  EXPECT_EQ(one["model"].text(), "net");
  EXPECT_EQ(one["pictures"].integer(), 2);
  EXPECT_EQ(one["looked_at"].integer(), 1);
  EXPECT_EQ(one["failed"].integer(), 1);
  EXPECT_THAT(one["last_error"].text(), HasSubstr("it is broken"));
  EXPECT_EQ(one["last"].text(), base::to_iso8601(camera->last()->taken));
  EXPECT_EQ(one.at_pointer("/source/kind").text(), "folder");
  EXPECT_EQ(one.at_pointer("/source/state").text(), "failing");
  EXPECT_EQ(one.at_pointer("/source/reason").text(), "it is dark");
  EXPECT_EQ(one.at_pointer("/source/broken").integer(), 1);
  EXPECT_EQ(fetch("GET", "/gate").status, 404);
  EXPECT_THAT(fetch("GET", "/gate").body, HasSubstr("there is no camera 'gate'"));
  EXPECT_EQ(fetch("GET", "/door/what").status, 404);
  EXPECT_EQ(fetch("POST", "/door/stream").status, 404);
}

TEST_F(CameraRoutesTest, TheLastPictureComesAsItCameOrDrawnOn) {
  start();
  load();
  EXPECT_EQ(fetch("GET", "/door/picture").status, 404);
  EXPECT_EQ(fetch("GET", "/door/picture?annotated=true").status, 404);
  EXPECT_EQ(fetch("GET", "/door/picture?annotated=maybe").status, 400);
  const base::Bytes file = scene(20, 20);
  send_and_settle(file);
  const Fetched plain = fetch("GET", "/door/picture");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.header("content-type"), "image/png");
  EXPECT_EQ(plain.body, base::as_text(file));
  EXPECT_THAT(std::string(plain.header("last-modified")), testing::EndsWith(" GMT"));
  EXPECT_EQ(plain.header("picture-taken"), base::to_iso8601(camera->last()->taken));
  const Fetched drawn = fetch("GET", "/door/picture?annotated=true");
  EXPECT_EQ(drawn.header("content-type"), "image/jpeg");
  EXPECT_EQ(drawn.header("picture-taken"), plain.header("picture-taken"));
  EXPECT_EQ(codec::format_of(base::as_bytes(drawn.body)).value(), codec::ImageFormat::jpeg);
}

// ---- pictures that are sent ----

TEST_F(CameraRoutesTest, APictureThatIsSentIsTakenOrAnsweredWithWhatIsInIt) {
  start();
  const base::Bytes file = scene(20, 20);
  const Fetched early = fetch("POST", "/door/picture", file);
  EXPECT_EQ(early.status, 202);
  EXPECT_THAT(early.body, HasSubstr("model net is not on this node"));
  EXPECT_EQ(fetch("POST", "/door/picture?wait=true", file).status, 503);
  load(4);
  const Fetched accepted = fetch("POST", "/door/picture", file);
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(accepted.body, R"({"camera":"door"})");
  const Fetched answered = fetch("POST", "/door/picture?wait=true", file);
  EXPECT_EQ(answered.status, 200);
  const Value found = json(answered);
  EXPECT_EQ(found["camera"].text(), "door");
  EXPECT_EQ(found["outcome"].text(), "looked-at");
  EXPECT_EQ(found["model"].text(), "net");
  EXPECT_EQ(found["version"].integer(), 4);
  EXPECT_EQ(found.at_pointer("/detections/0/name").text(), "cat");
  EXPECT_EQ(found["width"].integer(), 640);
  EXPECT_EQ(status().looked_at, 2u);
}

TEST_F(CameraRoutesTest, WhatIsNoPictureIsRefusedWithTheReason) {
  start();
  load();
  EXPECT_EQ(fetch("POST", "/door/picture").status, 400);
  const Fetched garbage = fetch("POST", "/door/picture", base::as_bytes("garbage"));
  EXPECT_EQ(garbage.status, 400);
  EXPECT_THAT(garbage.body, HasSubstr("no JPEG, PNG or BMP"));
  EXPECT_EQ(fetch("POST", "/door/picture?wait=perhaps", scene(0, 0)).status, 400);
  EXPECT_EQ(fetch("POST", "/gate/picture", scene(0, 0)).status, 404);
  base::Bytes large = scene(0, 0);
  large.resize(Source::most_picture_bytes + 1);
  EXPECT_EQ(fetch("POST", "/door/picture", large).status, 413);
  EXPECT_EQ(status().pictures, 0u);
  const std::string torn = serving::test::fake_picture("broken");
  EXPECT_EQ(fetch("POST", "/door/picture?wait=true", base::as_bytes(torn)).status, 400);
  EXPECT_EQ(status().failed, 1u);
  camera->take_from("folder", std::make_unique<test::FakeSource>());
  EXPECT_EQ(fetch("POST", "/door/picture", scene(0, 0)).status, 409);
}

TEST_F(CameraRoutesTest, OneThatStandsStillOrIsDroppedSaysSo) {
  options.motion = engine::MotionRule{};
  options.interval = 1s;
  options.queue = 1;
  start();
  load();
  const base::Bytes file = scene(20, 20);
  EXPECT_EQ(json(fetch("POST", "/door/picture?wait=true", file))["outcome"].text(), "looked-at");
  const auto dropped = begin("POST", "/door/picture?wait=true", file);
  sim.run_for(100ms);
  const auto still = begin("POST", "/door/picture?wait=true", file);
  const Fetched pushed_out = end(dropped);
  EXPECT_EQ(pushed_out.status, 429);
  EXPECT_NE(pushed_out.header("retry-after"), "");
  const Fetched stood = end(still);
  EXPECT_EQ(stood.status, 200);
  EXPECT_EQ(stood.body, R"({"camera":"door","outcome":"still"})");
  const auto lost = begin("POST", "/door/picture?wait=true", file);
  sim.run_for(100ms);
  camera.reset();
  EXPECT_EQ(end(lost).status, 503);
}

TEST_F(CameraRoutesTest, WhoMaySendAndWhoMaySee) {
  start();
  load();
  struct Case {
    const char* who;
    Caller::Kind kind;
    Right right;
    int sends, sees;
  };
  const base::Bytes file = scene(0, 0);
  send_and_settle(file);
  for (const Case& one : {Case{"nobody", Caller::Kind::nobody, Right::view, 403, 403},
                          Case{"this machine", Caller::Kind::local, Right::administer, 202, 200},
                          Case{"a device", Caller::Kind::device, Right::view, 202, 403},
                          Case{"a node", Caller::Kind::node, Right::view, 403, 403},
                          Case{"a viewer", Caller::Kind::operator_, Right::view, 403, 200},
                          Case{"an operator", Caller::Kind::operator_, Right::operate, 202, 200},
                          Case{"an admin", Caller::Kind::operator_, Right::administer, 202, 200}}) {
    SCOPED_TRACE(one.who);
    caller.kind = one.kind;
    caller.right = one.right;
    EXPECT_EQ(fetch("POST", "/door/picture", file).status, one.sends);
    for (const char* path : {"", "/door", "/door/picture", "/door/picture?annotated=true"})
      EXPECT_EQ(fetch("GET", path).status, one.sees) << path;
    if (one.sees == 403) {
      EXPECT_EQ(fetch("GET", "/door/stream").status, 403);
    }
  }
  known = false;
  EXPECT_EQ(fetch("POST", "/door/picture", file).status, 401);
  EXPECT_EQ(fetch("GET", "/door/picture").status, 401);
}

// ---- streams ----

TEST_F(CameraRoutesTest, AStreamBeginsWithTheLastPictureAndGoesOn) {
  start();
  load();
  send_and_settle(scene(20, 20));
  const auto watched = watch();
  sim.run_for(1s);
  EXPECT_EQ(watched->status, 200);
  EXPECT_EQ(watched->content_type, "multipart/x-mixed-replace; boundary=selvedge-picture");
  ASSERT_EQ(watched->pictures.size(), 1u);
  EXPECT_EQ(codec::format_of(watched->pictures[0]).value(), codec::ImageFormat::jpeg);
  EXPECT_TRUE(watched->body.ends_with("\r\n--selvedge-picture\r\n")) << "a browser shows the part when it has ended";
  send_and_settle(scene(200, 100));
  sim.run_for(1s);
  ASSERT_EQ(watched->pictures.size(), 2u);
  EXPECT_NE(watched->pictures[0], watched->pictures[1]);
  sim.run_for(Camera::alive);
  EXPECT_EQ(watched->pictures.size(), 3u) << "again, so that both sides know that the other is there";
  EXPECT_EQ(watched->pictures[1], watched->pictures[2]);
  EXPECT_FALSE(watched->ended);
  camera.reset();
  sim.run_for(1s);
  EXPECT_TRUE(watched->ended);
  EXPECT_TRUE(watched->well);
}

TEST_F(CameraRoutesTest, AStreamOfPicturesAsTheyCame) {
  start();
  load();
  const auto watched = watch("?annotated=false");
  sim.run_for(1s);
  EXPECT_EQ(watched->status, 200);
  EXPECT_EQ(watched->body, "--selvedge-picture\r\n") << "there is none yet";
  const base::Bytes file = scene(20, 20);
  send_and_settle(file);
  sim.run_for(1s);
  const std::string part = "Content-Type: image/png\r\nContent-Length: " + std::to_string(file.size()) + "\r\n\r\n" +
                           std::string(base::as_text(file)) + "\r\n--selvedge-picture\r\n";
  EXPECT_EQ(watched->body, "--selvedge-picture\r\n" + part);
  EXPECT_EQ(fetch("GET", "/door/stream?annotated=x").status, 400);
}

TEST_F(CameraRoutesTest, TenWhoWatchHaveAPictureDrawnOnce) {
  start();
  load();
  std::vector<std::shared_ptr<Watched>> all;
  for (int i = 0; i < 10; ++i) all.push_back(watch());
  sim.run_for(1s);
  send_and_settle(scene(20, 20));
  sim.run_for(1s);
  for (const auto& one : all) {
    ASSERT_EQ(one->pictures.size(), 1u);
    EXPECT_EQ(one->pictures[0], all[0]->pictures[0]);
  }
}

TEST_F(CameraRoutesTest, ASlowClientSkipsPicturesAndTheOthersDoNot) {
  start();
  load();
  net::http::Client slow(sim.machine("slow"), {.timeout = 10min}, nullptr);
  sim.link("node", "slow").model.bytes_per_second = 100'000;
  const auto behind = watch("?annotated=false", &slow);
  const auto ahead = watch("?annotated=false");
  sim.run_for(1s);
  constexpr std::size_t count = 60;
  for (std::size_t i = 0; i < count; ++i) {
    base::Bytes file = scene(static_cast<int>(i), 20);
    file.resize(400'000, static_cast<std::uint8_t>(i));   // four seconds of its link; behind a PNG stands anything
    send(std::move(file));
    sim.run_for(500ms);
  }
  sim.run_for(5s);
  EXPECT_EQ(status().looked_at, count);
  const auto parts = [](const Watched& of) {
    std::size_t found = 0;
    for (std::size_t at = of.body.find("Content-Length"); at != std::string::npos; at = of.body.find("Content-Length", at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(parts(*ahead), count);
  EXPECT_GT(parts(*behind), 4u);
  EXPECT_LT(parts(*behind), 14u);
  // The last it gets is the last there is, as soon as there is room: nothing old lies on the way.
  sim.run_for(4s);
  EXPECT_NE(behind->body.find(std::string(1000, static_cast<char>(count - 1))), std::string::npos);
}

TEST_F(CameraRoutesTest, SoManyMayWatchAndOneWhoGoesMakesRoom) {
  start();
  load();
  std::vector<std::shared_ptr<Watched>> all;
  for (std::size_t i = 0; i < most_streams; ++i) all.push_back(watch());
  sim.run_for(1s);
  for (const auto& one : all) EXPECT_EQ(one->status, 200);
  const Fetched refused = fetch("GET", "/door/stream");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("retry-after"), "5");
  EXPECT_EQ(fetch("HEAD", "/door/picture").status, 404) << "others are not touched";
  all.back()->transfer.cancel();
  all.pop_back();
  sim.run_for(1s);
  all.push_back(watch());
  sim.run_for(1s);
  EXPECT_EQ(all.back()->status, 200);
  EXPECT_FALSE(all.back()->ended);
}

TEST_F(CameraRoutesTest, AClientThatIsGoneWithoutAWordMakesRoomToo) {
  start();
  load();
  send_and_settle(scene(20, 20));
  net::http::Client lost(sim.machine("lost"), {.timeout = 10min}, nullptr);
  std::vector<std::shared_ptr<Watched>> all;
  for (std::size_t i = 0; i < most_streams; ++i) all.push_back(watch("", &lost));
  sim.run_for(1s);
  EXPECT_EQ(fetch("GET", "/door/stream").status, 429);
  sim.link("node", "lost").cut(os::fake::Cut::silent);
  sim.run_for(20min);                              // TCP gives up after a quarter of an hour
  const auto next = watch();
  sim.run_for(1s);
  EXPECT_EQ(next->status, 200);
}

TEST_F(CameraRoutesTest, AClientMayGoWhileItsPictureIsDrawn) {
  start();
  load();
  const auto watched = watch();
  sim.run_for(1s);
  on_report = [&] { watched->transfer.cancel(); };
  send(scene(20, 20));
  sim.run_for(1s);
  on_report = nullptr;
  send(scene(20, 20));
  sim.run_for(1s);
  EXPECT_EQ(status().looked_at, 2u);
  EXPECT_TRUE(watched->pictures.empty());
}

TEST_F(CameraRoutesTest, ARequestBehindAStreamIsAnsweredWhenItsCameraIsGone) {
  load();
  start();
  std::string received;
  struct Events final : os::StreamEvents {
    explicit Events(std::string& to) : received(to) {}
    void on_bytes(os::Stream&, base::BytesView bytes) override { received += base::as_text(bytes); }
    void on_close(os::Stream&, const base::Error&) override {}
    std::string& received;
  } events(received);
  const auto stream = sim.machine("client").network().connect({"node", 80}, nullptr, 1min, events);
  const std::string head = " HTTP/1.1\r\nHost: node\r\n\r\n";
  sim.run_for(1s);
  stream->write(base::as_bytes("GET /api/v1/cameras/door/stream" + head + "GET /api/v1/cameras/door" + head));
  sim.run_for(1s);
  EXPECT_THAT(received, HasSubstr("200 OK"));
  camera.reset();
  sim.run_for(1s);
  EXPECT_THAT(received, HasSubstr("0\r\n\r\nHTTP/1.1 404"));
}

TEST_F(CameraRoutesTest, AServerThatClosesEndsItsStreams) {
  start();
  load();
  const auto watched = watch();
  sim.run_for(1s);
  bool closed = false;
  server.close([&] { closed = true; });
  sim.run_for(1s);
  EXPECT_TRUE(closed);
  EXPECT_TRUE(watched->ended);
  send_and_settle(scene(20, 20));
  EXPECT_EQ(status().looked_at, 1u);
}

}  // namespace
}  // namespace selvedge::camera
