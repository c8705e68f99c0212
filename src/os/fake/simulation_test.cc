#include "os/fake/simulation.h"

#include <gtest/gtest.h>

#include <string>

#include "os/fake/faults.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;

// A program that writes what it is told to its disk, syncs in a job, and says how much is durable.
// What it has said must be there for ever.
class Notary : public StreamEvents {
 public:
  Notary(World& world, std::uint64_t& promised) : world_(world), promised_(promised) {
    auto dir = world.directory("notary", true);
    if (!dir) return;
    dir_ = std::move(*dir);
    auto file = dir_->open("log", Open::create);
    if (!file || !dir_->sync()) return;
    file_ = std::move(*file);
    auto listener = world.network().listen({"", 7}, nullptr, [this](std::unique_ptr<Stream> s) {
      s->set_events(*this);
      stream_ = std::move(s);
    });
    if (listener) listener_ = std::move(*listener);
    written_ = file_->size().value_or(0);
    EXPECT_GE(written_, promised_) << "a promise was broken";
  }

 private:
  void on_bytes(Stream&, base::BytesView bytes) override {
    if (!file_->append(bytes)) return;
    written_ += bytes.size();
    const std::uint64_t upto = written_;
    auto synced = std::make_shared<bool>(false);
    world_.loop().work(
        1, [file = file_, synced] { *synced = file->sync().has_value(); },
        [this, synced, upto] {
          if (!*synced) return;
          promised_ = std::max(promised_, upto);
          if (stream_) stream_->write(base::as_bytes("."));
        });
  }
  void on_close(Stream&, const base::Error&) override { stream_.reset(); }

  World& world_;
  std::uint64_t& promised_;
  std::unique_ptr<Dir> dir_;
  std::shared_ptr<File> file_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t written_ = 0;
};

// Sends a little now and then, and connects again when it has to.
class Chatter : public StreamEvents {
 public:
  explicit Chatter(World& world) : world_(world) { again(); }
  std::uint64_t answers = 0;

 private:
  void again() {
    stream_ = world_.network().connect({"notary", 7}, nullptr, 2s, *this);
  }
  void on_open(Stream&) override { chat(); }
  void chat() {
    timer_ = world_.loop().after(20ms, [this] {
      stream_->write(base::as_bytes("some words to be kept\n"));
      chat();
    });
  }
  void on_bytes(Stream&, base::BytesView bytes) override { answers += bytes.size(); }
  void on_close(Stream&, const base::Error&) override {
    world_.loop().cancel(timer_);
    world_.loop().after(100ms, [this] { again(); });
  }

  World& world_;
  std::unique_ptr<Stream> stream_;
  TimerId timer_{};
};

struct History {
  std::uint64_t hash = 0, promised = 0, crashes = 0;
};

History live_through(std::uint64_t seed) {
  Simulation sim(seed);
  History history;
  sim.machine("notary").run([&](World& world) {
    return std::make_shared<Notary>(world, history.promised);
  });
  sim.machine("chatter").run([](World& world) { return std::make_shared<Chatter>(world); });
  FaultRates rates = FaultRates::all(80);
  rates.sync_fails = 0;  // the notary does not open a new file after a failed sync
  rates.longest = 5s;
  const FaultScope scope{{"notary", "chatter"}, {{"notary", "chatter"}}};
  Random random(seed);
  start(sim, plan_faults(random, scope, rates, 5min));
  sim.run_for(6min);
  history.hash = sim.trace_hash();
  history.crashes = sim.machine("notary").crashes();
  return history;
}

TEST(Simulation, KeepsWhatWasSyncedThroughEveryFault) {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const History history = live_through(seed);
    EXPECT_GT(history.promised, 10'000u);
    crashes += history.crashes;
  }
  EXPECT_GT(crashes, 100u);
}

TEST(Simulation, RepeatsItsHistoryForTheSameSeed) {
  const History first = live_through(77), second = live_through(77), other = live_through(78);
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(first.promised, second.promised);
  EXPECT_NE(first.hash, other.hash);
}

TEST(Simulation, DrawsNothingWhenTheTestDraws) {
  const auto hash = [](bool draw) {
    Simulation sim(3);
    sim.machine("a").run([](World& world) { return std::make_shared<Chatter>(world); });
    sim.run_for(1s);
    if (draw) sim.random().next();
    sim.run_for(10s);
    return sim.trace_hash();
  };
  EXPECT_EQ(hash(false), hash(true));
}

TEST(Simulation, RunsUntilACondition) {
  Simulation sim(1);
  bool done = false;
  sim.machine("a").loop().after(5s, [&] { done = true; });
  EXPECT_FALSE(sim.run_until([&] { return done; }, 4s));
  EXPECT_EQ(sim.now(), base::Instant{} + 4s);
  EXPECT_TRUE(sim.run_until([&] { return done; }, 1h));
  EXPECT_EQ(sim.now(), base::Instant{} + 5s);
  EXPECT_FALSE(sim.step());
}

TEST(Simulation, RunsNothingOfACrashedMachine) {
  Simulation sim(1);
  Machine& machine = sim.machine("a");
  Loop& loop = machine.loop();
  const auto never = [] { FAIL() << "it ran"; };
  auto destroyed = std::make_shared<int>();
  loop.after(1s, never);
  loop.defer(never);
  loop.post([destroyed] { FAIL(); });
  machine.pool_delay = 1s;
  int jobs = 0;
  for (int i = 0; i < 4; ++i) loop.work(1, [&] { ++jobs; }, never);
  const int jobs_before = jobs;
  machine.crash();
  EXPECT_EQ(destroyed.use_count(), 1) << "its callbacks are destroyed";
  EXPECT_EQ(loop.after(1s, never), TimerId::none);
  loop.defer(never);
  loop.post(never);
  loop.work(1, never, never);
  sim.run_for(10s);
  machine.restart();
  loop.post(never);
  sim.run_for(10s);
  EXPECT_EQ(jobs, jobs_before);
}

TEST(Simulation, StopsATurnWhereTheMachineCrashes) {
  Simulation sim(1);
  Machine& machine = sim.machine("a");
  int ran = 0;
  machine.loop().post([&] {
    ++ran;
    machine.loop().defer([] { FAIL(); });
    machine.crash();
    EXPECT_FALSE(machine.alive());
  });
  machine.loop().post([] { FAIL(); });
  sim.run_for(1s);
  EXPECT_EQ(ran, 1);
}

TEST(Simulation, StartsItsProgramAgainAfterACrash) {
  Simulation sim(1);
  Machine& machine = sim.machine("a");
  int started = 0, destroyed = 0, restarts = 0;
  machine.on_restart([&] { ++restarts; });
  machine.run([&](World&) {
    ++started;
    return std::shared_ptr<void>(&machine, [&](void*) { ++destroyed; });
  });
  machine.crash();
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(machine.program(), nullptr);
  machine.restart();
  EXPECT_EQ(started, 2);
  machine.restart();
  EXPECT_EQ(started, 3);
  EXPECT_EQ(destroyed, 2);
  EXPECT_EQ(restarts, 2);
  EXPECT_EQ(machine.crashes(), 2u);
}

TEST(Simulation, SurvivesAProgramThatCrashesWhileItStarts) {
  Simulation sim(1);
  Machine& machine = sim.machine("a");
  machine.crash_at_write(1);
  int started = 0;
  machine.run([&](World& world) -> std::shared_ptr<void> {
    ++started;
    auto dir = world.directory("d", true);
    if (!dir || !(*dir)->open("f", Open::create)) return nullptr;
    return std::make_shared<int>(1);
  });
  EXPECT_FALSE(machine.alive());
  machine.restart();
  EXPECT_TRUE(machine.alive());
  EXPECT_NE(machine.program(), nullptr);
  EXPECT_EQ(started, 2);
}

TEST(Simulation, GivesSeededEntropy) {
  const auto draw = [](std::uint64_t seed) {
    Simulation sim(seed);
    std::uint8_t bytes[16];
    sim.machine("a").entropy(bytes);
    return std::string(bytes, bytes + 16);
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Faults, BefallEachTargetAboutAsOftenAsAsked) {
  Random random(1);
  const FaultScope scope{{"a", "b"}, {{"a", "b"}}};
  const auto plan = plan_faults(random, scope, FaultRates::all(10), 100h);
  std::map<std::string, int> count;
  base::Duration last{};
  for (const Fault& fault : plan) {
    ++count[std::to_string(static_cast<int>(fault.kind)) + fault.machine];
    EXPECT_GE(fault.at, last);
    last = fault.at;
  }
  EXPECT_EQ(count.size(), 5u + 6u * 2u);
  for (const auto& [what, times] : count) {
    EXPECT_GT(times, 850) << what;
    EXPECT_LT(times, 1150) << what;
  }
  EXPECT_TRUE(plan_faults(random, scope, FaultRates{}, 100h).empty());
}

TEST(Faults, SayWhatTheyAre) {
  const Fault fault{.at = 90s, .lasts = 2s, .kind = FaultKind::link_slow, .machine = "a",
                    .peer = "b", .amount = 500ms};
  EXPECT_EQ(text(std::vector{fault}), "90s link_slow a - b for 2s by 500ms\n");
}

TEST(Faults, AreOverWhenThePlanIs) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Simulation sim(seed);
    Machine& a = sim.machine("a");
    Machine& b = sim.machine("b");
    Link& link = sim.link("a", "b");
    const base::Duration latency = link.model.latency;
    const std::uint64_t capacity = a.disk().model.capacity;
    start(sim, plan_faults(sim.random(), {{"a", "b"}, {{"a", "b"}}}, FaultRates::all(60), 1h));
    sim.run_for(1h + 1min);
    EXPECT_TRUE(a.alive() && b.alive()) << seed;
    EXPECT_FALSE(link.is_cut());
    EXPECT_EQ(link.model.latency, latency);
    EXPECT_EQ(a.disk().model.capacity, capacity);
    EXPECT_EQ(a.wall_now(), b.wall_now());
    EXPECT_GT(a.crashes(), 10u);
  }
}

}  // namespace
}  // namespace selvedge::os::fake
