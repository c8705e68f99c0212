// For tests: a camera on a fake machine, with models that are no models (serving/models_fixture.h) and say which part
// of a picture they were shown.

#pragma once

#include <gtest/gtest.h>

#include "camera/camera.h"
#include "codec/image/image.h"
#include "os/fake/simulation.h"
#include "serving/models_fixture.h"

namespace selvedge::camera::test {

using namespace std::chrono_literals;

// What the models were asked, by whatever job asked them; the fake pool runs on the test's thread.
struct Asked {
  std::vector<infer::RunOptions> options;
  std::function<void()> while_looking;             // called by the next look, on the pool
};

class WatchedPipeline final : public infer::Pipeline {
 public:
  WatchedPipeline(std::shared_ptr<const infer::Pipeline> inner, std::shared_ptr<Asked> asked)
      : inner_(std::move(inner)), asked_(std::move(asked)) {}
  const infer::Description& description() const override { return inner_->description(); }
  const infer::Session& session() const override { return inner_->session(); }
  base::Result<infer::Answer> run(base::BytesView file, const infer::RunOptions& options) const override {
    asked_->options.push_back(options);
    if (const auto call = std::exchange(asked_->while_looking, nullptr)) call();
    return inner_->run(file, options);
  }
  base::Result<infer::Answer> run(const codec::Image& image, const infer::RunOptions& options) const override {
    return inner_->run(image, options);
  }

 private:
  std::shared_ptr<const infer::Pipeline> inner_;
  std::shared_ptr<Asked> asked_;
};

inline serving::ModelLoader watched_loader(std::shared_ptr<Asked> asked) {
  serving::ModelLoader loader = serving::test::fake_loader();
  loader.make = [make = loader.make, asked](const infer::ModelPackage& package, const infer::SessionOptions& options)
      -> base::Result<std::shared_ptr<const infer::Pipeline>> {
    return std::make_shared<WatchedPipeline>(TRY(make(package, options)), asked);
  };
  return loader;
}

// Grey, with a white square whose left upper corner is there.
inline base::Bytes scene(int x, int y, int width = 320, int height = 240) {
  codec::Image image{width, height, base::Bytes(std::size_t(width) * std::size_t(height) * 3, 90)};
  for (int row = y; row < std::min(y + 40, height); ++row)
    for (int column = x; column < std::min(x + 40, width); ++column)
      for (int c = 0; c < 3; ++c) image.row(row)[column * 3 + c] = 250;
  return codec::encode_png(image).value();
}

struct FakeSource final : Source {
  void start() override { ++started; }
  void room() override {
    ++rooms;
    if (on_room) on_room();
  }
  SourceStatus status() const override { return {SourceStatus::State::failing, "it is dark", 5, 1, 2}; }

  int started = 0, rooms = 0;
  std::function<void()> on_room;
};

class CameraFixture : public testing::Test {
 protected:
  CameraFixture() {
    options.name = "door";
    options.model = "net";
  }

  void start() {
    camera = std::make_unique<Camera>(machine, models, metrics, options, [this](const Look& look) {
      answers.push_back(look.answer);
      reports.push_back(look.report);
      taken.push_back(look.taken);
      keys.push_back(look.model);
      if (on_report) on_report();
    });
  }
  void load(std::uint64_t version = 1, const std::string& spec = "") {
    bool ended = false;
    models.load(serving::test::fake_model("net", version, spec), [&](const base::Result<void>& done) {
      EXPECT_TRUE(done);
      ended = true;
    });
    ASSERT_TRUE(sim.run_until([&] { return ended; }, 1min));
  }
  void unload(std::uint64_t version = 1) {
    bool gone = false;
    models.unload({"net", version}, [&] { gone = true; });
    ASSERT_TRUE(sim.run_until([&] { return gone; }, 1min));
  }
  void send(base::Bytes file) { camera->picture(std::move(file), machine.wall_now()); }
  void send(std::string_view text = "picture") { send(base::to_bytes(text)); }
  void send_and_settle(base::Bytes file) {
    send(std::move(file));
    sim.run_for(50ms);
  }
  // What became of one that is sent, once that is known.
  std::shared_ptr<std::optional<Outcome>> sent(base::Bytes file) {
    auto slot = std::make_shared<std::optional<Outcome>>();
    camera->sent(std::move(file), [slot](const Outcome& outcome) {
      EXPECT_FALSE(*slot) << "told twice";
      *slot = outcome;
    });
    EXPECT_FALSE(*slot) << "told within the call";
    return slot;
  }
  CameraStatus status() const { return camera->status(); }

  os::fake::Simulation sim{7};
  os::fake::Machine& machine = sim.machine("node");
  base::Registry metrics;
  std::shared_ptr<Asked> asked = std::make_shared<Asked>();
  serving::Models models{machine.loop(), {}, metrics, watched_loader(asked)};
  CameraOptions options;
  std::vector<infer::Answer> answers;
  std::vector<engine::CountReport::Report> reports;
  std::vector<base::Time> taken;
  std::vector<serving::ModelKey> keys;
  std::function<void()> on_report;
  std::unique_ptr<Camera> camera;
};

}  // namespace selvedge::camera::test
