#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "camera/source_for_test.h"
#include "codec/mjpeg/stream_writer.h"
#include "net/http/test_world.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using net::http::test::TestWorld;
using net::http::test::Wire;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using State = SourceStatus::State;

std::string head(std::string_view content_type, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(content_type) + "\r\n" + std::string(more) + "\r\n";
}
std::string parts_head() { return head(codec::mjpeg::stream_content_type); }

struct StreamSource : testing::Test {
  TestWorld world;
  const std::string jpeg = jpeg_for_test();
  Taker taker;
  std::unique_ptr<Source> source;

  std::string part() {
    base::Bytes bytes;
    codec::mjpeg::append_part(bytes, base::as_bytes(jpeg));
    return std::string(base::as_text(bytes));
  }
  void start(StreamOptions options = {.url = "http://camera/video", .authorization = ""}) {
    source = stream_source(world, std::move(options), nullptr, taker);
    source->start();
    EXPECT_THAT(world.dialed, IsEmpty());          // nothing within start()
    world.advance(1ms);
  }
  // The newest connection, open and asked.
  Wire& answer(std::string_view bytes = "") {
    Wire& wire = *world.dialed.back();
    wire.open();
    wire.receive(bytes);
    return wire;
  }
  // The next connection after a pause.
  Wire& next() {
    const std::size_t before = world.dialed.size();
    for (int i = 0; i < 700 && world.dialed.size() == before; ++i) world.advance(100ms);
    EXPECT_EQ(world.dialed.size(), before + 1);
    return answer();
  }
  void expect_failing(std::string_view why) {
    EXPECT_EQ(source->status().state, State::failing);
    EXPECT_THAT(source->status().reason, HasSubstr(std::string(why)));
  }
};

TEST_F(StreamSource, TakesThePicturesOfAMultipartStream) {
  start({.url = "http://camera/video", .authorization = "Basic eDp5"});
  Wire& wire = answer();
  EXPECT_THAT(wire.sent, StartsWith("GET /video HTTP/1.1\r\n"));
  EXPECT_THAT(wire.sent, HasSubstr("uthorization: Basic eDp5\r\n"));
  EXPECT_EQ(source->status().state, State::starting);
  wire.receive(parts_head() + part());
  EXPECT_EQ(source->status().state, State::receiving);
  wire.receive(part() + part());
  EXPECT_TRUE(taker.pictures == std::vector<std::string>(3, jpeg));
  EXPECT_EQ(source->status().pictures, 3U);
  EXPECT_EQ(source->status().attempts, 1U);
  EXPECT_EQ(taker.taken[0], world.wall_now());
}

TEST_F(StreamSource, TakesOnePictureAfterTheOther) {
  for (const char* type : {"video/x-motion-jpeg", "application/octet-stream", "Video/X-Motion-JPEG; rate=5"}) {
    start();
    answer(head(type) + jpeg + jpeg);
    EXPECT_THAT(taker.pictures, SizeIs(2)) << type;
    taker.pictures.clear();
    source.reset();
    world.dialed.clear();
  }
  start();
  answer("HTTP/1.0 200 OK\r\n\r\n" + jpeg);        // says nothing of its type
  EXPECT_THAT(taker.pictures, SizeIs(1));
}

TEST_F(StreamSource, AChunkedStreamInPiecesOfOneByteIsTheSame) {
  start();
  Wire& wire = answer();
  const std::string body = part() + part();
  std::string bytes = head(codec::mjpeg::stream_content_type, "Transfer-Encoding: chunked\r\n");
  for (std::size_t i = 0; i < body.size(); i += 7) {
    const std::string piece = body.substr(i, 7);
    bytes += std::to_string(piece.size()) + "\r\n" + piece + "\r\n";
  }
  for (const char byte : bytes) wire.receive({&byte, 1});
  EXPECT_TRUE(taker.pictures == std::vector<std::string>(2, jpeg));
  EXPECT_EQ(source->status().broken, 0U);
}

TEST_F(StreamSource, CutAtAnyByteItKeepsWhatWasWholeAndComesBack) {
  const std::string body = part() + part() + codec::mjpeg::stream_end(), bytes = parts_head() + body;
  const std::size_t first = bytes.find(jpeg), second = bytes.rfind(jpeg);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    TestWorld own;
    Taker taken;
    const auto one = stream_source(own, {.url = "http://camera/video", .authorization = ""}, nullptr, taken);
    one->start();
    own.advance(1ms);
    own.dialed[0]->open();
    own.dialed[0]->receive(std::string_view(bytes).substr(0, cut));
    own.dialed[0]->close();
    const std::size_t whole = (cut >= first + jpeg.size()) + (cut >= second + jpeg.size());
    const bool within = (cut >= first + 2 && cut < first + jpeg.size()) || (cut >= second + 2 && cut < second + jpeg.size());
    ASSERT_TRUE(taken.pictures == std::vector<std::string>(whole, jpeg)) << cut;
    ASSERT_EQ(one->status().broken, within ? 1U : 0U) << cut;
    ASSERT_EQ(one->status().state, State::failing) << cut;
    own.advance(1s);                               // the first pause is shorter
    ASSERT_EQ(own.dialed.size(), 2U) << cut;
    own.dialed[1]->open();
    own.dialed[1]->receive(bytes.substr(0, second));
    ASSERT_EQ(taken.pictures.size(), whole + 1) << cut;
    ASSERT_EQ(one->status().state, State::receiving) << cut;
  }
}

TEST_F(StreamSource, ItsEndIsAFailureEvenIfTheConnectionStays) {
  start();
  Wire& wire = answer(parts_head() + part() + codec::mjpeg::stream_end());
  expect_failing("GET http://camera/video: the stream ended");
  EXPECT_TRUE(wire.gone);
  next().receive(parts_head() + part());
  EXPECT_THAT(taker.pictures, SizeIs(2));
}

TEST_F(StreamSource, WhatIsNoStreamOfPicturesSaysWhy) {
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "HTTP status 401: it wants other credentials"},
      {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"},
      {"HTTP/1.1 302 Found\r\nLocation: https://u:secret@other/v?pwd=secret\r\n\r\n", "it is elsewhere now, at https://other/v"},
      {"HTTP/1.1 204 No\r\nContent-Type: image/jpeg\r\n\r\n", "HTTP status 204"},
      {head("text/html") + "<html>", "\"text/html\", which is neither"},
      {head("multipart/form-data; boundary=x"), "\"multipart/form-data\", which is neither"},
      {head("image/jpeg", "Content-Length: 4\r\n") + "\xFF\xD9zz", "no picture, though it says it is"},
      {head("image/jpeg", "Content-Length: 0\r\n"), "no picture, though it says it is"},
      {head("image/jpeg", "Content-Length: 100\r\n") + jpeg.substr(0, 50), ""},   // half-open, see below
      {"\x15\x03\x01 garbage\r\n\r\n", "malformed"},
  };
  for (const auto& [bytes, why] : cases) {
    start();
    Wire& wire = answer(bytes);
    if (why.empty()) wire.close();
    expect_failing(why.empty() ? "the response is cut short" : why);
    EXPECT_THAT(source->status().reason, Not(HasSubstr("secret")));
    EXPECT_THAT(taker.pictures, IsEmpty());
    source.reset();
    world.dialed.clear();
  }
}

TEST_F(StreamSource, PausesGrowUntilPicturesCome) {
  start();
  base::Instant before = world.now();
  answer().close();
  base::Duration longest{};
  for (int i = 0; i < 20; ++i) {
    Wire& wire = next();
    longest = std::max(longest, world.now() - before);
    before = world.now();
    wire.receive(parts_head());                    // an answer alone is no success
    wire.close();
  }
  EXPECT_GT(longest, 20s);
  EXPECT_LE(longest, 61s);
  next().receive(parts_head() + part());
  world.dialed.back()->close();
  before = world.now();
  next();
  EXPECT_LE(world.now() - before, 1100ms);
}

TEST_F(StreamSource, SilenceEndsAHalfOpenConnection) {
  start();
  Wire& wire = answer(parts_head() + part());
  world.advance(14s);
  wire.receive(part());
  world.advance(14s);
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_FALSE(wire.gone);
  world.advance(1100ms);
  EXPECT_TRUE(wire.gone);
  expect_failing("no picture for 15s");
  next().receive(parts_head() + part());
  EXPECT_THAT(taker.pictures, SizeIs(3));
}

TEST_F(StreamSource, ItIsPicturesThatBreakTheSilence) {
  const std::string trickles[] = {std::string(1, 'x'), "--selvedge-picture\r\nContent-Type: text/plain\r\n\r\nno\r\n"};
  for (const std::string& bytes : trickles) {
    start();
    Wire& wire = answer(parts_head() + part());
    for (int i = 0; i < 29; ++i) {
      world.advance(500ms);
      wire.receive(bytes);
    }
    EXPECT_FALSE(wire.gone);
    world.advance(600ms);
    EXPECT_TRUE(wire.gone);
    expect_failing("no picture for 15s");
    source.reset();
    world.dialed.clear();
  }
}

TEST_F(StreamSource, AHeadWithoutEndIsGivenUp) {
  start();
  Wire& slow = answer("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 16 && !slow.gone; ++i) {     // one header a second
    world.advance(1s);
    slow.receive("X: y\r\n");
  }
  EXPECT_TRUE(slow.gone);
  expect_failing("no picture for 15s");
  Wire& fast = next();
  fast.receive("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 10'000 && !fast.gone; ++i) fast.receive("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
  EXPECT_TRUE(fast.gone);
  expect_failing("GET http://camera/video: ");
}

TEST_F(StreamSource, GarbageAndPicturesThatAreTooLargeAreLeftOut) {
  start();
  Wire& wire = answer(head("video/x-motion-jpeg"));
  wire.receive("garbage \xFF\xFF" + jpeg + "garbage" + jpeg.substr(0, jpeg.size() - 10) + jpeg);
  EXPECT_TRUE(taker.pictures == std::vector<std::string>(2, jpeg));
  EXPECT_EQ(source->status().broken, 1U);
  // A picture whose scan goes on.
  wire.receive(std::string_view("\xFF\xD8\xFF\xDA\x00\x02", 6));
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 9; ++i) wire.receive(much);
  EXPECT_EQ(source->status().broken, 2U);
  wire.receive("\xFF\xD9" + jpeg);
  EXPECT_TRUE(taker.pictures == std::vector<std::string>(3, jpeg));
  EXPECT_EQ(source->status().state, State::receiving);
}

TEST_F(StreamSource, WhatIsBrokenIsCountedInEachConnection) {
  start();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    Wire& wire = i == 1 ? answer() : next();
    wire.receive(head("video/x-motion-jpeg") + jpeg.substr(0, jpeg.size() - 10) + jpeg);
    EXPECT_EQ(source->status().broken, i);
    wire.close();
    EXPECT_EQ(source->status().broken, i);
  }
}

TEST_F(StreamSource, AFullSinkIsOfferedEveryPicture) {
  taker.room = 0;
  start();
  Wire& wire = answer(parts_head() + part() + part());
  EXPECT_THAT(taker.pictures, SizeIs(2));
  EXPECT_FALSE(wire.paused);
}

TEST_F(StreamSource, AnAddressThatAnswersWithOnePictureIsAskedAgain) {
  start({.url = "http://camera/snapshot.jpg", .authorization = "", .every = 5s});
  Wire& wire = answer();
  const std::string snapshot = head("image/jpeg", "Content-Length: " + std::to_string(jpeg.size()) + "\r\n") + jpeg;
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_THAT(wire.take(), StartsWith("GET /snapshot.jpg "));
    world.advance(1s);
    wire.receive(snapshot);
    EXPECT_EQ(taker.pictures.size(), i);
    world.advance(3800ms);
    EXPECT_EQ(wire.sent, "");                      // not before 5 s after it was asked the last time
    world.advance(200ms);
  }
  EXPECT_THAT(world.dialed, SizeIs(1));            // kept
  EXPECT_EQ(source->status().attempts, 11U);
  EXPECT_EQ(source->status().state, State::receiving);
}

TEST_F(StreamSource, SeldomPicturesAreNoSilence) {
  start({.url = "http://camera/snapshot.jpg", .authorization = "", .every = 10min});
  answer(head("image/jpeg", "Content-Length: " + std::to_string(jpeg.size()) + "\r\n") + jpeg);
  world.advance(9min);
  EXPECT_EQ(source->status().state, State::receiving);
  EXPECT_EQ(source->status().attempts, 1U);
  world.advance(61s);
  EXPECT_EQ(source->status().attempts, 2U);
  world.advance(16s);                              // and no answer
  expect_failing("15s");
}

TEST_F(StreamSource, ASinglePictureThatIsTooLargeIsNotGathered) {
  start();
  Wire& wire = answer(head("image/jpeg"));
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 9; ++i) wire.receive(much);
  EXPECT_TRUE(wire.gone);
  expect_failing("larger than 8 MiB");
  EXPECT_EQ(source->status().broken, 1U);
}

TEST_F(StreamSource, PasswordsInTheAddressAreNotShown) {
  for (const char* url : {"http://camera/video?user=me&pwd=secret", "http://me:secret@camera/video", "ftp://me:secret@camera/x?secret",
                          "https://camera/video?pwd=secret"}) {
    source = stream_source(world, {.url = url, .authorization = "Basic secret"}, nullptr, taker);
    source->start();
    world.advance(1ms);
    if (!world.dialed.empty()) world.dialed.back()->close();
    EXPECT_EQ(source->status().state, State::failing) << url;
    EXPECT_THAT(source->status().reason, HasSubstr("://camera/")) << url;
    EXPECT_THAT(source->status().reason, Not(HasSubstr("secret"))) << url;
    source.reset();
    world.dialed.clear();
  }
}

TEST_F(StreamSource, MayBeDestroyedWithinPicture) {
  for (const std::string& bytes : {parts_head() + part() + part(), head("video/x-motion-jpeg") + jpeg + jpeg,
                                   head("image/jpeg", "Content-Length: " + std::to_string(jpeg.size()) + "\r\n") + jpeg,
                                   head("image/jpeg") + jpeg}) {
    start();
    taker.within = [&] { source.reset(); };
    Wire& wire = answer(bytes);
    wire.close();                                  // the end of the last one's picture
    EXPECT_EQ(source, nullptr);
    EXPECT_TRUE(wire.gone);
    EXPECT_THAT(taker.pictures, SizeIs(1));
    world.advance(1h);
    EXPECT_THAT(world.dialed, SizeIs(1));
    taker.pictures.clear();
    world.dialed.clear();
  }
}

TEST_F(StreamSource, DestroyedAtAnyOtherTimeItLeavesNothingBehind) {
  for (int stage = 0; stage < 5; ++stage) {
    source = stream_source(world, {.url = "http://camera/video", .authorization = ""}, nullptr, taker);
    source->start();
    if (stage > 0) world.advance(1ms);
    if (stage > 1) answer();
    if (stage > 2) world.dialed.back()->receive(parts_head() + part().substr(0, 100));
    if (stage > 3) world.dialed.back()->close();
    source.reset();
    world.advance(1h);
    EXPECT_LE(world.dialed.size(), 1U) << stage;
    EXPECT_EQ(world.timers(), 0U) << stage;
    world.dialed.clear();
  }
}

}  // namespace
}  // namespace selvedge::camera
