// The promise of the reading store, from seeds, against a simple model: whatever was committed is found
// exactly once, by queries and in blocks, in order for each series, after crashes in the middle of any
// change of the disk, failing syncs, a full disk and jumps of the clock.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "os/fake/random.h"
#include "os/fake/simulation.h"
#include "store/reading_store.h"

namespace selvedge::store {
namespace {

using os::fake::Random;

constexpr int series_count = 5;
constexpr std::int64_t second = 1'000'000'000;

using Reading = std::pair<std::int64_t, double>;

struct Model {
  // Readings that were ever in a message that was ended, and those that were committed.
  std::set<Reading> ended[series_count], committed[series_count];
  std::set<std::uint64_t> delivered;
  std::set<std::uint64_t> told;                 // sealed, durable
};

class Life {
 public:
  Life(os::fake::Machine& node, Random& random, Model& model)
      : node_(node), random_(random), model_(model) {}

  // False if the machine died meanwhile.
  bool open(StoreLimits limits) {
    auto opened = ReadingStore::open(node_, "store", limits);
    if (!node_.alive()) return false;
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) return false;
    store = std::move(*opened);
    store->on_sealed([this](model::BlockSeq seq, std::size_t) { model_.told.insert(model::number(seq)); });
    for (int i = 0; i < series_count; ++i) {
      const auto id = store->series("series " + std::to_string(i), model::Kind::float64, "d");
      EXPECT_TRUE(id);
      if (id) ids_[i] = *id;
    }
    return true;
  }

  void step() {
    const auto dice = random_.below(100);
    if (dice < 60) return message();
    if (dice < 70) return store->seal_due();
    if (dice < 73) return store->seal_all();
    if (dice < 80) return deliver();
    if (dice < 82) return node_.jump_wall(std::chrono::seconds(random_.below(7200)) - std::chrono::hours(1));
  }

  // Everything the model knows must be there, and nothing else.
  enum class When { after_restart, while_running };
  void check(When when) {
    for (int i = 0; i < series_count; ++i) {
      std::set<Reading> found;
      const auto take = [&](const codec::Columns& c) {
        for (std::size_t k = 0; k < c.size(); ++k) {
          const Reading r{c.times[k], c.float64[k]};
          EXPECT_TRUE(found.insert(r).second) << "twice: " << r.first;
          EXPECT_TRUE(model_.ended[i].contains(r)) << "never added: " << r.first;
        }
        return true;
      };
      const auto visited = store->visit(
          ids_[i], {INT64_MIN}, {INT64_MAX},
          [&](const model::BlockSummary&, base::BytesView frame) {
            codec::Columns columns;
            EXPECT_TRUE(codec::decode_frame(frame, columns));
            return take(columns);
          },
          take);
      ASSERT_TRUE(visited) << visited.error().message;
      for (const Reading& r : model_.committed[i])
        ASSERT_TRUE(found.contains(r)) << "lost: series " << i << " at " << r.first;
      // What is there after a restart is on disk, committed or not.
      if (when == When::after_restart) model_.ended[i] = model_.committed[i] = found;
    }
    check_blocks();
  }

  std::unique_ptr<ReadingStore> store;

 private:
  void message() {
    std::vector<std::pair<int, Reading>> readings;
    const std::uint64_t count = 1 + random_.below(6);
    for (std::uint64_t k = 0; k < count; ++k) {
      const int i = static_cast<int>(random_.below(series_count));
      Reading r{node_.wall_now().ns / 1000 * 1000 + static_cast<std::int64_t>(k),
                static_cast<double>(random_.below(1000)) / 10};
      const bool repeat = random_.chance(0.2) && !model_.ended[i].empty();
      if (repeat) {
        auto at = model_.ended[i].lower_bound({r.first - static_cast<std::int64_t>(random_.below(60)) * second, 0});
        if (at == model_.ended[i].end()) at = model_.ended[i].begin();
        r = *at;
      } else if (random_.chance(0.1)) {
        r.first -= static_cast<std::int64_t>(random_.below(100)) * second;  // late, and new
      }
      const bool known = model_.ended[i].contains(r) ||
                         std::find(readings.begin(), readings.end(), std::pair{i, r}) != readings.end();
      const auto added = store->add(ids_[i], {r.first}, model::ValueView::of(r.second));
      if (!added) break;  // the disk may be gone under our feet
      EXPECT_EQ(*added, known ? Added::duplicate : Added::stored) << r.first;
      if (*added == Added::stored) readings.emplace_back(i, r);
    }
    if (!store->end_message(random_.next())) return;
    for (const auto& [i, r] : readings) model_.ended[i].insert(r);
    waiting_.insert(waiting_.end(), readings.begin(), readings.end());
    if (!random_.chance(0.4)) return;
    store->commit([this, done = std::move(waiting_)] {
      for (const auto& [i, r] : done) model_.committed[i].insert(r);
    });
    waiting_.clear();
  }

  void deliver() {
    const std::uint64_t last = model::number(store->last_sealed());
    if (last == 0) return;
    const std::uint64_t from = 1 + random_.below(last);
    const std::uint64_t to = std::min(last, from + random_.below(4));
    store->delivered(model::BlockSeq{from}, model::BlockSeq{to});
    for (std::uint64_t n = from; n <= to; ++n) model_.delivered.insert(n);
  }

  void check_blocks() {
    const auto blocks = store->undelivered(model::BlockSeq{1}, UINT64_MAX);
    ASSERT_TRUE(blocks) << blocks.error().message;
    std::set<std::uint64_t> found;
    std::set<std::pair<std::uint32_t, Reading>> readings;
    std::uint64_t before = 0;
    for (const StoredBlock& block : *blocks) {
      const std::uint64_t n = model::number(block.seq);
      EXPECT_GT(n, before);
      before = n;
      found.insert(n);
      codec::Columns columns;
      ASSERT_TRUE(codec::decode_frame(block.frame, columns));
      for (std::size_t k = 0; k < columns.size(); ++k)
        EXPECT_TRUE(readings.insert({static_cast<std::uint32_t>(block.series),
                                     {columns.times[k], columns.float64[k]}}).second);
    }
    for (const std::uint64_t n : model_.told)
      EXPECT_TRUE(found.contains(n) || model_.delivered.contains(n)) << "block " << n << " is lost";
    if (!found.empty()) {
      EXPECT_EQ(model::number(store->first_undelivered()), *found.begin());
    } else {
      EXPECT_EQ(store->first_undelivered(), model::BlockSeq::none);
    }
    EXPECT_EQ(store->stats().blocks_undelivered, found.size());
  }

  os::fake::Machine& node_;
  Random& random_;
  Model& model_;
  model::SeriesId ids_[series_count];
  std::vector<std::pair<int, Reading>> waiting_;
};

void run(std::uint64_t seed, StoreLimits limits, bool full_disk) {
  SCOPED_TRACE(seed);
  os::fake::Simulation sim(seed);
  os::fake::Machine& node = sim.machine("node");
  Random random(seed);
  Model model;
  for (int n = 0; n < 6 && !testing::Test::HasFailure(); ++n) {
    Life life(node, random, model);
    node.disk().fail_next_syncs(0);
    node.disk().model.capacity = 1ULL << 40;
    if (random.chance(0.3)) node.crash_at_write(1 + random.below(8));  // while it opens
    if (life.open(limits)) {
      life.check(Life::When::after_restart);
      node.crash_at_write(1 + random.below(150));
      for (int i = 0; i < 300 && node.alive() && !testing::Test::HasFailure(); ++i) {
        life.step();
        if (random.chance(0.01)) node.disk().fail_next_syncs(1);
        if (full_disk && random.chance(0.02)) node.disk().fill_up();
        if (full_disk && random.chance(0.1)) node.disk().model.capacity = 1ULL << 40;
        sim.run_for(std::chrono::microseconds(random.below(20'000)));
      }
      if (node.alive() && random.chance(0.5)) life.check(Life::When::while_running);
    }
    life.store.reset();
    node.crash(random.chance(0.7) ? os::fake::Crash{}
                                  : os::fake::Crash{os::fake::Crash::Disk::keeps_written,
                                                    os::fake::Crash::Peers::reset});
    node.restart();
  }
}

StoreLimits small_limits() {
  StoreLimits limits;
  limits.block_readings = 20;
  limits.segment_bytes = 8 << 10;
  limits.block_age = std::chrono::milliseconds(300);
  limits.keep_free_bytes = 0;
  return limits;
}

TEST(StoreCrashes, KeepsEveryCommittedReadingExactlyOnce) {
  for (std::uint64_t seed = 1; seed <= 120 && !HasFailure(); ++seed) run(seed, small_limits(), false);
}

TEST(StoreCrashes, KeepsThemWhenTheDiskIsFullNowAndThen) {
  for (std::uint64_t seed = 1001; seed <= 1040 && !HasFailure(); ++seed)
    run(seed, small_limits(), true);
}

TEST(StoreCrashes, KeepsThemWithLittleMemoryAndALargeJournal) {
  StoreLimits limits = small_limits();
  limits.memory_bytes = 64 << 10;
  limits.segment_bytes = 1 << 20;
  limits.block_age = std::chrono::hours(1);
  limits.block_readings = 4096;
  for (std::uint64_t seed = 2001; seed <= 2040 && !HasFailure(); ++seed) run(seed, limits, false);
}

// A new series and its first message go to different files, one of which may be lost.
TEST(StoreCrashes, KnowNoMessageWhoseReadingsAreGone) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    os::fake::Simulation sim(seed);
    os::fake::Machine& node = sim.machine("node");
    auto store = ReadingStore::open(node, "store", {}).value();
    node.crash_at_write(1 + seed % 8);
    const auto id = store->series("new", model::Kind::float64, "d");
    if (id && store->add(*id, {second}, model::ValueView::of(1.5))) {
      base::ignore(store->end_message(77), "the machine may be down");
      store->commit([] {});
    }
    sim.run_for(std::chrono::seconds(1));
    store.reset();
    if (node.alive()) node.crash();
    node.restart();
    store = ReadingStore::open(node, "store", {}).value();
    if (!store->seen_message(77)) continue;
    const model::SeriesDef* const def = store->find("new");
    ASSERT_NE(def, nullptr);
    std::size_t found = 0;
    ASSERT_TRUE(store->visit(def->id, {INT64_MIN}, {INT64_MAX},
                             [&](const model::BlockSummary& s, base::BytesView) { found += s.count; return true; },
                             [&](const codec::Columns& c) { found += c.size(); return true; }));
    EXPECT_EQ(found, 1u);
  }
}

// A block that came to the disk before the definition of its series could never be sent.
TEST(StoreCrashes, LeaveNoBlockOfASeriesThatIsNotKnown) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    os::fake::Simulation sim(seed);
    os::fake::Machine& node = sim.machine("node");
    auto store = ReadingStore::open(node, "store", {}).value();
    node.crash_at_write(1 + seed % 40);
    for (int i = 0; i < 10 && node.alive(); ++i) {
      const auto id = store->series("series " + std::to_string(i), model::Kind::float64, "d");
      if (!id || !store->add(*id, {i * second}, model::ValueView::of(1.5))) break;
      base::ignore(store->end_message(0), "the machine may be down");
      store->seal_all();
      if (sim.random().chance(0.5)) store->commit([] {});
      sim.run_for(sim.random().between({}, std::chrono::milliseconds(4)));
    }
    store.reset();
    if (node.alive()) node.crash();
    node.restart();
    store = ReadingStore::open(node, "store", {}).value();
    const auto blocks = store->undelivered(model::BlockSeq{1}, 1 << 20);
    ASSERT_TRUE(blocks);
    for (const StoredBlock& block : *blocks) EXPECT_NE(store->find(block.series), nullptr);
  }
}

}  // namespace
}  // namespace selvedge::store
