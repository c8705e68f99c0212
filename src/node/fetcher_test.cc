// From a wish to an artifact on the disk, over links, disks and clouds that misbehave.

#include "node/fetcher_fixture.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;
using base::Code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Cloud = test::Cloud;
using test::Sample;

constexpr std::size_t chunk = 64 << 10;

class FetcherTest : public test::FetcherFixture {};

TEST_F(FetcherTest, FetchesVerifiesAndHolds) {
  const Sample a(1, 1'000'000, "model", 3);
  publish(a);
  start();
  std::vector<std::uint64_t> progress;
  std::optional<base::Result<HeldArtifact>> held;
  fetcher->hold({.name = "model", .version = 3, .digest = {}, .deadline = {}},
                [&](base::Result<HeldArtifact> h) { held = std::move(h); },
                [&](std::uint64_t have, std::uint64_t size) {
                  EXPECT_EQ(size, 1'000'000u);
                  progress.push_back(have);
                });
  ASSERT_TRUE(sim.run_until([&] { return held.has_value(); }, 1min));
  ASSERT_TRUE(*held) << held->error().message;
  EXPECT_EQ((*held)->digest, a.manifest->digest);
  EXPECT_EQ(on_disk(a), a.bytes);
  EXPECT_TRUE(std::ranges::is_sorted(progress));
  EXPECT_EQ(progress.back(), 1'000'000u);
  EXPECT_THAT(taken, ElementsAre("model 3"));
  EXPECT_EQ(requests, 1);
  const auto all = fetcher->list();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].state, "whole");
  EXPECT_TRUE(all[0].wished);
  EXPECT_EQ(fetcher->stats().bytes_received, 1'000'000u);
  EXPECT_THAT(metrics->text(), HasSubstr("selvedge_artifact_received_bytes_total"));
}

TEST_F(FetcherTest, HoldsWhatIsHereWithoutALink) {
  const Sample a(1, 300'000, "a", 1);
  publish(a);
  start();
  ASSERT_EQ(why(hold(a)), "held");
  sim.link("node", "cloud").cut(os::fake::Cut::silent);
  restart();
  EXPECT_EQ(why(hold(a)), "held");
  EXPECT_EQ(requests, 1);
}

TEST_F(FetcherTest, WaitsForALinkAndGoesOnWhenItComes) {
  const Sample a(1, 300'000, "a", 1);
  publish(a);
  sim.link("node", "cloud").cut(os::fake::Cut::reset);
  start();
  const auto held = hold(a);
  EXPECT_FALSE(wait(held, 10min));
  EXPECT_EQ(fetcher->list().at(0).state, "waiting");
  EXPECT_NE(fetcher->list().at(0).why, "");
  sim.link("node", "cloud").mend();
  fetcher->hurry();
  EXPECT_TRUE(wait(held, 5s));
  EXPECT_EQ(why(held), "held");
}

TEST_F(FetcherTest, GivesUpAtItsDeadline) {
  const Sample a(1, 300'000, "a", 1);
  publish(a);
  sim.link("node", "cloud").cut(os::fake::Cut::reset);
  start();
  const base::Instant begun = sim.now();
  EXPECT_THAT(why(hold(a, {.name = {}, .digest = {}, .deadline = 10min})), StartsWith("unavailable: not here at its deadline"));
  EXPECT_LE(sim.now() - begun, 11min);
}

TEST_F(FetcherTest, NewestWishWins) {
  const Sample one(1, 1'000'000, "a", 1), two(2, 300'000, "a", 2), three(3, 200'000, "a", 3);
  for (const Sample* s : {&one, &two, &three}) publish(*s);
  sim.link("node", "cloud").model.bytes_per_second = 100'000;
  start();
  const auto first = hold(one);
  sim.run_for(3s);
  const auto second = hold(two), third = hold(three);
  EXPECT_THAT(why(first), StartsWith("conflict: "));
  EXPECT_THAT(why(second), StartsWith("conflict: "));
  EXPECT_EQ(why(third), "held");
  EXPECT_FALSE(whole(one));
  // What was given up may go when room is needed; the way back is closed.
  EXPECT_THAT(why(hold(two)), StartsWith("denied: "));
}

TEST_F(FetcherTest, KeepsTheOldVersionUntilTheNewOneIsWhole) {
  const Sample one(1, 300'000, "a", 1), two(2, 300'000, "a", 2);
  publish(one);
  start({.budget_bytes = 10 << 20, .keep_free_bytes = 0});
  ASSERT_EQ(why(hold(one, {.name = {}, .digest = {}, .pin = store::Pin::yes, .deadline = {}})), "held");
  EXPECT_THAT(why(hold(two)), StartsWith("not_found: "));
  auto all = store->list();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].held && all[0].entry.pinned);
  publish(two);
  ASSERT_EQ(why(hold(two)), "held");
  all = store->list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all[0].held || all[0].entry.pinned);
  EXPECT_TRUE(all[1].held);
  fetcher->release("a");
  EXPECT_FALSE(store->list()[1].held);
}

TEST_F(FetcherTest, AsksOnlyForWhatNoArtifactHereHas) {
  const Sample old(1, 1'000'000, "a", 1);
  base::Bytes changed = old.bytes;
  changed[3 * chunk + 17] ^= 1;
  const Sample fresh(changed, "a", 2);
  publish(old);
  publish(fresh);
  start();
  ASSERT_EQ(why(hold(old)), "held");
  sent = 0;
  ASSERT_EQ(why(hold(fresh)), "held");
  EXPECT_EQ(sent, chunk);
  EXPECT_EQ(on_disk(fresh), fresh.bytes);
}

TEST_F(FetcherTest, MendsWhatWasDamagedOnItsDisk) {
  const Sample a(1, 1'000'000, "a", 1);
  publish(a);
  start();
  ASSERT_EQ(why(hold(a)), "held");
  ASSERT_TRUE(node.disk().flip_bits("artifacts/" + base::to_hex(a.manifest->digest) + ".blob", 500'000, 1));
  sent = 0;
  restart();
  ASSERT_EQ(why(hold(a)), "held");
  EXPECT_EQ(on_disk(a), a.bytes);
  EXPECT_EQ(sent, chunk);
}

TEST_F(FetcherTest, TakesNothingThatIsNotTrusted) {
  const Sample a(1, 300'000, "a", 1);
  publish(a);
  distrust = true;
  start();
  EXPECT_THAT(why(hold(a)), StartsWith("denied: signed by nobody"));
  EXPECT_EQ(bytes_on_disk(), 0u);
  EXPECT_EQ(requests, 0);
  distrust = false;
  ArtifactWish other;
  other.digest.emplace();
  EXPECT_THAT(why(hold(a, other)), StartsWith("denied: another artifact"));
  EXPECT_TRUE(taken.empty());
  // Nor what stopped being trusted.
  ASSERT_EQ(why(hold(a)), "held");
  restart();
  distrust = true;
  EXPECT_THAT(why(hold(a)), StartsWith("denied: "));
}

TEST_F(FetcherTest, AsksForNoNameThatCouldBeAPath) {
  start();
  for (const std::string& name : {std::string("../../etc/passwd"), std::string("/etc/passwd"), std::string("a\0b", 3),
                                  std::string("a/b"), std::string(".."), std::string(""), std::string("$(reboot)"),
                                  std::string(65, 'a')}) {
    std::optional<base::Result<HeldArtifact>> held;
    fetcher->hold({.name = name, .version = 1, .digest = {}, .deadline = {}}, [&](auto h) { held = std::move(h); });
    ASSERT_TRUE(sim.run_until([&] { return held.has_value(); }, 1min));
    EXPECT_EQ(held->error().code, Code::invalid_input);
  }
  EXPECT_EQ(requests, 0);
}

TEST_F(FetcherTest, SurvivesACloudThatDoesNotKeepToTheRules) {
  const std::vector<std::pair<Cloud, const char*>> cases{
      {Cloud::ignores_range, "corrupt: the server sends everything"},
      {Cloud::other_range, "corrupt: the server sends other bytes"},
      {Cloud::other_size, "corrupt: the server's copy has another size"},
      {Cloud::wrong_bytes, "corrupt: chunk 2 is not what its digest says"},
      {Cloud::refuses, "denied: the server refuses"},
  };
  std::uint64_t seed = 100;
  for (const auto& [how, expected] : cases) {
    SCOPED_TRACE(expected);
    // Two chunks are there, so that a part is asked for.
    ++seed;
    const Sample a(seed, 1'000'000, "a" + std::to_string(seed), 1);
    publish(a);
    start();
    behaviour = Cloud::honest;
    sim.link("node", "cloud").model.bytes_per_second = 200'000;
    const auto begun = hold(a);
    sim.run_until([&] { return fetcher->stats().bytes_received > 2 * chunk + 20'000; }, 1min);
    restart();
    sim.link("node", "cloud").model.bytes_per_second = 0;
    const auto* entry = store->find(a.manifest->name, 1);
    ASSERT_NE(entry, nullptr);
    behaviour = how;
    const std::string outcome = why(hold(a));
    if (how == Cloud::wrong_bytes) EXPECT_THAT(outcome, StartsWith("corrupt: chunk "));
    else EXPECT_THAT(outcome, StartsWith(expected));
    EXPECT_FALSE(whole(a));
    EXPECT_EQ(on_disk(a).size(), 0u);
    const base::Bytes kept = on_disk(a, "part");
    EXPECT_EQ(kept.size() % chunk, 0u);
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), a.bytes.begin()));
    behaviour = Cloud::honest;
    EXPECT_EQ(why(hold(a)), "held");
    stop();
  }
}

TEST_F(FetcherTest, LeavesAServerThatSendsTooMuchTooLittleOrTooSlowly) {
  for (const Cloud how : {Cloud::too_much, Cloud::too_little, Cloud::trickles, Cloud::busy}) {
    const Sample a(10 + static_cast<std::uint64_t>(how), 500'000, "a" + std::to_string(static_cast<int>(how)), 1);
    publish(a);
    start();
    behaviour = how;
    const auto held = hold(a, {.name = {}, .digest = {}, .deadline = 2h});
    sim.run_for(4min);
    EXPECT_LE(bytes_on_disk(), 2u * 500'000);
    behaviour = Cloud::honest;
    if (how == Cloud::too_much) {   // one that goes on like this is given up
      EXPECT_THAT(why(held), StartsWith("corrupt: the server sends more"));
      EXPECT_EQ(why(hold(a)), "held");
    } else {
      EXPECT_EQ(why(held), "held") << static_cast<int>(how);
    }
    EXPECT_EQ(on_disk(a), a.bytes);
    stop();
    for (const auto& path : node.disk().files()) base::ignore(node.directory("artifacts", false).value()->remove(path.substr(10)), "");
  }
}

TEST_F(FetcherTest, SaysThatTheDiskIsFullAndGoesOnLater) {
  const Sample a(1, 1'000'000, "a", 1);
  publish(a);
  start({.budget_bytes = 500'000, .keep_free_bytes = 0});
  EXPECT_THAT(why(hold(a)), StartsWith("exhausted: "));
  EXPECT_EQ(bytes_on_disk(), 0u);
  stop();
  start({.budget_bytes = 2'000'000, .keep_free_bytes = 100'000});
  sim.link("node", "cloud").model.bytes_per_second = 200'000;
  const auto held = hold(a);
  sim.run_for(2s);
  node.disk().fill_up();
  EXPECT_THAT(why(held), StartsWith("exhausted: "));
  node.disk().model.capacity = 1 << 30;
  const std::uint64_t before = sent;
  EXPECT_EQ(why(hold(a)), "held");
  EXPECT_LT(sent - before, 1'000'000u);
}

TEST_F(FetcherTest, KeepsToItsRate) {
  const Sample a(1, 1'000'000, "a", 1);
  publish(a);
  start({}, {.bytes_per_second = 50'000});
  const base::Instant begun = sim.now();
  ASSERT_EQ(why(hold(a)), "held");
  EXPECT_GE(sim.now() - begun, 15s);
  EXPECT_LE(sim.now() - begun, 25s);
}

TEST_F(FetcherTest, DoesNotCareWhatTheWallClockDoes) {
  const Sample a(1, 1'000'000, "a", 1);
  publish(a);
  sim.link("node", "cloud").model.bytes_per_second = 100'000;
  start();
  const auto held = hold(a, {.name = {}, .digest = {}, .deadline = 1min});
  for (const auto jump : {24h * 1000, -24h * 3000, 24h * 2000}) {
    sim.run_for(2s);
    node.jump_wall(jump);
  }
  EXPECT_EQ(why(held), "held");
}

// ---- links that are cut, power that goes ----

class FetcherOnABadLink : public test::FetcherFixture, public testing::WithParamInterface<int> {
 protected:
  FetcherOnABadLink() : FetcherFixture(static_cast<std::uint64_t>(GetParam())) {}
};

TEST_P(FetcherOnABadLink, SendsAtMostOneChunkTwiceForEachCut) {
  const Sample a(1, 1'500'000, "a", 1);
  publish(a);
  auto& link = sim.link("node", "cloud");
  link.model.bytes_per_second = 300'000;
  start();
  const auto held = hold(a);
  std::uint64_t cuts = 0;
  while (!held->has_value() && cuts < 12) {
    sim.run_for(std::chrono::milliseconds(sim.random().below(1500)));
    if (held->has_value()) break;
    const os::fake::Cut how[] = {os::fake::Cut::reset, os::fake::Cut::silent};
    link.cut(how[sim.random().below(2)]);
    ++cuts;
    sim.run_for(std::chrono::milliseconds(sim.random().below(40'000)));
    link.mend();
  }
  ASSERT_EQ(why(held), "held");
  EXPECT_EQ(on_disk(a), a.bytes);
  EXPECT_LE(fetcher->stats().bytes_received, 1'500'000 + cuts * chunk);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FetcherOnABadLink, testing::Range(1, 13));

TEST(FetcherCrash, GoesOnFromTheDiskAfterAPowerCutAtAnyWrite) {
  class Fixture : public test::FetcherFixture {
   public:
    explicit Fixture(std::uint64_t seed) : FetcherFixture(seed) {}
    void TestBody() override {}
    bool run(std::uint64_t n) {
      const Sample old(1, 200'000, "a", 1), fresh(2, 300'000, "a", 2);
      publish(old);
      publish(fresh);
      start({.budget_bytes = 520'000, .keep_free_bytes = 0});
      EXPECT_EQ(why(hold(old)), "held");
      sim.run_for(1s);
      node.crash_at_write(n);
      const auto held = hold(fresh);
      sim.run_until([&] { return held->has_value() || !node.alive(); }, 1min);
      sim.run_for(1s);
      const bool crashed = !node.alive(), done = held->has_value() && **held;
      node.crash_at_write(0);
      if (!crashed) node.crash();
      node.restart();
      sim.run_for(1s);
      start(store_limits);
      if (done) {
        EXPECT_TRUE(whole(fresh));
      }
      if (whole(old)) {
        EXPECT_EQ(on_disk(old), old.bytes);
      }
      EXPECT_EQ(why(hold(fresh)), "held");
      EXPECT_EQ(on_disk(fresh), fresh.bytes);
      return crashed;
    }
  };
  bool crashed = true;
  for (std::uint64_t n = 1; crashed; ++n) {
    ASSERT_LT(n, 100u);
    SCOPED_TRACE("power cut at write " + std::to_string(n));
    Fixture fixture(n);
    crashed = fixture.run(n);
  }
}

}  // namespace
}  // namespace selvedge::node
