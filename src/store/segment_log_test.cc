#include "store/segment_log.h"

#include "store/log_fixture.h"
#include "store/segment_format.h"

namespace selvedge::store {
namespace {

TEST_F(LogTest, GivesBackWhatWasCommitted) {
  open();
  const Position a = append("one");
  const Position b = append("two");
  EXPECT_LT(a, b);
  EXPECT_EQ(text_at(a), "one");  // readable before it is durable
  EXPECT_LT(log->durable(), a);
  ASSERT_TRUE(commit());
  EXPECT_EQ(log->durable(), b);
  EXPECT_EQ(scanned(), (Contents{{a.value, "one"}, {b.value, "two"}}));
  power_cut();
  open();
  EXPECT_EQ(replayed, (Contents{{a.value, "one"}, {b.value, "two"}}));
  EXPECT_EQ(text_at(b), "two");
}

TEST_F(LogTest, NeverUsesAPositionAgain) {
  open();
  const Position durable = append("kept");
  ASSERT_TRUE(commit());
  const Position lost = append("lost");
  power_cut();
  open();
  EXPECT_GT(append("later"), lost);
  EXPECT_EQ(text_at(durable), "kept");
}

TEST_F(LogTest, StartsNumberingWhereItIsTold) {
  open({.first_segment = 9});
  EXPECT_EQ(append("x").segment(), 9u);
}

TEST_F(LogTest, GathersWhatComesInOneTurnIntoOneSync) {
  open();
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    append("record");
    log->commit([&] { ++done; });
  }
  ASSERT_TRUE(sim.run_until([&] { return done == 100; }, std::chrono::seconds(10)));
  EXPECT_EQ(machine.disk().stats().syncs, 1u);
  EXPECT_EQ(machine.disk().stats().syncs_on_loop, 0u);
  EXPECT_EQ(machine.disk().stats().appends, 1u);
}

TEST_F(LogTest, CollectsWhileItSyncs) {
  open();
  std::vector<int> order;
  append("first");
  log->commit([&] { order.push_back(1); });
  sim.run_for(std::chrono::microseconds(300));  // the first group is under way
  append("second");
  log->commit([&] { order.push_back(2); });
  append("third");
  log->commit([&] { order.push_back(3); });
  ASSERT_TRUE(sim.run_until([&] { return order.size() == 3; }, std::chrono::seconds(10)));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(machine.disk().stats().syncs, 2u);
}

TEST_F(LogTest, CallsBackACommitWithNothingToDoInALaterTurn) {
  open();
  bool done = false;
  log->commit([&] { done = true; });
  EXPECT_FALSE(done);
  ASSERT_TRUE(sim.run_until([&] { return done; }, std::chrono::seconds(1)));
}

TEST_F(LogTest, ACommitWithoutRecordsWaitsForTheGroupUnderWay) {
  open();
  std::vector<int> order;
  append("first");
  log->commit([&] { order.push_back(1); });
  sim.run_for(std::chrono::microseconds(300));
  log->commit([&] { order.push_back(2); });
  append("not committed");
  ASSERT_TRUE(sim.run_until([&] { return order.size() == 2; }, std::chrono::seconds(1)));
}

TEST_F(LogTest, RollsToNewSegmentsAndTrimsOldOnes) {
  open({.segment_bytes = 4096});
  std::vector<Position> at;
  for (int i = 0; i < 40; ++i) at.push_back(append(std::string(400, static_cast<char>('a' + i % 26))));
  ASSERT_TRUE(commit());
  EXPECT_GT(log->stats().segments, 3u);
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_LT(at[i - 1], at[i]);

  log->trim(at[20]);
  sim.run_for(std::chrono::seconds(1));
  EXPECT_EQ(text_at(at[0]), "(read a record: it is not in the log)");
  EXPECT_EQ(text_at(at[20])[0], 'u');
  EXPECT_EQ(files().size(), log->stats().segments);
  power_cut();
  open({.segment_bytes = 4096});
  EXPECT_FALSE(replayed.contains(at[0].value));
  EXPECT_TRUE(replayed.contains(at[20].value));
}

TEST_F(LogTest, ErasesOneSegmentInTheMiddle) {
  open({.segment_bytes = 4096});
  std::vector<Position> at;
  for (int i = 0; i < 40; ++i) at.push_back(append(std::string(400, 'x')));
  ASSERT_TRUE(commit());
  EXPECT_TRUE(log->erase(2));
  EXPECT_FALSE(log->erase(at.back().segment()));
  for (const auto& [position, text] : scanned()) EXPECT_NE(position >> 32, 2u);
  EXPECT_EQ(log->segments()[1], 3u);
}

TEST_F(LogTest, LetsTheOwnerPutAHeaderFirstInEachSegment) {
  open({.segment_bytes = 4096});
  int headers = 0;
  log->on_new_segment([&] {
    ASSERT_TRUE(log->append(9, base::as_bytes("header")));
    ++headers;
  });
  for (int i = 0; i < 30; ++i) append(std::string(400, 'x'));
  log->roll();
  append("after the roll");
  ASSERT_TRUE(commit());
  EXPECT_GT(headers, 2);
  int seen = 0;
  ASSERT_TRUE(log->scan({}, [&](const Record& record) {
    EXPECT_EQ(record.kind == 9, record.at.offset() == 0);
    seen += record.kind == 9;
    return true;
  }));
  EXPECT_EQ(seen, headers);
}

TEST_F(LogTest, TakesARecordLargerThanASegment) {
  open({.segment_bytes = 4096});
  append("small");
  const Position large = append(std::string(100'000, 'L'));
  append("small again");
  ASSERT_TRUE(commit());
  EXPECT_EQ(text_at(large).size(), 100'000u);
  power_cut();
  open({.segment_bytes = 4096});
  EXPECT_EQ(replayed.size(), 3u);
  EXPECT_EQ(log->append(1, base::Bytes(65 << 20)).error().code, base::Code::invalid_input);
}

TEST_F(LogTest, StopsAScanWhenTold) {
  open();
  append("one");
  const Position second = append("two");
  append("three");
  ASSERT_TRUE(commit());
  const auto end = log->scan({}, [&](const Record& record) { return record.at < second; });
  ASSERT_TRUE(end);
  EXPECT_EQ(scanned(*end).begin()->second, "three");
  EXPECT_EQ(scanned(second).size(), 2u);
}

TEST_F(LogTest, ScansWhatIsDurableWhileItGrows) {
  open({.segment_bytes = 4096});
  Contents expected;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5; ++i) {
      const std::string text = std::to_string(round * 5 + i) + std::string(300, '.');
      expected[append(text).value] = text;
    }
    ASSERT_TRUE(commit());
    const Position pending = append("pending");
    EXPECT_EQ(scanned(), expected);
    expected[pending.value] = "pending";
  }
}

TEST_F(LogTest, RefusesWhenFullAndGoesOnAfterATrim) {
  LogLimits limits{.total_bytes = 64 << 10, .segment_bytes = 8 << 10};
  open(limits);
  base::Result<Position> at = Position{};
  while ((at = log->append(1, base::Bytes(1000)))) ASSERT_TRUE(commit());
  EXPECT_EQ(at.error().code, base::Code::exhausted);
  EXPECT_TRUE(log->stats().full);
  EXPECT_LE(log->stats().bytes, limits.total_bytes);
  log->trim(log->end());
  EXPECT_TRUE(log->append(1, base::Bytes(1000)));
  EXPECT_FALSE(log->stats().full);
}

TEST_F(LogTest, DropsTheOldestWhenFullIfToldTo) {
  LogLimits limits{.total_bytes = 64 << 10, .segment_bytes = 8 << 10,
                   .when_full = WhenFull::drop_oldest};
  open(limits);
  Position first{};
  log->on_dropped([&](Position p) { first = p; });
  Position last{};
  for (int i = 0; i < 200; ++i) {
    last = append(std::string(1000, 'x'));
    ASSERT_TRUE(commit());
    ASSERT_LE(log->stats().bytes, limits.total_bytes);
  }
  EXPECT_GT(log->stats().dropped_segments, 10u);
  const Contents left = scanned();
  EXPECT_EQ(left.begin()->first, first.value);
  EXPECT_EQ(left.rbegin()->first, last.value);
}

TEST_F(LogTest, BoundsWhatWaitsForTheDisk) {
  open({.pending_bytes = 10'000});
  base::Result<Position> at = Position{};
  int taken = 0;
  while ((at = log->append(1, base::Bytes(1000)))) ++taken;
  EXPECT_EQ(at.error().code, base::Code::exhausted);
  EXPECT_EQ(taken, 9);
  ASSERT_TRUE(commit());
  EXPECT_TRUE(log->append(1, base::Bytes(1000)));
}

TEST_F(LogTest, KeepsSpaceFreeOnTheDisk) {
  open({.keep_free_bytes = 1 << 20});
  append("one");
  ASSERT_TRUE(commit());
  machine.disk().model.capacity = machine.disk().used() + (1 << 19);
  append("two");
  ASSERT_TRUE(commit());
  EXPECT_EQ(log->append(1, base::Bytes(10)).error().code, base::Code::exhausted);
  machine.disk().model.capacity = 1ULL << 40;
  sim.run_for(std::chrono::seconds(2));
  EXPECT_FALSE(log->append(1, base::Bytes(10)));  // this makes it ask the disk again
  sim.run_for(std::chrono::seconds(2));
  EXPECT_TRUE(log->append(1, base::Bytes(10)));
}

}  // namespace
}  // namespace selvedge::store
