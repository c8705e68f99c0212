#include "store/reading_store.h"

#include "store/store_fixture.h"

namespace selvedge::store {
namespace {

using base::Code;
using model::Kind;
using model::ValueView;

TEST_F(StoreTest, KeepsCommittedReadingsThroughAPowerCut) {
  open();
  const auto a = series("a");
  const auto b = series("b");
  EXPECT_EQ(add(a, start, 1.5), Added::stored);
  EXPECT_EQ(add(b, start, 2.5), Added::stored);
  EXPECT_EQ(add(a, start + second, 1.75), Added::stored);
  ASSERT_TRUE(commit());
  power_cut();
  open();
  EXPECT_EQ(series("a"), a);
  EXPECT_EQ(readings(a), (std::vector<Reading>{{start, 1.5}, {start + second, 1.75}}));
  EXPECT_EQ(readings(b), (std::vector<Reading>{{start, 2.5}}));
  EXPECT_EQ(store->stats().readings_open, 3u);
}

TEST_F(StoreTest, SealsByAgeAndTellsWhenTheBlockIsDurable) {
  open();
  const auto a = series("a");
  EXPECT_FALSE(store->next_due());
  add(a, start, 1.5);
  ASSERT_TRUE(store->next_due());
  EXPECT_EQ(*store->next_due(), machine.loop().now() + std::chrono::seconds(1));
  store->seal_due();
  EXPECT_EQ(store->stats().blocks_sealed, 0u);
  sim.run_for(std::chrono::milliseconds(1001));
  store->seal_due();
  EXPECT_EQ(store->stats().blocks_sealed, 1u);
  EXPECT_TRUE(sealed.empty());
  EXPECT_EQ(readings(a).size(), 1u);  // found while it waits for the disk
  ASSERT_TRUE(sim.run_until([&] { return !sealed.empty(); }, std::chrono::seconds(5)));
  EXPECT_EQ(sealed, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(store->last_sealed(), model::BlockSeq{1});
  EXPECT_EQ(readings(a).size(), 1u);
  EXPECT_FALSE(store->next_due());
}

TEST_F(StoreTest, SealsByCount) {
  open({.block_readings = 10});
  const auto a = series("a");
  for (int i = 0; i < 25; ++i) add(a, start + i, i);
  EXPECT_EQ(store->stats().blocks_sealed, 2u);
  EXPECT_EQ(readings(a).size(), 25u);
  seal();
  power_cut();
  open();
  EXPECT_EQ(readings(a).size(), 25u);
  EXPECT_EQ(blocks_visited, 3u);
}

TEST_F(StoreTest, TakesAMessageWholeOrNotAtAll) {
  open();
  const auto a = series("a");
  ASSERT_TRUE(store->add(a, {start}, ValueView::of(1.0)));
  ASSERT_TRUE(store->add(a, {start + 1}, ValueView::of(2.0)));
  store->abandon_message();
  EXPECT_TRUE(readings(a).empty());
  EXPECT_EQ(add(a, start, 1.0), Added::stored);  // not a duplicate of what was abandoned
  EXPECT_EQ(readings(a).size(), 1u);
}

TEST_F(StoreTest, KeepsEveryKindOfValue) {
  open();
  struct Case {
    std::string_view name;
    ValueView value, other;
  };
  const Case cases[] = {
      {"float", ValueView::of(1.25), ValueView::of(-0.0)},
      {"integer", ValueView::of(std::int64_t{INT64_MIN}), ValueView::of(std::int64_t{7})},
      {"boolean", ValueView::of(true), ValueView::of(false)},
      {"text", ValueView::of(std::string_view("hello")), ValueView::of(std::string_view(""))},
  };
  const auto check = [&] {
    for (const Case& c : cases) {
      std::vector<bool> same;
      const auto take = [&](const codec::Columns& columns) {
        for (std::size_t i = 0; i < columns.size(); ++i)
          same.push_back(columns.at(i) == (same.empty() ? c.value : c.other));
        return true;
      };
      ASSERT_TRUE(store->visit(
          series(c.name, c.value.kind), {0}, {INT64_MAX},
          [&](const model::BlockSummary&, base::BytesView frame) {
            codec::Columns columns;
            return codec::decode_frame(frame, columns) && take(columns);
          },
          take));
      EXPECT_EQ(same, (std::vector<bool>{true, true})) << c.name;
    }
  };
  for (const Case& c : cases) {
    const auto id = series(c.name, c.value.kind);
    ASSERT_TRUE(store->add(id, {start}, c.value));
    ASSERT_TRUE(store->add(id, {start + 1}, c.other));
    EXPECT_EQ(store->add(id, {start}, c.value), Added::duplicate);
  }
  ASSERT_TRUE(store->end_message(0));
  ASSERT_TRUE(commit());
  check();
  power_cut();
  open();
  check();
  seal();
  check();
  for (const Case& c : cases)
    EXPECT_EQ(store->add(series(c.name, c.value.kind), {start}, c.value), Added::duplicate) << c.name;
}

TEST_F(StoreTest, SaysWhyAReadingCannotBeTaken) {
  open({.series = 2});
  const auto a = series("a");
  series("b");
  EXPECT_EQ(store->series("a", Kind::text, "").error().code, Code::conflict);
  EXPECT_EQ(store->series("c", Kind::text, "").error().code, Code::exhausted);
  for (const std::string& name : {std::string(), std::string(513, 'x'), std::string("a\nb"),
                                  std::string("\xFF")})
    EXPECT_EQ(store->series(name, Kind::text, "").error().code, Code::invalid_input);
  EXPECT_EQ(store->add(model::SeriesId{77}, {0}, ValueView::of(1.0)).error().code,
            Code::invalid_input);
  EXPECT_EQ(store->add(a, {0}, ValueView::of(true)).error().code, Code::invalid_input);
}

TEST_F(StoreTest, KeepsItsEpochAndItsSeriesAndMakesAnotherEpochAnew) {
  open();
  const auto epoch = store->epoch();
  const auto b = series("later");
  ASSERT_TRUE(commit());
  power_cut();
  open();
  EXPECT_EQ(store->epoch(), epoch);
  ASSERT_NE(store->find("later"), nullptr);
  EXPECT_EQ(store->find("later")->id, b);
  EXPECT_EQ(store->find(b)->device, "device");
  EXPECT_EQ(store->find("unknown"), nullptr);
  int count = 0;
  store->each_series([&](const model::SeriesDef&) { return ++count > 0; });
  EXPECT_EQ(count, 1);
  auto other = ReadingStore::open(machine, "elsewhere", {});
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->epoch(), epoch);
}

TEST_F(StoreTest, DoesNotGiveTheNumberOfALostSeriesToAnother) {
  open();
  const auto a = series("a");
  ASSERT_TRUE(commit());
  const auto lost = series("lost");
  add(lost, start, 1);
  // The journal is written before the series table by chance of the crash: try many.
  for (std::uint64_t n = 1; n < 12; ++n) {
    machine.crash_at_write(n);
    store->commit([] {});
    sim.run_for(std::chrono::seconds(1));
    power_cut();
    open();
    const auto b = series("b" + std::to_string(n));
    for (const Reading& reading : readings(b)) ADD_FAILURE() << "found a foreign reading " << reading.first;
    EXPECT_GT(b, a);
    add(b, start + static_cast<std::int64_t>(n), 2);
  }
}

TEST_F(StoreTest, RemembersMessageKeysAcrossRestarts) {
  open();
  const auto a = series("a");
  add(a, start, 1, 42);
  EXPECT_TRUE(store->seen_message(42));
  EXPECT_FALSE(store->seen_message(43));
  EXPECT_FALSE(store->seen_message(0));
  ASSERT_TRUE(commit());
  power_cut();
  open();
  EXPECT_TRUE(store->seen_message(42));
  for (std::uint64_t key = 1000; key < 1000 + 10'000; ++key) {
    add(a, start + static_cast<std::int64_t>(key), 1, key);
    if (key % 500 == 0) seal();
  }
  EXPECT_FALSE(store->seen_message(42));
  ASSERT_TRUE(commit());
  power_cut();
  open();
  for (std::uint64_t key = 7000; key < 11'000; ++key) ASSERT_TRUE(store->seen_message(key)) << key;
}

TEST_F(StoreTest, RemembersMessageKeysAlsoOfReadingsThatAreInBlocksSince) {
  open();
  add(series("a"), start, 1, 5);
  ASSERT_TRUE(commit());
  for (int restart = 0; restart < 3; ++restart) {
    power_cut();
    open();
    seal();
    EXPECT_TRUE(store->seen_message(5)) << restart;
  }
}

TEST_F(StoreTest, TrimsTheJournalWhenItsReadingsAreInDurableBlocks) {
  open({.journal_bytes = 512 << 10});
  const auto a = series("a");
  for (int i = 0; i < 50'000; ++i) {
    add(a, start + i * second, i % 100);
    if (i % 1000 == 0) seal();
  }
  seal();
  EXPECT_LT(store->stats().journal.bytes, 200u << 10);
  power_cut();
  open();
  EXPECT_EQ(readings(a).size(), 50'000u);
}

TEST_F(StoreTest, MakesEverythingDurableWhenItCloses) {
  open();
  const auto a = series("a");
  add(a, start, 1);
  seal();
  store->delivered(model::BlockSeq{1}, model::BlockSeq{1});
  add(a, start + 1, 2);
  bool closed = false;
  store->close([&] { closed = true; });
  ASSERT_TRUE(sim.run_until([&] { return closed; }, std::chrono::seconds(10)));
  power_cut();
  open();
  EXPECT_EQ(readings(a).size(), 2u);
  EXPECT_EQ(store->first_undelivered(), model::BlockSeq::none);
}

}  // namespace
}  // namespace selvedge::store
