#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cloud/sample_batches.h"
#include "cloud/sqlite_reader.h"
#include "cloud/sqlite_writer.h"

namespace selvedge::cloud {
namespace {

using Range = codec::uplink::Range;

Range range(std::uint64_t first, std::uint64_t last) {
  return {model::BlockSeq{first}, model::BlockSeq{last}};
}

class SqliteCommit : public testing::Test {
 protected:
  std::vector<Committed> commit(std::vector<Incoming> batches) {
    auto done = writer_.commit(batches);
    EXPECT_TRUE(done) << done.error().message;
    return done ? *std::move(done) : std::vector<Committed>(batches.size());
  }
  Committed commit_one(Incoming batch) {
    std::vector<Incoming> batches;
    batches.push_back(std::move(batch));
    return commit(std::move(batches)).front();
  }
  // Everything that is stored of the blocks, in the order of their identity, and all totals.
  std::string contents() {
    std::string all;
    const auto add = [&](std::string_view sql, int columns) {
      Statement row = writer_.database().prepare(sql).value();
      while (row.step().value()) {
        for (int i = 0; i < columns; ++i) all += std::string(row.text(i)) + "|";
        all += "\n";
      }
    };
    add("SELECT n.name, e.epoch, b.seq, s.name, s.kind, b.first_time, b.last_time, b.count, b.sum, "
        "hex(b.frame) FROM blocks b JOIN node_epochs e ON e.id = b.epoch JOIN nodes n ON n.id = "
        "e.node JOIN series s ON s.id = b.series ORDER BY 1, 2, 3",
        10);
    add("SELECT name, readings, blocks, bytes, series FROM nodes ORDER BY name", 5);
    add("SELECT n.name, s.name, s.kind, s.readings, s.blocks, s.bytes, s.first_time, s.last_time, "
        "s.last FROM series s JOIN nodes n ON n.id = s.node ORDER BY 1, 2, 3",
        9);
    add("SELECT nodes, series, blocks, readings, frame_bytes FROM totals", 5);
    return all;
  }

  TemporaryFolder folder_;
  SqliteWriter writer_ = SqliteWriter::open(folder_.file("cloud.db")).value();
  SqliteReader reader_ = SqliteReader::open(folder_.file("cloud.db")).value();
};

TEST_F(SqliteCommit, StoresABatchAndAcknowledgesIt) {
  const base::Bytes frame = sample_frame(0, 10);
  const Committed done = commit_one(SampleBatch(77)
                                        .series(1, "a")
                                        .series(2, "b")
                                        .block(5, 1, frame)
                                        .block(7, 2, sample_frame(5, 3))
                                        .block(6, 1, sample_frame(10, 10))
                                        .block(9, 1, sample_frame(20, 1))
                                        .from("gate"));
  EXPECT_FALSE(done.refused);
  EXPECT_EQ(done.node, "gate");
  EXPECT_EQ(done.ack.epoch, model::Epoch{77});
  EXPECT_EQ(done.ack.ranges, (std::vector<Range>{range(5, 7), range(9, 9)}));
  EXPECT_EQ(done.blocks, 4U);
  EXPECT_EQ(done.readings, 24U);
  EXPECT_EQ(done.duplicates, 0U);

  const StoreTotals totals = reader_.totals().value();
  EXPECT_EQ(totals.nodes, 1U);
  EXPECT_EQ(totals.series, 2U);
  EXPECT_EQ(totals.blocks, 4U);
  EXPECT_EQ(totals.readings, 24U);
  EXPECT_EQ(totals.frame_bytes, done.frame_bytes);
  EXPECT_GT(totals.file_bytes, totals.frame_bytes);

  const std::vector<SeriesInfo> series = reader_.series("gate", "a", 10).value();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].readings, 21U);
  EXPECT_EQ(series[0].blocks, 3U);
  EXPECT_EQ(series[0].device, "d1");
  EXPECT_EQ(series[0].first_time, day_one);
  EXPECT_EQ(series[0].last_time.ns, day_one.ns + 20 * second);
  EXPECT_EQ(series[0].last, 20);

  const std::vector<NodeInfo> nodes = reader_.nodes().value();
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].readings, 24U);
  EXPECT_EQ(nodes[0].series, 2U);
  EXPECT_EQ(nodes[0].last_seen, day_one);
}

TEST_F(SqliteCommit, LeavesTheSameContentWhateverComesTwiceAndInWhichOrder) {
  std::vector<Incoming> batches;
  for (const char* node : {"n1", "n2"}) {
    for (std::uint64_t i = 0; i < 8; ++i) {
      SampleBatch batch(3);
      batch.series(1, "a").series(2, "b");
      for (std::uint64_t b = 0; b < 4; ++b) {
        const std::uint64_t seq = i * 3 + b + 1;  // the last of each is the first of the next
        batch.block(seq, 1 + seq % 2, sample_frame(static_cast<std::int64_t>(seq), 5));
      }
      batches.push_back(batch.from(node));
    }
  }
  commit(batches);
  const std::string expected = contents();
  for (unsigned seed = 0; seed < 5; ++seed) {
    TemporaryFolder folder;
    writer_ = SqliteWriter::open(folder.file("cloud.db")).value();
    std::mt19937 random(seed);
    std::vector<Incoming> shuffled = batches;
    shuffled.insert(shuffled.end(), batches.begin(), batches.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::uint64_t blocks = 0, duplicates = 0;
    while (!shuffled.empty()) {
      const std::size_t count = std::min<std::size_t>(shuffled.size(), 1 + random() % 6);
      std::vector<Incoming> some(shuffled.end() - static_cast<std::ptrdiff_t>(count),
                                 shuffled.end());
      shuffled.resize(shuffled.size() - count);
      for (const Committed& done : commit(some)) {
        EXPECT_FALSE(done.refused);
        EXPECT_EQ(done.ack.ranges.size(), 1U);  // known blocks are acknowledged like new ones
        blocks += done.blocks;
        duplicates += done.duplicates;
      }
    }
    EXPECT_EQ(contents(), expected) << "seed " << seed;
    EXPECT_EQ(blocks, 2U * 25);
    EXPECT_EQ(duplicates, 2U * 2 * 8 * 4 - 2 * 25);
  }
}

TEST_F(SqliteCommit, RefusesABadBatchAndHarmsNoOther) {
  const base::Bytes good_frame = sample_frame(0, 10);
  base::Bytes bad_frame = good_frame;
  bad_frame.back() ^= 1;
  commit_one(SampleBatch(1).series(1, "known").block(1, 1, good_frame).from("gate"));
  const Incoming good = SampleBatch(2).series(1, "good").block(1, 1, good_frame).from("gate");
  Incoming garbage = good;
  garbage.payload.back() ^= 1;

  const struct {
    const char* what;
    Incoming batch;
    base::Code code;
    const char* why;
  } cases[] = {
      {"a damaged message", garbage, base::Code::corrupt, "checksum"},
      {"an empty message", {"gate", {}, day_one}, base::Code::corrupt, "no uplink message"},
      {"a damaged frame",
       SampleBatch(1).block(2, 1, good_frame).block(3, 1, bad_frame).from("gate"),
       base::Code::corrupt, "block 3"},
      {"a series never told", SampleBatch(1).block(2, 7, good_frame).from("gate"),
       base::Code::invalid_input, "unknown series 7"},
      {"a series told in another epoch", SampleBatch(9).block(2, 1, good_frame).from("gate"),
       base::Code::invalid_input, "unknown series 1"},
      {"a series told by another node", SampleBatch(1).block(2, 1, good_frame).from("other"),
       base::Code::invalid_input, "unknown series 1"},
      {"a series with a new name",
       SampleBatch(1).series(1, "renamed").block(2, 1, good_frame).from("gate"),
       base::Code::invalid_input, "series 1 is \"known\", not \"renamed\""},
      {"a series with a new kind",
       SampleBatch(1).series(1, "known", model::Kind::int64).block(2, 1, good_frame).from("gate"),
       base::Code::invalid_input, "series 1 is \"float64\", not \"int64\""},
      {"a series told twice differently",
       SampleBatch(1).series(8, "x").series(8, "y").block(2, 8, good_frame).from("gate"),
       base::Code::invalid_input, "series 8 is \"x\", not \"y\""},
      {"a block of another kind",
       SampleBatch(1).series(9, "whole", model::Kind::int64).block(2, 9, good_frame).from("gate"),
       base::Code::invalid_input, "series 9 holds int64, its block float64"},
  };
  std::uint64_t expected_blocks = 1;
  for (const auto& c : cases) {
    const std::string name = std::to_string(expected_blocks);
    Incoming before =
        SampleBatch(5).series(1, "x").block(expected_blocks * 2, 1, good_frame).from("n");
    Incoming after = SampleBatch(5).block(expected_blocks * 2 + 1, 1, good_frame).from("n");
    const std::vector<Committed> done = commit({before, c.batch, after});
    EXPECT_FALSE(done[0].refused) << c.what;
    ASSERT_TRUE(done[1].refused) << c.what;
    EXPECT_EQ(done[1].refused->code, c.code) << c.what;
    EXPECT_NE(done[1].refused->message.find(c.why), std::string::npos) << done[1].refused->message;
    EXPECT_TRUE(done[1].ack.ranges.empty()) << c.what;
    EXPECT_EQ(done[1].node, c.batch.node);
    EXPECT_FALSE(done[2].refused) << c.what;
    expected_blocks += 2;
    const StoreTotals totals = reader_.totals().value();
    EXPECT_EQ(totals.blocks, expected_blocks) << c.what;
    EXPECT_EQ(totals.series, 2U) << c.what;
    EXPECT_EQ(totals.nodes, 2U) << c.what;
  }
}

TEST_F(SqliteCommit, JoinsASeriesThroughTheEpochsOfItsNode) {
  commit_one(
      SampleBatch(1).series(1, "a").series(2, "b").block(1, 2, sample_frame(0, 10)).from("gate"));
  // The store of the node was lost: other numbers for the same names, and sequences from 1 again.
  const Committed done =
      commit_one(SampleBatch(2).series(9, "b").block(1, 9, sample_frame(10, 10)).from("gate"));
  EXPECT_EQ(done.blocks, 1U);
  EXPECT_EQ(done.duplicates, 0U);
  const auto series = reader_.series("gate", "b", 10).value();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].readings, 20U);
  EXPECT_EQ(reader_.totals().value().series, 2U);
  const auto answer = reader_.query(
      "gate", "b", {.from = day_one, .to = {INT64_MAX}, .step = {}, .aggregates = {}});
  EXPECT_EQ(answer.value().readings.size(), 20U);
}

TEST_F(SqliteCommit, KeepsBothKindsOfASeriesThatChanged) {
  commit_one(SampleBatch(1).series(1, "a").block(1, 1, sample_frame(0, 10)).from("gate"));
  commit_one(SampleBatch(2)
                 .series(1, "a", model::Kind::int64)
                 .block(1, 1, sample_frame(100, 4, model::Kind::int64))
                 .from("gate"));
  EXPECT_EQ(reader_.series("gate", "a", 10).value().size(), 2U);
  const auto answer = reader_.query(
      "gate", "a", {.from = day_one, .to = {INT64_MAX}, .step = {}, .aggregates = {}});
  EXPECT_EQ(answer.value().kind, model::Kind::int64);  // the later one
  EXPECT_EQ(answer.value().readings.size(), 4U);
}

TEST_F(SqliteCommit, FindsBlocksThatOverlapARange) {
  SampleBatch batch(1);
  batch.series(1, "a");
  // One long block that covers everything, and many short ones.
  batch.block(1, 1, sample_frame(0, 1000));
  for (std::uint64_t i = 0; i < 50; ++i) {
    batch.block(2 + i, 1, sample_frame(static_cast<std::int64_t>(i) * 10, 10));
  }
  commit_one(batch.from("gate"));
  const auto rows = [&](std::int64_t from, std::int64_t to) {
    return reader_
        .query("gate", "a",
               {.from = {day_one.ns + from * second},
                .to = {day_one.ns + to * second},
                .step = {},
                .aggregates = {}})
        .value();
  };
  EXPECT_EQ(rows(0, 1000).readings.size(), 1500U);
  EXPECT_EQ(rows(100, 101).readings.size(), 2U);
  EXPECT_EQ(rows(100, 101).blocks_decoded, 2U);
  EXPECT_EQ(rows(900, 2000).blocks_decoded, 1U);
  EXPECT_EQ(rows(1000, 2000).blocks_decoded, 0U);
  EXPECT_EQ(rows(-10, 0).blocks_decoded, 0U);
  EXPECT_EQ(reader_
                .query("gate", "a",
                       {.from = {INT64_MIN}, .to = {INT64_MAX}, .step = {}, .aggregates = {}})
                .value()
                .readings.size(),
            1500U);
  EXPECT_EQ(reader_.query("gate", "b", {}).error().code, base::Code::not_found);
  EXPECT_EQ(reader_.query("other", "a", {}).error().code, base::Code::not_found);
}

TEST_F(SqliteCommit, ListsTheBlocksOfASeries) {
  SampleBatch batch(UINT64_MAX);  // an epoch of 64 bits comes back whole
  batch.series(1, "a").series(2, "b");
  const base::Bytes frame = sample_frame(10, 10);
  batch.block(4, 1, sample_frame(20, 10)).block(3, 1, frame).block(5, 2, frame);
  commit_one(batch.from("gate"));
  const base::Time end{INT64_MAX};
  const auto blocks = reader_.blocks("gate", "a", day_one, end, UINT64_MAX).value();
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].epoch, model::Epoch{UINT64_MAX});
  EXPECT_EQ(blocks[0].seq, model::BlockSeq{3});
  EXPECT_EQ(blocks[0].bytes, frame.size());
  EXPECT_EQ(blocks[0].summary.count, 10U);
  EXPECT_EQ(blocks[0].summary.last, 19);
  EXPECT_EQ(blocks[0].sealed_at, day_one);
  EXPECT_EQ(blocks[0].arrived_at, day_one);
  EXPECT_EQ(blocks[1].seq, model::BlockSeq{4});
  EXPECT_EQ(reader_.blocks("gate", "a", day_one, end, 1).value().size(), 1U);
  EXPECT_EQ(reader_.blocks("gate", "a", {day_one.ns + 25 * second}, end, 9).value().size(), 1U);
  EXPECT_EQ(reader_.blocks("gate", "c", day_one, end, 9).error().code, base::Code::not_found);
}

TEST_F(SqliteCommit, AnswersWindowsFromHeadersAndLoadsOnlyTheFramesItNeeds) {
  SampleBatch batch(1);
  batch.series(1, "a");
  for (std::uint64_t i = 0; i < 20; ++i) {
    batch.block(1 + i, 1, sample_frame(static_cast<std::int64_t>(i) * 50, 50));
  }
  commit_one(batch.from("gate"));
  // Damaged frames are not noticed as long as headers answer.
  ASSERT_TRUE(writer_.database().run("UPDATE blocks SET frame = zeroblob(10)"));
  const engine::QueryRange range{.from = day_one,
                                 .to = {day_one.ns + 1000 * second},
                                 .step = base::Duration(100 * second),
                                 .aggregates = {engine::Aggregate::max}};
  const engine::QueryResult result = reader_.query("gate", "a", range).value();
  EXPECT_EQ(result.blocks_from_header, 20U);
  EXPECT_EQ(result.blocks_decoded, 0U);
  ASSERT_EQ(result.windows.size(), 10U);
  EXPECT_EQ(result.windows[3].count, 100U);
  EXPECT_EQ(result.windows[3].max, 399);
  EXPECT_EQ(result.windows[3].first, 300);

  engine::QueryRange across = range;
  across.step = base::Duration(75 * second);
  EXPECT_EQ(reader_.query("gate", "a", across).error().code, base::Code::corrupt);
}

TEST_F(SqliteCommit, ListsSeriesByPattern) {
  for (const char* node : {"n1", "n2"}) {
    SampleBatch batch(1);
    std::uint32_t id = 0;
    for (const char* name : {"boiler/1/t", "boiler/2/t", "boiler/2/p", "pump"})
      batch.series(++id, name);
    commit_one(batch.from(node));
  }
  const auto names = [&](const std::string& node, const std::string& pattern,
                         std::uint64_t limit = 99) {
    std::string all;
    const std::vector<SeriesInfo> found = reader_.series(node, pattern, limit).value();
    for (const SeriesInfo& s : found) {
      all += s.node + ":" + s.name + " ";
    }
    return all;
  };
  EXPECT_EQ(names("n1", ""), "n1:boiler/1/t n1:boiler/2/p n1:boiler/2/t n1:pump ");
  EXPECT_EQ(names("n1", "boiler/*/t"), "n1:boiler/1/t n1:boiler/2/t ");
  EXPECT_EQ(names("", "pump"), "n1:pump n2:pump ");
  EXPECT_EQ(names("", "*", 5), "n1:boiler/1/t n1:boiler/2/p n1:boiler/2/t n1:pump n2:boiler/1/t ");
  EXPECT_EQ(names("n1", "pum"), "");
  EXPECT_EQ(names("n3", "*"), "");
  EXPECT_EQ(names("n1", "*", 0), "");
}

TEST_F(SqliteCommit, SaysThatTheDiskIsFullAndGoesOnWhenItIsNot) {
  const auto batch_from = [](std::uint64_t seq) {
    SampleBatch batch(1);
    batch.series(1, "a");
    for (std::uint64_t i = 0; i < 20; ++i) {
      batch.block(seq + i, 1, sample_frame(static_cast<std::int64_t>(seq + i) * 1000, 1000));
    }
    return batch.from("gate");
  };
  ASSERT_TRUE(writer_.database().run("PRAGMA max_page_count = 60"));
  std::uint64_t seq = 1;
  base::Result<std::vector<Committed>> done;
  while ((done = writer_.commit({batch_from(seq)}))) seq += 20;
  EXPECT_EQ(done.error().code, base::Code::exhausted);
  EXPECT_EQ(done.error().message, "commit batches: database or disk is full");
  EXPECT_EQ(reader_.totals().value().blocks, seq - 1);
  EXPECT_EQ(writer_.commit({batch_from(seq)}).error().code, base::Code::exhausted);

  ASSERT_TRUE(writer_.database().run("PRAGMA max_page_count = 100000"));
  EXPECT_EQ(commit_one(batch_from(seq)).blocks, 20U);
  EXPECT_EQ(reader_.totals().value().blocks, seq + 19);
}

TEST_F(SqliteCommit, SaysThatTheDatabaseIsLocked) {
  Database other = Database::open(folder_.file("cloud.db"), Database::Access::read_write).value();
  Transaction holds = Transaction::begin(other, Transaction::Kind::write).value();
  ASSERT_TRUE(writer_.database().run("PRAGMA busy_timeout = 0"));
  const auto done = writer_.commit({SampleBatch(1).from("gate")});
  EXPECT_EQ(done.error().code, base::Code::unavailable);
  EXPECT_EQ(done.error().message, "commit batches: database is locked");
}

}  // namespace
}  // namespace selvedge::cloud
