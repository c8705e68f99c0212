// The last picture of a camera with what was found drawn on it.

#include <gmock/gmock.h>

#include "camera/camera_fixture.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using base::Code;
using test::scene;
using testing::HasSubstr;

class DrawingTest : public test::CameraFixture {};

TEST_F(DrawingTest, ThePictureIsDrawnOnOnceForAllWhoAsk) {
  load();
  start();
  std::vector<base::Result<Camera::Drawn>> drawn;
  const auto keep = [&](const base::Result<Camera::Drawn>& one) { drawn.push_back(one); };
  camera->drawn(keep);
  EXPECT_TRUE(drawn.empty()) << "told within the call";
  sim.run_for(50ms);
  ASSERT_EQ(drawn.size(), 1u);
  EXPECT_EQ(drawn[0].error().code, Code::not_found);
  send_and_settle(scene(20, 20));
  drawn.clear();
  for (int i = 0; i < 10; ++i) camera->drawn(keep);
  sim.run_for(50ms);
  camera->drawn(keep);
  sim.run_for(50ms);
  ASSERT_EQ(drawn.size(), 11u);
  for (const auto& one : drawn) {
    ASSERT_TRUE(one);
    EXPECT_EQ(one->jpeg, drawn[0]->jpeg) << "the same bytes, not drawn again";
    EXPECT_EQ(one->taken, camera->last()->taken);
  }
  const auto image = codec::decode(*drawn[0]->jpeg);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->format, codec::ImageFormat::jpeg);
  // The left side of the box, at a quarter, is no longer grey.
  const std::uint8_t* side = image->image.row(120) + 80 * 3;
  EXPECT_GT(std::max({side[0], side[1], side[2]}) - std::min({side[0], side[1], side[2]}), 20);
}

TEST_F(DrawingTest, WhoAsksWhileAnOlderOneIsDrawnGetsTheNewer) {
  load();
  start();
  machine.pool_delay = 100ms;
  int overtaken = 0;                               // the drawing of the older one, by the look at the newer
  for (int round = 0; round < 30; ++round) {
    on_report = nullptr;
    send(scene(20, 20));
    sim.run_for(1s);
    const base::Time older = camera->last()->taken;
    std::vector<base::Time> times;
    const auto keep = [&](const base::Result<Camera::Drawn>& drawn) { times.push_back(drawn->taken); };
    asked->while_looking = [&] { camera->drawn(keep); };
    on_report = [&] {
      if (times.empty()) ++overtaken;
      camera->drawn(keep);
      camera->drawn(keep);
    };
    send(scene(100, 20));
    sim.run_for(1s);
    ASSERT_EQ(times.size(), 3u);
    EXPECT_EQ(times[0], older);
    EXPECT_EQ(times[1], camera->last()->taken);
    EXPECT_EQ(times[2], times[1]);
    EXPECT_GT(times[1], older);
  }
  EXPECT_GT(overtaken, 0);
}

TEST_F(DrawingTest, APictureThatCannotBeDrawnOnSaysSo) {
  load();
  start();
  send_and_settle(base::to_bytes("no picture"));   // which this model does not mind
  std::optional<base::Result<Camera::Drawn>> drawn;
  camera->drawn([&](const auto& one) { drawn = one; });
  sim.run_for(50ms);
  ASSERT_TRUE(drawn && !*drawn);
  EXPECT_THAT(drawn->error().message, HasSubstr("draw on a picture"));
}

TEST(Annotated, DrawsClassesAndMasksToo) {
  const base::Bytes file = scene(400, 400);
  infer::Answer answer;
  const auto plain = codec::decode(annotated(file, answer).value())->image;
  answer.ranked.push_back({1, "cat", 0.5F});
  const auto classes = codec::decode(annotated(file, answer).value())->image;
  EXPECT_NE(classes.pixels, plain.pixels);
  answer.ranked.clear();
  answer.mask = infer::Mask{2, 1, {0, 1}};
  const auto masked = codec::decode(annotated(file, answer).value())->image;
  EXPECT_NE(masked.pixels, plain.pixels);
  EXPECT_FALSE(annotated(base::as_bytes("garbage"), answer));
}

}  // namespace
}  // namespace selvedge::camera
