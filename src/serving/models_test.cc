#include "serving/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fake/simulation.h"
#include "serving/models_fixture.h"

namespace selvedge::serving {
namespace {

using base::Code;
using base::Result;
using test::fake_model;
using testing::HasSubstr;

class ModelsTest : public testing::Test {
 protected:
  void start() { models.emplace(machine.loop(), config, metrics, test::fake_loader()); }

  void run_until(const std::function<bool()>& done) {
    ASSERT_TRUE(sim.run_until(done, std::chrono::minutes(1))) << "seed " << sim.seed();
  }
  // "" if it serves, else why not.
  std::string load(const std::string& name, std::uint64_t version, const std::string& spec = "") {
    if (!models) start();
    std::optional<Result<void>> outcome;
    models->load(fake_model(name, version, spec), [&](Result<void> ended) {
      EXPECT_FALSE(outcome) << "told twice";
      outcome = std::move(ended);
    });
    EXPECT_FALSE(outcome) << "told within the call";
    run_until([&] { return outcome.has_value(); });
    return !outcome ? "never" : *outcome ? "" : std::string(base::name(outcome->error().code)) + ": " + outcome->error().message;
  }
  void unload(const std::string& name, std::uint64_t version) {
    bool gone = false;
    models->unload({name, version}, [&] { gone = true; });
    run_until([&] { return gone; });
  }
  using Slot = std::shared_ptr<std::optional<Result<std::vector<infer::Tensor>>>>;
  Slot compute(const std::string& name, std::uint64_t version, float x) {
    const auto slot = std::make_shared<std::optional<Result<std::vector<infer::Tensor>>>>();
    const float numbers[2] = {x, 0};
    infer::Tensor tensor{infer::ElementType::float32, {1, 2}, base::Bytes(sizeof numbers)};
    std::memcpy(tensor.data.data(), numbers, sizeof numbers);
    models->compute(name, version, {tensor}, [slot](auto answer) { *slot = std::move(answer); });
    EXPECT_FALSE(slot->has_value()) << "told within the call";
    return slot;
  }
  float scale_of(const std::string& name, std::uint64_t version = 0) {
    const Slot slot = compute(name, version, 1);
    run_until([&] { return slot->has_value(); });
    EXPECT_TRUE(**slot) << (**slot).error().message;
    return **slot ? (***slot)[0].floats()[0] : -1;
  }
  ModelStatus status(const std::string& name, std::uint64_t version) {
    for (const ModelStatus& one : models->list())
      if (one.key == ModelKey{name, version}) return one;
    ADD_FAILURE() << "not listed";
    return {};
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& machine = sim.machine("node");
  base::Registry metrics;
  ModelsConfig config;
  std::optional<Models> models;
};

TEST_F(ModelsTest, LoadsAndAnswers) {
  EXPECT_EQ(load("net", 1, "scale=3"), "");
  EXPECT_EQ(scale_of("net"), 3);
  std::optional<Result<infer::Answer>> answer;
  models->look({.model = "net", .file = base::to_bytes("picture"), .options = {}}, [&](auto seen) { answer = std::move(seen); });
  run_until([&] { return answer.has_value(); });
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->detections.at(0).name, "cat");
  EXPECT_EQ(status("net", 1).state, ModelState::serving);
  EXPECT_EQ(status("net", 1).requests, 2u);
  EXPECT_TRUE(models->find("net"));
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_inference_requests_total{model=\"net\"} 2"));
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_inference_decode_seconds_count{model=\"net\"} 1"));
}

TEST_F(ModelsTest, TheNewestThatServesAnswersAndAnyCanBeNamed) {
  load("net", 1, "scale=1");
  load("net", 3, "scale=3");
  load("net", 2, "scale=2");
  EXPECT_EQ(scale_of("net"), 3);
  EXPECT_EQ(scale_of("net", 2), 2);
  unload("net", 3);
  EXPECT_EQ(scale_of("net"), 2);
  EXPECT_EQ(models->find("net", 3).error().code, Code::not_found);
}

TEST_F(ModelsTest, WhatFailsSaysWhyAndTheOneBeforeServesOn) {
  load("net", 1, "scale=1");
  EXPECT_THAT(load("net", 2, "read=corrupt"), HasSubstr("corrupt: load model net version 2: read package: the package is torn"));
  EXPECT_THAT(load("net", 3, "make=corrupt"), HasSubstr("it is no model"));
  EXPECT_THAT(load("net", 4, "make=unavailable"), HasSubstr("unavailable"));
  EXPECT_THAT(load("net", 5, "golden=cat sees=dog"), HasSubstr("conflict"));
  EXPECT_EQ(scale_of("net"), 1);
  EXPECT_EQ(status("net", 5).state, ModelState::failed);
  EXPECT_THAT(status("net", 5).reason, HasSubstr("expected cat"));
  EXPECT_EQ(load("net", 5, "golden=cat scale=5"), "") << "tried anew, it may come";
  EXPECT_EQ(scale_of("net"), 5);
}

TEST_F(ModelsTest, APackageThatCannotBeReadIsAFailedLoad) {
  start();
  std::optional<Result<void>> outcome;
  models->load({.key = {"net", 1}, .package = []() -> Result<base::Bytes> { return base::fail(Code::corrupt, "chunk 3 is damaged"); }},
               [&](Result<void> ended) { outcome = std::move(ended); });
  run_until([&] { return outcome.has_value(); });
  EXPECT_THAT(outcome->error().message, HasSubstr("chunk 3 is damaged"));
}

TEST_F(ModelsTest, BeyondTheMemoryBudgetALoadIsRefused) {
  config.memory = 20 << 20;
  EXPECT_EQ(load("small", 1, "size=1000000"), "");
  EXPECT_THAT(load("large", 1, "size=10000000"), HasSubstr("exhausted: load model large version 1: it needs"));
  EXPECT_EQ(scale_of("small"), 1);
  EXPECT_LE(models->memory(), config.memory);
  unload("small", 1);
  EXPECT_EQ(models->memory(), 0u);
}

TEST_F(ModelsTest, AFullQueueRefusesAndPicturesMayBeDropped) {
  config.queue = 2;
  config.workers = 1;
  machine.pool_delay = std::chrono::milliseconds(5);
  load("net", 1);
  std::vector<std::optional<Result<infer::Answer>>> answers(6);
  const auto look = [&](std::size_t i, Models::WhenFull full) {
    models->look({.model = "net", .file = base::to_bytes("p"), .options = {}, .when_full = full}, [&answers, i](auto seen) { answers[i] = std::move(seen); });
  };
  look(0, Models::WhenFull::refuse);
  look(1, Models::WhenFull::drop_oldest);
  look(2, Models::WhenFull::drop_oldest);
  look(3, Models::WhenFull::refuse);
  look(4, Models::WhenFull::drop_oldest);
  run_until([&] { return std::ranges::all_of(std::span(answers).first(5), [](const auto& a) { return a.has_value(); }); });
  EXPECT_TRUE(*answers[0]);
  EXPECT_EQ(answers[1]->error().code, Code::exhausted) << "the oldest goes for a newer one";
  EXPECT_TRUE(*answers[2]);
  EXPECT_EQ(answers[3]->error().code, Code::exhausted);
  EXPECT_TRUE(*answers[4]);
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_inference_dropped_total{model=\"net\"} 1"));
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_inference_refused_total{model=\"net\"} 1"));
}

TEST_F(ModelsTest, WhatIsUnloadedAnswersWhatItHas) {
  config.workers = 1;
  machine.pool_delay = std::chrono::milliseconds(5);
  load("net", 1, "scale=2");
  std::vector<Slot> slots;
  for (int i = 0; i < 20; ++i) slots.push_back(compute("net", 0, 1));
  bool gone = false;
  models->unload({"net", 1}, [&] {
    gone = true;
    for (const Slot& slot : slots) EXPECT_TRUE(slot->has_value()) << "after its last answer";
  });
  const Slot late = compute("net", 0, 1);
  run_until([&] { return gone && late->has_value(); });
  for (const Slot& slot : slots) EXPECT_TRUE(**slot);
  EXPECT_FALSE(**late);
  EXPECT_TRUE(models->list().empty());
}

TEST_F(ModelsTest, ARequestThatFailsIsCounted) {
  load("net", 1, "fails=1");
  const Slot slot = compute("net", 0, 1);
  run_until([&] { return slot->has_value(); });
  EXPECT_FALSE(**slot);
  EXPECT_EQ(status("net", 1).failures, 1u);
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_inference_failures_total{model=\"net\"} 1"));
  const Slot nobody = compute("other", 0, 1);
  run_until([&] { return nobody->has_value(); });
  EXPECT_EQ((**nobody).error().code, Code::not_found);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("model=\"other\""))) << "strangers make no metrics";
}

TEST_F(ModelsTest, NothingIsCalledOnceItHasGone) {
  load("net", 1);
  bool called = false;
  models->load(fake_model("net", 2, ""), [&](const Result<void>&) { called = true; });
  models->compute("net", 0, {}, [&](const auto&) { called = true; });
  models->compute("none", 0, {}, [&](const auto&) { called = true; });
  models->unload({"none", 1}, [&] { called = true; });
  models.reset();
  sim.run_for(std::chrono::seconds(10));
  EXPECT_FALSE(called);
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_model_memory_bytes 0"));
}

// Versions come, go and fail while requests run, on virtual time and in many orders: each request is
// answered once, and by a version that served when it came.
TEST(ModelsProperty, NoRequestFailsWhileVersionsChange) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    os::fake::Simulation sim(seed);
    os::fake::Machine& machine = sim.machine("node");
    machine.pool_delay = std::chrono::milliseconds(seed % 4);
    base::Registry metrics;
    ModelsConfig config;
    config.queue = 1'000;
    Models models(machine.loop(), config, metrics, test::fake_loader());
    bool first = false;
    models.load(fake_model("net", 1, "scale=1"), [&](const Result<void>& loaded) { first = loaded.has_value(); });
    ASSERT_TRUE(sim.run_until([&] { return first; }, std::chrono::minutes(1)));
    int answered = 0, failed = 0, asked = 0, swaps = 0;
    std::function<void(std::uint64_t)> next = [&](std::uint64_t version) {
      if (version > 30) return;
      const std::string spec = version % 5 == 0 ? "make=corrupt" : "scale=" + std::to_string(version);
      models.load(fake_model("net", version, spec), [&, version](const Result<void>& loaded) {
        ++swaps;
        if (loaded)
          for (const ModelStatus& status : models.list())
            if (status.key.version < version) models.unload(status.key, [] {});
        next(version + 1);
      });
    };
    next(2);
    const infer::Tensor one{infer::ElementType::float32, {1, 2}, base::Bytes(8)};
    const std::function<void()> ask = [&] {
      for (int i = 0; i < 3; ++i) {
        ++asked;
        models.compute("net", 0, {one}, [&](const auto& answer) { ++(answer ? answered : failed); });
      }
      if (swaps < 29) machine.loop().after(std::chrono::microseconds(300), ask);
    };
    ask();
    ASSERT_TRUE(sim.run_until([&] { return swaps == 29 && answered + failed == asked; }, std::chrono::minutes(1)));
    EXPECT_EQ(failed, 0) << "seed " << seed;
    EXPECT_EQ(models.resolve("net")->version, 29u);
  }
}

}  // namespace
}  // namespace selvedge::serving
