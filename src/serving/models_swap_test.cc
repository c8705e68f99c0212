// Models on the real loop and its threads: swaps under load.

#include <gtest/gtest.h>

#include "os/world.h"
#include "serving/models_fixture.h"

namespace selvedge::serving {
namespace {

using base::Result;

TEST(ModelsSwap, UnderLoadNoRequestFailsAndAnswersNeverGoBack) {
  const auto world = std::move(os::RealWorld::create().value());
  base::Registry metrics;
  ModelsConfig config;
  config.workers = 3;
  Models models(world->loop(), config, metrics, test::fake_loader());
  constexpr std::uint64_t last = 25;
  int asked = 0, failed = 0, running = 0;
  std::uint64_t serving = 0;
  const auto stop_if_done = [&] {
    if (serving == last && running == 0) world->stop();
  };
  std::function<void()> ask = [&] {
    ++asked;
    ++running;
    infer::Tensor tensor{infer::ElementType::float32, {1, 2}, base::Bytes(8)};
    const float number = 1;
    std::memcpy(tensor.data.data(), &number, sizeof number);
    models.compute("net", 0, {tensor}, [&, least = serving](const Result<std::vector<infer::Tensor>>& answer) {
      --running;
      if (!answer) ++failed;
      else EXPECT_GE((*answer)[0].floats()[0], static_cast<float>(least));
      if (serving < last) ask();
      stop_if_done();
    });
  };
  std::function<void(std::uint64_t)> swap = [&](std::uint64_t version) {
    models.load(test::fake_model("net", version, "golden=cat size=100000 scale=" + std::to_string(version)),
                [&, version](const Result<void>& loaded) {
                  ASSERT_TRUE(loaded) << loaded.error().message;
                  serving = version;
                  if (version > 1) models.unload({"net", version - 1}, [] {});
                  else
                    for (int i = 0; i < 12; ++i) ask();
                  if (version < last) swap(version + 1);
                  stop_if_done();
                });
  };
  swap(1);
  world->run({});
  EXPECT_EQ(failed, 0);
  EXPECT_GT(asked, 12);
  EXPECT_EQ(models.list().size(), 1u);
}

}  // namespace
}  // namespace selvedge::serving
