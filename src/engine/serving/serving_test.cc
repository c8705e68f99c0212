#include "engine/serving/serving.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace selvedge::engine {
namespace {

using base::Code;
using namespace std::chrono_literals;

class ServingTest : public testing::Test {
 protected:
  ServingTest() { limits.memory = 100; limits.queue = 3; limits.workers = 2; }

  std::vector<ServingOutput> step(const ServingInput& input) {
    if (!serving) serving.emplace(limits);
    std::vector<ServingOutput> out;
    serving->step(input, now, out);
    return out;
  }
  // Loads a version to the end.
  void serve(const std::string& name, std::uint64_t version, std::uint64_t memory = 10) {
    step(LoadVersion{{name, version}});
    step(VersionRead{{name, version}, memory, {}});
    step(VersionMade{{name, version}, memory, {}});
  }
  std::vector<ServingOutput> ask(std::uint64_t request, const std::string& name, std::uint64_t version = 0,
                                 AskVersion::WhenFull full = AskVersion::WhenFull::refuse) {
    return step(AskVersion{request, name, version, full});
  }
  template <typename T>
  static std::vector<T> only(const std::vector<ServingOutput>& out) {
    std::vector<T> found;
    for (const auto& o : out)
      if (const T* it = std::get_if<T>(&o)) found.push_back(*it);
    return found;
  }
  ServingState state(const std::string& name, std::uint64_t version) {
    for (const auto& s : serving->list())
      if (s.key == ServingKey{name, version}) return s.state;
    ADD_FAILURE() << "not known";
    return ServingState::failed;
  }

  ServingLimits limits;
  std::optional<Serving> serving;
  base::Instant now{1'000};
};

TEST_F(ServingTest, ServesOnlyWhatWasReadAndMade) {
  EXPECT_EQ(only<ReadVersion>(step(LoadVersion{{"cat", 1}})).size(), 1u);
  EXPECT_EQ(serving->resolve("cat", 0).error().code, Code::unavailable);
  EXPECT_EQ(only<MakeVersion>(step(VersionRead{{"cat", 1}, 10, {}})).size(), 1u);
  EXPECT_EQ(only<RefuseRequest>(ask(1, "cat")).at(0).why.code, Code::unavailable);
  const auto ended = only<LoadEnded>(step(VersionMade{{"cat", 1}, 12, {}}));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_FALSE(ended[0].failed);
  EXPECT_EQ(serving->memory(), 12u);
  EXPECT_EQ(only<RunRequest>(ask(2, "cat")).size(), 1u);
}

TEST_F(ServingTest, GivesTheNewestVersionThatServes) {
  serve("cat", 1);
  serve("cat", 2);
  step(LoadVersion{{"cat", 3}});
  EXPECT_EQ(serving->resolve("cat", 0)->version, 2u);
  EXPECT_EQ(serving->resolve("cat", 1)->version, 1u);
  EXPECT_EQ(serving->resolve("cat", 3).error().code, Code::unavailable);
  EXPECT_EQ(serving->resolve("cat", 9).error().code, Code::not_found);
  EXPECT_EQ(serving->resolve("ca", 0).error().code, Code::not_found);
  EXPECT_EQ(serving->resolve("dog", 0).error().code, Code::not_found);
}

TEST_F(ServingTest, AVersionThatFailsLeavesTheOneBefore) {
  serve("cat", 1);
  for (const bool at_read : {true, false}) {
    step(LoadVersion{{"cat", 2}});
    auto out = step(VersionRead{{"cat", 2}, 10, at_read ? std::optional(base::Error{Code::corrupt, "torn"}) : std::nullopt});
    if (!at_read) out = step(VersionMade{{"cat", 2}, 0, base::Error{Code::conflict, "golden"}});
    EXPECT_TRUE(only<LoadEnded>(out).at(0).failed);
    EXPECT_EQ(only<VersionGone>(out).size(), 1u);
    EXPECT_EQ(serving->resolve("cat", 0)->version, 1u);
    EXPECT_EQ(serving->memory(), 10u);
    EXPECT_NE(serving->resolve("cat", 2).error().message.find(at_read ? "torn" : "golden"), std::string::npos);
  }
  serve("cat", 2);
  EXPECT_EQ(serving->resolve("cat", 0)->version, 2u) << "a failed one may be loaded again";
}

TEST_F(ServingTest, RefusesWhatDoesNotFitAndSaysWhatThereIs) {
  serve("cat", 1, 70);
  step(LoadVersion{{"dog", 1}});
  const auto ended = only<LoadEnded>(step(VersionRead{{"dog", 1}, 31, {}}));
  ASSERT_TRUE(ended.at(0).failed);
  EXPECT_EQ(ended[0].failed->code, Code::exhausted);
  EXPECT_NE(ended[0].failed->message.find("it needs 31"), std::string::npos) << ended[0].failed->message;
  EXPECT_NE(ended[0].failed->message.find("cat 1 has 70"), std::string::npos);
  EXPECT_EQ(serving->memory(), 70u);
  step(LoadVersion{{"ant", 1}});
  EXPECT_TRUE(only<LoadEnded>(step(VersionRead{{"ant", 1}, UINT64_MAX, {}})).at(0).failed) << "no wrap";
  step(UnloadVersion{{"cat", 1}});
  serve("dog", 1, 31);
  EXPECT_EQ(state("dog", 1), ServingState::serving);
}

TEST_F(ServingTest, AnUnloadedVersionAnswersWhatItHasAndThenGoes) {
  limits.workers = 1;
  serve("cat", 1);
  ask(1, "cat");
  ask(2, "cat");
  serve("cat", 2);
  EXPECT_TRUE(only<VersionGone>(step(UnloadVersion{{"cat", 1}})).empty());
  EXPECT_EQ(state("cat", 1), ServingState::leaving);
  EXPECT_EQ(serving->resolve("cat", 1).error().code, Code::unavailable);
  ask(3, "cat");
  auto out = step(RequestDone{1});
  EXPECT_EQ(only<RunRequest>(out).size(), 1u);
  EXPECT_TRUE(only<VersionGone>(out).empty());
  std::set<std::uint64_t> ran;
  for (const auto& run : only<RunRequest>(out)) ran.insert(run.request);
  bool gone = false;
  for (int i = 0; i < 2 && !ran.empty(); ++i) {
    const std::uint64_t now_running = *ran.begin();
    ran.clear();
    out = step(RequestDone{now_running});
    gone |= !only<VersionGone>(out).empty() && !only<UnloadEnded>(out).empty();
    for (const auto& run : only<RunRequest>(out)) ran.insert(run.request);
  }
  EXPECT_TRUE(gone);
  EXPECT_EQ(serving->list().size(), 1u);
}

TEST_F(ServingTest, WhatIsUnloadedWhileItLoadsNeverServes) {
  for (const bool at_read : {true, false}) {
    step(LoadVersion{{"cat", 1}});
    if (!at_read) step(VersionRead{{"cat", 1}, 10, {}});
    EXPECT_TRUE(step(UnloadVersion{{"cat", 1}}).empty());
    const auto out = at_read ? step(VersionRead{{"cat", 1}, 10, {}}) : step(VersionMade{{"cat", 1}, 10, {}});
    EXPECT_EQ(only<LoadEnded>(out).at(0).failed->code, Code::conflict);
    EXPECT_EQ(only<VersionGone>(out).size(), 1u);
    EXPECT_EQ(only<UnloadEnded>(out).size(), 1u);
    EXPECT_TRUE(serving->list().empty());
    EXPECT_EQ(serving->memory(), 0u);
  }
}

TEST_F(ServingTest, LoadedAgainBeforeItHasGoneItStays) {
  step(LoadVersion{{"cat", 1}});
  step(UnloadVersion{{"cat", 1}});
  EXPECT_EQ(only<UnloadEnded>(step(LoadVersion{{"cat", 1}})).size(), 1u);
  step(VersionRead{{"cat", 1}, 10, {}});
  EXPECT_EQ(only<LoadEnded>(step(VersionMade{{"cat", 1}, 10, {}})).size(), 2u) << "each load is answered";
  ask(1, "cat");
  step(UnloadVersion{{"cat", 1}});
  const auto out = step(LoadVersion{{"cat", 1}});
  EXPECT_EQ(only<UnloadEnded>(out).size(), 1u);
  EXPECT_TRUE(only<VersionGone>(out).empty());
  EXPECT_FALSE(only<LoadEnded>(out).at(0).failed);
  EXPECT_TRUE(only<VersionGone>(step(RequestDone{1})).empty());
  EXPECT_EQ(state("cat", 1), ServingState::serving);
}

TEST_F(ServingTest, AFullQueueRefusesOrDropsTheOldest) {
  limits.workers = 1;
  serve("cat", 1);
  using WhenFull = AskVersion::WhenFull;
  ask(1, "cat");
  ask(2, "cat");
  ask(3, "cat", 0, WhenFull::drop_oldest);
  ask(4, "cat", 0, WhenFull::drop_oldest);
  EXPECT_EQ(serving->waiting(), 3u);
  auto refused = only<RefuseRequest>(ask(5, "cat"));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].request, 5u);
  EXPECT_EQ(refused[0].why.code, Code::exhausted);
  refused = only<RefuseRequest>(ask(6, "cat", 0, WhenFull::drop_oldest));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].request, 3u) << "not 2, which may not be dropped";
  EXPECT_TRUE(refused[0].dropped);
  EXPECT_EQ(only<RunRequest>(step(RequestDone{1})).at(0).request, 2u);
  EXPECT_EQ(only<RunRequest>(step(RequestDone{2})).at(0).request, 4u);
}

TEST_F(ServingTest, WithoutAQueueWhatFindsNoWorkerIsRefused) {
  limits.queue = 0;
  serve("cat", 1);
  EXPECT_EQ(only<RunRequest>(ask(1, "cat")).size(), 1u);
  EXPECT_EQ(only<RunRequest>(ask(2, "cat")).size(), 1u);
  EXPECT_EQ(only<RefuseRequest>(ask(3, "cat", 0, AskVersion::WhenFull::drop_oldest)).size(), 1u);
}

TEST_F(ServingTest, ModelsTakeTurns) {
  limits.workers = 1;
  limits.queue = 10;
  serve("ant", 1);
  serve("bee", 1);
  ask(1, "ant");
  for (std::uint64_t i = 2; i <= 5; ++i) ask(i, "ant");
  ask(6, "bee");
  EXPECT_EQ(only<RunRequest>(step(RequestDone{1})).at(0).request, 6u);
  now = now + 5ms;
  const auto run = only<RunRequest>(step(RequestDone{6})).at(0);
  EXPECT_EQ(run.request, 2u);
  EXPECT_EQ(run.waited, 5ms);
}

TEST_F(ServingTest, KnowsOnlySoManyVersions) {
  limits.versions = 2;
  serve("cat", 1);
  serve("cat", 2);
  EXPECT_EQ(only<LoadEnded>(step(LoadVersion{{"cat", 3}})).at(0).failed->code, Code::exhausted);
}

TEST_F(ServingTest, WhatNobodyAskedForChangesNothing) {
  serve("cat", 1);
  EXPECT_TRUE(step(VersionRead{{"dog", 1}, 10, {}}).empty());
  EXPECT_TRUE(step(VersionMade{{"cat", 1}, 99, {}}).empty());
  EXPECT_TRUE(step(RequestDone{77}).empty());
  EXPECT_EQ(only<UnloadEnded>(step(UnloadVersion{{"dog", 1}})).size(), 1u);
  EXPECT_EQ(serving->memory(), 10u);
}

// Whatever comes in whatever order: each request ends once, each load and unload is answered as
// often as it was asked for, workers and memory are kept to.
TEST(ServingProperty, EveryRequestAndLoadEndsOnce) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&](unsigned most) { return random() % most; };
    ServingLimits limits{.memory = 50, .queue = chance(4), .workers = 1 + chance(3), .versions = 8};
    Serving serving(limits);
    std::set<std::uint64_t> open, running;
    std::set<std::size_t> workers;
    std::map<std::uint64_t, std::size_t> worker_of;
    std::map<ServingKey, int> loads, unloads;
    std::set<ServingKey> to_read, to_make, there;
    std::uint64_t next = 0;
    base::Instant now{};
    const auto step = [&](const ServingInput& input) {
      std::vector<ServingOutput> outputs;
      serving.step(input, now, outputs);
      for (const auto& output : outputs) {
        if (const auto* read = std::get_if<ReadVersion>(&output)) {
          EXPECT_TRUE(to_read.insert(read->key).second);
        }
        if (const auto* make = std::get_if<MakeVersion>(&output)) {
          EXPECT_TRUE(to_make.insert(make->key).second);
        }
        if (const auto* ended = std::get_if<LoadEnded>(&output)) --loads[ended->key];
        if (const auto* ended = std::get_if<UnloadEnded>(&output)) --unloads[ended->key];
        if (const auto* gone = std::get_if<VersionGone>(&output)) there.erase(gone->key);
        if (const auto* refused = std::get_if<RefuseRequest>(&output)) {
          EXPECT_EQ(open.erase(refused->request), 1u);
        }
        if (const auto* run = std::get_if<RunRequest>(&output)) {
          EXPECT_TRUE(open.contains(run->request));
          EXPECT_TRUE(running.insert(run->request).second);
          EXPECT_LT(run->worker, limits.workers);
          EXPECT_TRUE(workers.insert(run->worker).second) << "a worker has one request";
          EXPECT_TRUE(there.contains(run->key)) << "only what is there runs";
          worker_of[run->request] = run->worker;
        }
      }
      EXPECT_LE(serving.memory(), limits.memory);
    };
    const auto key = [&] { return ServingKey{chance(2) ? "a" : "b", 1 + chance(3)}; };
    const auto finish = [&](std::uint64_t request) {
      running.erase(request);
      open.erase(request);
      workers.erase(worker_of[request]);
      step(RequestDone{request, chance(3) == 0});
    };
    const auto read = [&](ServingKey k) {
      to_read.erase(k);
      step(VersionRead{k, chance(30), chance(6) == 0 ? std::optional(base::Error{Code::corrupt, "x"}) : std::nullopt});
    };
    const auto make = [&](ServingKey k) {
      to_make.erase(k);
      const bool fails = chance(6) == 0;
      there.insert(k);
      step(VersionMade{k, 0, fails ? std::optional(base::Error{Code::conflict, "y"}) : std::nullopt});
    };
    for (int i = 0; i < 400; ++i) {
      now = now + 1ms;
      switch (chance(6)) {
        case 0: { const auto k = key(); ++loads[k]; step(LoadVersion{k}); break; }
        case 1: { const auto k = key(); ++unloads[k]; step(UnloadVersion{k}); break; }
        case 2: if (!to_read.empty()) read(*to_read.begin()); break;
        case 3: if (!to_make.empty()) make(*to_make.begin()); break;
        case 4:
          open.insert(++next);
          step(AskVersion{next, chance(2) ? "a" : "b", chance(4),
                          chance(2) ? AskVersion::WhenFull::refuse : AskVersion::WhenFull::drop_oldest});
          break;
        default: if (!running.empty()) finish(*running.begin()); break;
      }
    }
    while (!to_read.empty() || !to_make.empty() || !running.empty()) {
      if (!to_read.empty()) read(*to_read.begin());
      else if (!to_make.empty()) make(*to_make.begin());
      else finish(*running.begin());
    }
    EXPECT_TRUE(open.empty()) << "seed " << seed;
    for (const auto& [k, count] : loads) EXPECT_EQ(count, 0) << k.name << k.version << " seed " << seed;
    for (const auto& [k, count] : unloads) EXPECT_EQ(count, 0) << k.name << k.version << " seed " << seed;
  }
}

}  // namespace
}  // namespace selvedge::engine
