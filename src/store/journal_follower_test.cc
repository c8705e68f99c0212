// A follower's state after any crash is that of the readings in the store, whatever segments are gone.

#include "os/fake/random.h"
#include "store/store_fixture.h"

namespace selvedge::store {
namespace {

// Adds up what it is told.
class Adder final : public JournalFollower {
 public:
  void begin(FindSeries find, EachSeries) override { find_ = std::move(find); }
  void reading(const model::SeriesDef& series, base::Time, const model::ValueView& value, base::Time at) override {
    EXPECT_EQ(find_(series.id), &series);
    EXPECT_GT(at.ns, 0);
    add(series.name, value.float64);
  }
  void derived(const model::SeriesDef&, base::Time, const model::ValueView& value) override { own += value.float64; }
  void time_passed(base::Time now) override { passed = now.ns; }
  void add(const std::string& name, double value) { sums[name] += value; }

  std::vector<base::Bytes> save() override {
    std::vector<base::Bytes> parts;
    for (const auto& [name, sum] : sums) {
      base::Writer out(parts.emplace_back());
      out.u8(parts.size() == 1);
      out.text(name);
      out.f64(sum);
      out.f64(own);
      out.svarint(passed);
      parts.back().resize(4000);
    }
    return parts;
  }
  void restore(base::BytesView part) override {
    ++restored;
    base::Reader in(part);
    if (in.u8()) sums.clear();
    const std::string name(in.text());
    sums[name] = in.f64();
    own = in.f64();
    passed = in.svarint();
  }

  std::map<std::string, double> sums;
  double own = 0;
  std::int64_t passed = 0;
  int restored = 0;

 private:
  FindSeries find_;
};

class FollowerTest : public StoreTest {
 protected:
  void open_followed() {
    store.reset();
    follower = std::make_unique<Adder>();
    StoreLimits limits;
    limits.segment_bytes = 64 << 10;
    limits.journal_bytes = 2 << 20;
    limits.block_readings = 100;
    auto opened = ReadingStore::open(machine, "store", limits, follower.get());
    if (!machine.alive()) return;
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  // False if it was refused.
  bool add_followed(model::SeriesId id, std::int64_t time, double value, bool journal_only = false) {
    Adding how;
    how.followed = true;
    how.journal_only = journal_only;
    const auto added = store->add(id, {time}, model::ValueView::of(value), how);
    MessageNote note;
    note.at = base::Time{time};
    if (!added || !store->end_message(0, note)) return false;
    if (*added == Added::stored) follower->add(store->find(id)->name, value);
    return true;
  }
  double sum_stored(model::SeriesId id) {
    double sum = 0;
    for (const auto& [time, value] : readings(id)) sum += value;
    return sum;
  }

  std::unique_ptr<Adder> follower;
};

TEST_F(FollowerTest, ComesBackWithReadingsTimeAndWhatItMade) {
  open_followed();
  const auto id = series("a"), only = series("b"), own = series("c");
  EXPECT_TRUE(add_followed(id, start, 1));
  EXPECT_TRUE(add_followed(id, start + 1, 2));
  EXPECT_TRUE(add_followed(only, start, 4, true));
  EXPECT_TRUE(store->note_time({start + 5}));
  EXPECT_TRUE(store->add(own, {start}, model::ValueView::of(8.0)));
  MessageNote note;
  note.derived = true;
  EXPECT_TRUE(store->end_message(0, note));
  add(id, start + 2, 100);   // the follower is not told of it
  ASSERT_TRUE(commit());
  power_cut();
  open_followed();
  EXPECT_EQ(follower->sums, (std::map<std::string, double>{{"a", 3}, {"b", 4}}));
  EXPECT_EQ(follower->own, 8);
  EXPECT_EQ(follower->passed, start + 5);
  EXPECT_EQ(readings(only).size(), 0u) << "it went no further than the journal";
  EXPECT_EQ(readings(id).size(), 3u);
}

TEST_F(FollowerTest, ItsStateLetsOldSegmentsGo) {
  open_followed();
  const auto only = series("only");
  double sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(add_followed(only, start + i, i % 7, true));
    sum += i % 7;
    if (i % 500 == 0) {
      ASSERT_TRUE(commit());
    }
  }
  ASSERT_TRUE(commit());
  sim.run_for(std::chrono::seconds(1));
  EXPECT_LT(store->stats().journal.bytes, 256u << 10);
  power_cut();
  open_followed();
  EXPECT_GE(follower->restored, 1);
  EXPECT_EQ(follower->sums["only"], sum);
}

TEST_F(FollowerTest, ASavedStateStandsWhereItWasSaved) {
  open_followed();
  const auto id = series("a");
  EXPECT_TRUE(add_followed(id, start, 1));
  follower->sums["a"] = 1000;   // its rules have changed
  ASSERT_TRUE(store->save_follower());
  EXPECT_TRUE(add_followed(id, start + 1, 2));
  ASSERT_TRUE(commit());
  power_cut();
  open_followed();
  EXPECT_EQ(follower->sums["a"], 1002);
}

class FollowerSeeds : public FollowerTest, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(FollowerSeeds, AfterAnyCrashItHasWhatTheStoreHas) {
  os::fake::Random random(GetParam());
  double acknowledged = 0, ended = 0;
  std::int64_t time = start;
  open_followed();
  for (int life = 0; life < 60; ++life) {
    if (machine.alive()) {
      const auto id = series("a"), only = series("only");
      machine.crash_at_write(1 + random.below(40));
      for (int i = 0; i < 60 && machine.alive(); ++i) {
        double pass = 0;
        for (std::uint64_t k = random.below(30); k-- > 0;) {
          const auto value = static_cast<double>(random.below(100));
          if (!add_followed(id, ++time, value)) continue;
          if (add_followed(only, time, value, true)) pass += value;
        }
        ended += pass;
        if (random.chance(0.2)) store->seal_all();
        bool done = false;
        store->commit([&] { done = true; });
        sim.run_until([&] { return done || !machine.alive(); }, std::chrono::seconds(30));
        if (done) acknowledged = ended;
      }
      if (machine.alive()) machine.crash();
    }
    store.reset();
    machine.restart();
    open_followed();
    if (HasFatalFailure()) return;
    if (!machine.alive()) continue;
    EXPECT_EQ(follower->sums["a"], sum_stored(series("a"))) << "life " << life;
    const double only = follower->sums["only"];
    EXPECT_GE(only, acknowledged) << "life " << life;
    EXPECT_LE(only, ended) << "life " << life;
    acknowledged = ended = only;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FollowerSeeds, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace selvedge::store
