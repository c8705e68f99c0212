// The promise of the twin store, from seeds: after a power cut at any change of the disk, while editing and
// while the log is written anew, every twin is as it was at some moment not before its last commit.

#include <gtest/gtest.h>

#include <map>

#include "os/fake/random.h"
#include "os/fake/simulation.h"
#include "store/twin_store.h"

namespace selvedge::store {
namespace {

using os::fake::Random;

constexpr int twins = 6;

std::string id(int i) { return "n:d" + std::to_string(i); }

// Of each twin its documents in order; those before `durable` must not come back.
struct Model {
  std::vector<std::string> states[twins] = {{""}, {""}, {""}, {""}, {""}, {""}};
  std::size_t durable[twins] = {};
};

class Life {
 public:
  Life(os::fake::Machine& machine, Random& random, Model& model)
      : machine_(machine), random_(random), model_(model) {}

  bool open(const TwinStoreLimits& limits) {
    auto opened = TwinStore::open(machine_, "twins", "n", limits);
    if (!machine_.alive()) return false;
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) return false;
    store = std::move(*opened);
    return true;
  }

  std::string text(int i) const {
    const engine::Twin* const twin = store->find(id(i));
    return twin == nullptr ? "" : twin->json(id(i), "").value_or("?");
  }

  // After a restart what is there is on disk.
  void check() {
    for (int i = 0; i < twins; ++i) {
      auto& states = model_.states[i];
      const std::string is = text(i);
      std::size_t at = states.size();
      while (at > model_.durable[i] && states[at - 1] != is) --at;
      ASSERT_GT(at, model_.durable[i]) << id(i) << " is " << is;
      states.resize(at);
      model_.durable[i] = at - 1;
    }
  }

  void step() {
    const int i = static_cast<int>(random_.below(twins));
    const std::uint64_t dice = random_.below(20);
    if (dice < 1) {
      base::ignore(store->remove(id(i)), "it may not be there");
    } else if (dice < 2) {
      for (const UnsentTwin& twin : store->unsent("n", 1 << 16))
        if (random_.chance(0.5)) store->acknowledged(twin.id, twin.revision);
    } else {
      const std::string pointer = "/attributes/v" + std::to_string(random_.below(4));
      const std::string value = std::to_string(random_.below(1'000'000));
      base::ignore(store->edit(id(i), {engine::TwinEdit::Kind::put, pointer, value}), "the disk may be full");
    }
    const std::string is = text(i);
    if (is != model_.states[i].back()) model_.states[i].push_back(is);
    if (!random_.chance(0.3)) return;
    std::vector<std::size_t> now;
    for (const auto& states : model_.states) now.push_back(states.size() - 1);
    store->commit([this, now] {
      for (std::size_t k = 0; k < twins; ++k) model_.durable[k] = std::max(model_.durable[k], now[k]);
    });
  }

  std::unique_ptr<TwinStore> store;

 private:
  os::fake::Machine& machine_;
  Random& random_;
  Model& model_;
};

void run(std::uint64_t seed, bool full_disk) {
  SCOPED_TRACE(seed);
  os::fake::Simulation sim(seed);
  os::fake::Machine& machine = sim.machine("n");
  Random random(seed);
  Model model;
  TwinStoreLimits limits;
  limits.segment_bytes = 4 << 10;
  limits.log_bytes = 64 << 10;
  for (int n = 0; n < 5 && !testing::Test::HasFailure(); ++n) {
    Life life(machine, random, model);
    machine.disk().fail_next_syncs(0);
    machine.disk().model.capacity = 1ULL << 40;
    if (random.chance(0.3)) machine.crash_at_write(1 + random.below(8));  // while it opens
    if (life.open(limits)) {
      life.check();
      machine.crash_at_write(1 + random.below(120));
      for (int i = 0; i < 600 && machine.alive() && !testing::Test::HasFailure(); ++i) {
        life.step();
        if (random.chance(0.005)) machine.disk().fail_next_syncs(1);
        if (full_disk && random.chance(0.02)) machine.disk().fill_up();
        if (full_disk && random.chance(0.1)) machine.disk().model.capacity = 1ULL << 40;
        if (random.chance(0.02)) machine.jump_wall(std::chrono::hours(random.below(60)));
        sim.run_for(std::chrono::microseconds(random.below(6000)));
      }
    }
    life.store.reset();
    machine.crash(random.chance(0.7) ? os::fake::Crash{}
                                     : os::fake::Crash{os::fake::Crash::Disk::keeps_written,
                                                       os::fake::Crash::Peers::reset});
    machine.restart();
  }
}

TEST(TwinStoreCrashes, LoseNothingThatWasCommitted) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) run(seed, false);
}

TEST(TwinStoreCrashes, LoseNothingOnADiskThatIsFullNowAndThen) {
  for (std::uint64_t seed = 1001; seed <= 1030 && !HasFailure(); ++seed) run(seed, true);
}

}  // namespace
}  // namespace selvedge::store
