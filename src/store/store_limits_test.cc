// What a reading store recognises, forgets and refuses.

#include "base/wire.h"
#include "store/store_fixture.h"

namespace selvedge::store {
namespace {

using base::Code;
using model::BlockSeq;
using model::ValueView;

TEST_F(StoreTest, RecognisesTheSameReadingWhereverItIs) {
  enum class Where { in_the_message, in_the_column, in_a_block, restarted, replayed };
  struct Case {
    Where where;
    std::int64_t time;
    double value;
    Added expected;
  };
  // The series holds 10 readings, value i at start + i seconds.
  const Case cases[] = {
      {Where::in_the_message, 9, 9, Added::duplicate},
      {Where::in_the_message, 9, 9.5, Added::stored},
      {Where::in_the_message, 10, 9, Added::stored},
      {Where::in_the_column, 0, 0, Added::duplicate},
      {Where::in_the_column, 9, 9, Added::duplicate},
      {Where::in_the_column, 4, 4, Added::duplicate},
      {Where::in_the_column, 4, 5, Added::stored},
      {Where::in_the_column, -5, 4, Added::stored},
      {Where::replayed, 4, 4, Added::duplicate},
      {Where::replayed, 4, 4.5, Added::stored},
      {Where::in_a_block, 0, 0, Added::duplicate},
      {Where::in_a_block, 9, 9, Added::duplicate},
      {Where::in_a_block, 9, -9, Added::stored},
      {Where::in_a_block, 4, 4.5, Added::stored},
      {Where::in_a_block, -5, 0, Added::stored},
      {Where::restarted, 9, 9, Added::duplicate},
      {Where::restarted, 0, 0, Added::duplicate},
      {Where::restarted, 3, 0, Added::stored},
      {Where::restarted, 10, 9, Added::stored},
  };
  int number = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(number);
    open();
    const std::string name = "series " + std::to_string(number++);
    auto id = series(name);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(store->add(id, {start + i * second}, ValueView::of(static_cast<double>(i))));
    if (c.where != Where::in_the_message) {
      ASSERT_TRUE(store->end_message(0));
      ASSERT_TRUE(commit());
    }
    if (c.where == Where::in_a_block || c.where == Where::restarted) seal();
    if (c.where == Where::restarted || c.where == Where::replayed) {
      power_cut();
      open();
      id = series(name);
    }
    const auto added = store->add(id, {start + c.time * second}, ValueView::of(c.value));
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(*added, c.expected);
    ASSERT_TRUE(store->end_message(0));
    EXPECT_EQ(readings(id).size(), c.expected == Added::stored ? 11u : 10u);
    ASSERT_TRUE(commit());
    power_cut();
  }
}

TEST_F(StoreTest, RecognisesAWholeBacklogSentAgain) {
  open({.segment_bytes = 4 << 10, .block_readings = 50});
  const auto id = series("a");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3000; ++i)
      ASSERT_EQ(add(id, start + i * second, i % 17), round == 0 ? Added::stored : Added::duplicate);
    seal();
  }
  // What was missing in the middle is taken, once.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(add(id, start + i * second + 5, i), Added::stored);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(add(id, start + i * second + 5, i), Added::duplicate);
  EXPECT_EQ(readings(id).size(), 3100u);
  EXPECT_EQ(store->stats().readings_duplicate, 3100u);
}

TEST_F(StoreTest, SealsTheOldestColumnEarlyWhenMemoryRunsShort) {
  open({.memory_bytes = 64 << 10, .block_age = std::chrono::hours(1)});
  std::vector<model::SeriesId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(series("series " + std::to_string(i)));
  for (int i = 0; i < 20'000; ++i) {
    add(ids[static_cast<std::size_t>(i) % ids.size()], start + i, i);
    ASSERT_LE(store->stats().readings_open * 12, 64u << 10);
    if (i % 100 == 0) {
      ASSERT_TRUE(commit());
    }
  }
  EXPECT_GT(store->stats().blocks_sealed, 50u);
  std::size_t found = 0;
  for (const auto id : ids) found += readings(id).size();
  EXPECT_EQ(found, 20'000u);
}

TEST_F(StoreTest, RefusesMessagesWholeWhenTheDiskDoesNotFollow) {
  open({.memory_bytes = 64 << 10, .block_bytes = 256 << 10, .segment_bytes = 16 << 10,
        .when_full = WhenFull::refuse_new});
  const auto id = series("a");
  std::size_t stored = 0;
  std::optional<base::Error> refused;
  std::uint64_t noise = 1;
  for (int i = 0; i < 200'000 && !refused; ++i) {
    for (int k = 0; k < 3; ++k) {
      noise = noise * 6364136223846793005ULL + 1;
      ASSERT_TRUE(store->add(id, {start + i * 10 + k}, ValueView::of(static_cast<double>(noise >> 11))));
    }
    const auto ended = store->end_message(0);
    if (!ended) refused = ended.error();
    else stored += 3;
    if (i % 50 == 0) {
      ASSERT_TRUE(commit());
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Code::exhausted);
  EXPECT_LE(store->stats().blocks.bytes, 256u << 10);
  EXPECT_EQ(readings(id).size(), stored);
  // The cloud takes the backlog: room again.
  store->delivered(BlockSeq{1}, store->last_sealed());
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(add(id, start * 2, 1), Added::stored);
}

TEST_F(StoreTest, DropsTheOldestUndeliveredBlocksIfToldTo) {
  open({.block_bytes = 256 << 10, .segment_bytes = 16 << 10, .block_readings = 100,
        .when_full = WhenFull::drop_oldest});
  BlockSeq dropped_before{};
  store->on_dropped([&](BlockSeq first) { dropped_before = first; });
  const auto id = series("a");
  std::uint64_t noise = 1;
  const int count = 100'000;
  for (int i = 0; i < count; ++i) {
    noise = noise * 6364136223846793005ULL + 1;
    add(id, start + i, static_cast<double>(noise >> 11));
    if (i % 1000 == 0) {
      ASSERT_TRUE(commit());
      sim.run_for(std::chrono::milliseconds(20));
    }
  }
  seal();
  EXPECT_GT(store->stats().blocks_dropped, 100u);
  EXPECT_LE(store->stats().blocks.bytes, 256u << 10);
  EXPECT_EQ(store->first_undelivered(), dropped_before);
  const std::vector<std::uint64_t> left = undelivered();
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.front(), model::number(dropped_before));
  EXPECT_EQ(left.back(), model::number(store->last_sealed()));
  EXPECT_EQ(left.size(), store->stats().blocks_undelivered);
  const auto found = readings(id);
  EXPECT_EQ(found.back().first, start + count - 1);  // the newest are there
}

TEST_F(StoreTest, LetsDeliveredBlocksGoBeforeUndeliveredOnes) {
  open({.block_bytes = 256 << 10, .segment_bytes = 16 << 10, .block_readings = 100,
        .when_full = WhenFull::drop_oldest});
  const auto id = series("a");
  std::uint64_t noise = 1;
  std::uint64_t kept = 0;
  for (int i = 0; i < 100'000; ++i) {
    noise = noise * 6364136223846793005ULL + 1;
    add(id, start + i, static_cast<double>(noise >> 11));
    if (i % 100 != 0) continue;
    ASSERT_TRUE(commit());
    sim.run_for(std::chrono::milliseconds(20));
    // The first hundred blocks stay undelivered, all later ones are delivered at once.
    kept = std::min<std::uint64_t>(model::number(store->last_sealed()), 100);
    if (model::number(store->last_sealed()) > 100)
      store->delivered(BlockSeq{101}, store->last_sealed());
  }
  EXPECT_EQ(store->stats().blocks_dropped, 0u);
  const std::vector<std::uint64_t> left = undelivered();
  ASSERT_GE(left.size(), kept);
  for (std::uint64_t n = 1; n <= kept; ++n) EXPECT_EQ(left[n - 1], n);
}

TEST_F(StoreTest, ForgetsDeliveredBlocksAfterTheRetention) {
  open({.segment_bytes = 4 << 10, .block_readings = 10, .retention = std::chrono::hours(1)});
  const auto id = series("a");
  for (int i = 0; i < 3000; ++i) add(id, start + i, i % 13);
  seal();
  const std::uint64_t half = model::number(store->last_sealed()) / 2;
  store->delivered(BlockSeq{1}, BlockSeq{half});
  store->seal_due();
  EXPECT_EQ(readings(id).size(), 3000u);
  sim.run_for(std::chrono::hours(2));
  store->seal_due();
  const std::size_t left = readings(id).size();
  EXPECT_LT(left, 1800u);  // whole segments go
  EXPECT_GE(left, 1500u);  // undelivered ones stay
  EXPECT_EQ(undelivered().front(), half + 1);
  sim.run_for(std::chrono::seconds(1));
  power_cut();
  open();
  EXPECT_EQ(readings(id).size(), left);
  EXPECT_EQ(undelivered().front(), half + 1);
}

TEST_F(StoreTest, RemembersWhatWasDeliveredInAnyOrder) {
  open({.block_readings = 1});
  const auto id = series("a");
  for (int i = 0; i < 20; ++i) add(id, start + i, i);
  seal();
  struct Case {
    std::uint64_t first, last;
    std::uint64_t first_undelivered;
    std::size_t left;
  };
  const Case cases[] = {{5, 8, 1, 16},   {1, 2, 3, 14},  {1, 2, 3, 14},  {12, 12, 3, 13}, {3, 4, 9, 11},
                        {7, 10, 11, 9},  {0, 3, 11, 9},  {13, 99, 11, 1}, {11, 11, 0, 0}};
  for (const Case& c : cases) {
    store->delivered(BlockSeq{c.first}, BlockSeq{c.last});
    EXPECT_EQ(model::number(store->first_undelivered()), c.first_undelivered);
    EXPECT_EQ(undelivered().size(), c.left);
    EXPECT_EQ(store->stats().blocks_undelivered, c.left);
    sim.run_for(std::chrono::seconds(3));  // the marks are written once a second
    power_cut();
    open({.block_readings = 1});
    EXPECT_EQ(undelivered().size(), c.left);
  }
}

TEST_F(StoreTest, GivesBlocksInPiecesThatFit) {
  open({.block_readings = 10});
  const auto id = series("a");
  for (int i = 0; i < 1000; ++i) add(id, start + i, i);
  seal();
  std::uint64_t from = 1;
  std::size_t pieces = 0;
  while (from <= 100) {
    const auto blocks = store->undelivered(BlockSeq{from}, 500);
    ASSERT_TRUE(blocks);
    ASSERT_FALSE(blocks->empty());
    std::size_t bytes = 0;
    for (const StoredBlock& block : *blocks) {
      EXPECT_EQ(model::number(block.seq), from++);
      EXPECT_EQ(block.series, id);
      bytes += block.frame.size();
    }
    EXPECT_LE(bytes, 500u);
    ++pieces;
  }
  EXPECT_GT(pieces, 5u);
  EXPECT_EQ(undelivered(50, 1), (std::vector<std::uint64_t>{50}));  // at least one
  EXPECT_TRUE(undelivered(101).empty());
}

TEST_F(StoreTest, ReadsOnlyWhatAQueryAsksFor) {
  open({.segment_bytes = 8 << 10, .block_readings = 100});
  const auto id = series("a");
  const auto other = series("other");
  for (int i = 0; i < 20'000; ++i) {
    add(id, start + i * second, i % 1000);
    if (i % 10 == 0) add(other, start + i * second, i);
  }
  seal();
  power_cut();
  open();
  EXPECT_EQ(readings(id).size(), 20'000u);
  EXPECT_EQ(readings(other).size(), 2000u);
  const std::uint64_t before = machine.disk().stats().read_bytes;
  const auto found = readings(id, start + 7000 * second, start + 7050 * second);
  EXPECT_EQ(blocks_visited, 1u);
  EXPECT_EQ(found.size(), 100u);  // the whole block: the query cuts
  EXPECT_LT(machine.disk().stats().read_bytes - before, 600u << 10);
}

TEST_F(StoreTest, LivesOnWithADamagedBlockSegment) {
  open({.segment_bytes = 4 << 10, .block_readings = 10});
  const auto id = series("a");
  std::uint64_t noise = 1;
  for (int i = 0; i < 2000; ++i) {
    noise = noise * 6364136223846793005ULL + 1;
    add(id, start + i, static_cast<double>(noise >> 11));
  }
  seal();
  const std::uint64_t last = model::number(store->last_sealed());
  power_cut();
  int damaged = 0;
  for (const std::string& name : machine.disk().files()) {
    if (name.find("/blocks/") == std::string::npos || ++damaged != 2) continue;
    ASSERT_TRUE(machine.disk().flip_bits(name, 2000, 0xFF));
  }
  open();
  const std::vector<std::uint64_t> left = undelivered();
  EXPECT_LT(left.size(), last);
  EXPECT_GT(left.size(), last - 30);
  EXPECT_EQ(left.back(), last);
  // The missing ones are given up, so the backlog can drain.
  for (const std::uint64_t n : left) store->delivered(BlockSeq{n}, BlockSeq{n});
  EXPECT_EQ(store->first_undelivered(), BlockSeq::none);
  EXPECT_GT(readings(id).size(), 1500u);
}

TEST_F(StoreTest, SpreadsALargeBurstOfSealing) {
  open({.memory_bytes = 32 << 20});
  std::vector<model::SeriesId> ids;
  for (int i = 0; i < 3000; ++i) {
    const auto id = series("series " + std::to_string(i));
    ASSERT_TRUE(store->add(id, {start}, ValueView::of(1.0)));
  }
  ASSERT_TRUE(store->end_message(0));
  sim.run_for(std::chrono::seconds(2));
  int calls = 0;
  while (store->next_due() && *store->next_due() <= machine.loop().now()) {
    store->seal_due();
    ++calls;
  }
  EXPECT_GT(calls, 5);
  EXPECT_EQ(store->stats().blocks_sealed, 3000u);
}

TEST_F(StoreTest, SealsTextsBeforeTheirBlockIsTooLargeToTravel) {
  constexpr std::size_t largest_that_travels = (2 << 20) - (4 << 10);
  open({.memory_bytes = 64 << 20});
  const auto id = series("log", model::Kind::text);
  std::string text(4096, 'x');
  std::uint64_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    for (char& c : text) {  // nothing a compressor could use
      state = state * 6364136223846793005u + 1442695040888963407u;
      c = static_cast<char>(32 + (state >> 58));
    }
    ASSERT_TRUE(store->add(id, {start + i * second}, ValueView::of(std::string_view(text))));
    if (i % 100 == 99) {
      ASSERT_TRUE(store->end_message(static_cast<std::uint64_t>(i)));
    }
  }
  ASSERT_TRUE(commit());
  seal();
  std::size_t blocks = 0;
  const auto undelivered = store->undelivered(BlockSeq{1}, 100 << 20);
  ASSERT_TRUE(undelivered);
  for (const StoredBlock& block : *undelivered) {
    EXPECT_LT(block.frame.size(), largest_that_travels);
    ++blocks;
  }
  EXPECT_GE(blocks, 4u);
}

}  // namespace
}  // namespace selvedge::store
