// Blocks that stay on the node: numbered like all others, delivered from the start, never offered.

#include <cmath>

#include "store/delivered.h"
#include "store/store_fixture.h"

namespace selvedge::store {
namespace {

using Numbers = std::vector<std::uint64_t>;

class LocalBlocks : public StoreTest {
 protected:
  static StoreLimits limits() {
    StoreLimits limits;
    limits.policy = [](const model::SeriesDef& series) {
      SeriesPolicy policy;
      policy.local = series.name.starts_with("local");
      return policy;
    };
    return limits;
  }
  void block(std::string_view name, std::int64_t time) {
    add(series(name), time, 1);
    store->seal_all();
  }
};

TEST_F(LocalBlocks, AreNeitherToldNorOfferedNorWaitedFor) {
  open(limits());
  for (int i = 0; i < 3; ++i) block("local", start + i), block("up", start + i);
  seal();
  EXPECT_EQ(sealed, (Numbers{2, 4, 6}));
  EXPECT_EQ(undelivered(), (Numbers{2, 4, 6}));
  EXPECT_EQ(store->stats().blocks_undelivered, 3u);
  EXPECT_EQ(store->first_undelivered(), model::BlockSeq{2});
  store->delivered(model::BlockSeq{2}, model::BlockSeq{2});
  store->delivered(model::BlockSeq{4}, model::BlockSeq{4});
  store->delivered(model::BlockSeq{6}, model::BlockSeq{6});
  EXPECT_EQ(store->first_undelivered(), model::BlockSeq::none);
  EXPECT_EQ(readings(series("local")).size(), 3u);
  EXPECT_EQ(blocks_visited, 3u);
}

TEST_F(LocalBlocks, StayLocalAfterARestart) {
  open(limits());
  for (int i = 0; i < 3; ++i) block("local", start + i), block("up", start + i);
  seal();
  power_cut();
  open(limits());
  EXPECT_EQ(undelivered(), (Numbers{2, 4, 6}));
  EXPECT_EQ(readings(series("local")).size(), 3u);
  EXPECT_EQ(add(series("local"), start, 1), Added::duplicate);
}

// A number that a crash took away goes to another block, which must not count as delivered.
TEST_F(LocalBlocks, ALostBlockLeavesNoMarkBehind) {
  for (std::uint64_t write = 1; write < 25; ++write) {
    os::fake::Simulation one{write};
    os::fake::Machine& node = one.machine("node");
    auto opened = ReadingStore::open(node, "store", limits());
    ASSERT_TRUE(opened);
    auto made = std::move(*opened);
    const auto local = made->series("local", model::Kind::float64, "").value();
    const auto up = made->series("up", model::Kind::float64, "").value();
    node.crash_at_write(write);
    for (int i = 0; i < 20 && node.alive(); ++i) {
      const auto id = i % 2 ? up : local;
      base::ignore(made->add(id, {start + i}, model::ValueView::of(1.0)), "it dies some time");
      base::ignore(made->end_message(0), "it dies some time");
      made->seal_all();
      bool done = false;
      made->commit([&] { done = true; });
      one.run_until([&] { return done || !node.alive(); }, std::chrono::seconds(5));
      if (node.alive()) one.run_for(std::chrono::milliseconds(700));
    }
    if (node.alive()) node.crash();
    made.reset();
    node.restart();
    opened = ReadingStore::open(node, "store", limits());
    ASSERT_TRUE(opened);
    made = std::move(*opened);
    // All that is there and not local is offered, and what comes now too.
    const auto again = made->series("up", model::Kind::float64, "").value();
    ASSERT_TRUE(made->add(again, {start + 1000}, model::ValueView::of(2.0)));
    ASSERT_TRUE(made->end_message(0));
    made->seal_all();
    bool done = false;
    made->commit([&] { done = true; });
    ASSERT_TRUE(one.run_until([&] { return done; }, std::chrono::seconds(5)));
    one.run_for(std::chrono::seconds(1));
    std::size_t stored = 0, offered = 0;
    ASSERT_TRUE(made->visit(again, {INT64_MIN}, {INT64_MAX},
                            [&](const model::BlockSummary& s, base::BytesView) { return stored += s.count, true; },
                            [&](const codec::Columns&) { return true; }));
    const auto waiting = made->undelivered(model::BlockSeq{1}, 1 << 30);
    ASSERT_TRUE(waiting);
    for (const StoredBlock& block : *waiting) {
      EXPECT_EQ(block.series, again);
      offered += codec::read_summary(block.frame)->count;
    }
    EXPECT_EQ(offered, stored) << "crash at write " << write;
  }
}

TEST_F(LocalBlocks, MoreRangesThanMarksAreNotOfferedEither) {
  StoreLimits many = limits();
  many.block_bytes = 64 << 20;
  open(many);
  const auto local = series("local"), up = series("up");
  const std::uint64_t blocks = 2 * Delivered::max_ranges + 500;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    add(i % 2 ? up : local, start + static_cast<std::int64_t>(i), 1);
    store->seal_all();
    if (i % 500 == 0) {
      ASSERT_TRUE(commit());
    }
  }
  seal();
  sim.run_for(std::chrono::seconds(30));
  std::uint64_t offered = 0;
  for (std::uint64_t from = 1;;) {
    const auto some = store->undelivered(model::BlockSeq{from}, 1 << 20);
    ASSERT_TRUE(some);
    if (some->empty()) break;
    for (const StoredBlock& block : *some) {
      EXPECT_EQ(block.series, up);
      ++offered;
    }
    from = model::number(some->back().seq) + 1;
  }
  EXPECT_EQ(offered, blocks / 2);
  store->delivered(model::BlockSeq{1}, store->last_sealed());
  EXPECT_EQ(store->first_undelivered(), model::BlockSeq::none);
}

TEST_F(LocalBlocks, GoWithAgeLikeDeliveredOnes) {
  StoreLimits small = limits();
  small.segment_bytes = 64 << 10;
  small.block_bytes = 1 << 20;
  small.retention = std::chrono::hours(1);
  open(small);
  const auto id = series("local");
  std::int64_t time = start;
  for (int i = 0; i < 60; ++i) {
    for (int k = 0; k < 500; ++k) {
      ASSERT_TRUE(store->add(id, {++time}, model::ValueView::of(machine.random_unit())));
    }
    ASSERT_TRUE(store->end_message(0));
    seal();
  }
  const auto before = store->stats().blocks.bytes;
  EXPECT_GT(before, 100u << 10);
  sim.run_for(std::chrono::hours(2));
  store->seal_due();
  sim.run_for(std::chrono::seconds(1));
  EXPECT_LT(store->stats().blocks.bytes, before);
}

TEST_F(LocalBlocks, APolicyIsAskedAgainAfterNewLimits) {
  open(limits());
  block("local", start);
  StoreLimits other = limits();
  other.policy = nullptr;
  store->set_limits(other);
  block("local", start + 1);
  seal();
  EXPECT_EQ(undelivered(), (Numbers{2}));
}

TEST_F(LocalBlocks, WithAnErrorBoundARepetitionIsKnownByItsTime) {
  StoreLimits lossy;
  lossy.policy = [](const model::SeriesDef&) {
    SeriesPolicy policy;
    policy.bound = {codec::ErrorBound::Kind::absolute, 0.1};
    return policy;
  };
  open(lossy);
  const auto id = series("a");
  for (int i = 0; i < 50; ++i) add(id, start + i * second, 20 + std::sin(i * 0.3));
  seal();
  EXPECT_EQ(add(id, start + 7 * second, 20 + std::sin(7 * 0.3)), Added::duplicate);
  const auto found = readings(id);
  ASSERT_EQ(found.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_NEAR(found[static_cast<std::size_t>(i)].second, 20 + std::sin(i * 0.3), 0.1);
}

TEST_F(LocalBlocks, AnErrorBoundIsNoneOfIntegersAndTexts) {
  StoreLimits lossy;
  lossy.policy = [](const model::SeriesDef&) {
    SeriesPolicy policy;
    policy.bound = {codec::ErrorBound::Kind::absolute, 0.1};
    return policy;
  };
  open(lossy);
  const auto words = store->series("words", model::Kind::text, "").value();
  const auto counts = store->series("counts", model::Kind::int64, "").value();
  const auto put = [&](model::SeriesId id, std::int64_t at, const model::ValueView& value) {
    const auto added = store->add(id, {at}, value);
    EXPECT_TRUE(store->end_message(0));
    return added.value();
  };
  for (int i = 0; i < 5; ++i) {
    put(words, start + i * second, model::ValueView::of(std::string_view("on")));
    put(counts, start + i * second, model::ValueView::of(std::int64_t{i}));
  }
  seal();
  EXPECT_EQ(put(words, start + 2 * second, model::ValueView::of(std::string_view("off"))), Added::stored);
  EXPECT_EQ(put(words, start + 2 * second, model::ValueView::of(std::string_view("on"))), Added::duplicate);
  EXPECT_EQ(put(counts, start + 2 * second, model::ValueView::of(std::int64_t{9})), Added::stored);
  EXPECT_EQ(put(counts, start + 2 * second, model::ValueView::of(std::int64_t{2})), Added::duplicate);
}

}  // namespace
}  // namespace selvedge::store
