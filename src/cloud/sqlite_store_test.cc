// The store as the cloud uses it: asynchronous, on the machine's real loop and files.

#include "cloud/sqlite_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cloud/sample_batches.h"

namespace selvedge::cloud {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(SqliteLimits limits = {}) {
    return SqliteStore::open(*world_, folder_.file("state"), limits).value();
  }
  // Starts a call and turns the loop until it is answered.
  template <typename T, typename Start>
  base::Result<T> ask(Start start) {
    std::optional<base::Result<T>> answer;
    start([&](base::Result<T> result) {
      answer = std::move(result);
      world_->stop();
    });
    EXPECT_FALSE(answer) << "called back from within the call";
    world_->run({});
    return *std::move(answer);
  }
  StoreTotals totals(SqliteStore& store) {
    return ask<StoreTotals>([&](auto done) { store.totals(std::move(done)); }).value();
  }
  std::vector<Incoming> batch(std::uint64_t seq) {
    return {SampleBatch(1)
                .series(1, "a")
                .block(seq, 1, sample_frame(static_cast<std::int64_t>(seq), 10))
                .from("gate")};
  }

  TemporaryFolder folder_;
  std::unique_ptr<os::RealWorld> world_ = os::RealWorld::create().value();
};

TEST_F(SqliteStoreTest, StoresAndAnswers) {
  const auto store = open();
  const auto done =
      ask<std::vector<Committed>>([&](auto d) { store->commit(batch(1), std::move(d)); });
  EXPECT_EQ(done.value().front().readings, 10U);
  EXPECT_EQ(totals(*store).blocks, 1U);
  const auto series =
      ask<std::vector<SeriesInfo>>([&](auto d) { store->series("gate", "*", 10, std::move(d)); });
  EXPECT_EQ(series.value().front().name, "a");
  const auto rows = ask<engine::QueryResult>([&](auto d) {
    store->query("gate", "a", {.from = day_one, .to = {INT64_MAX}, .step = {}, .aggregates = {}},
                 std::move(d));
  });
  EXPECT_EQ(rows.value().readings.size(), 10U);
}

TEST_F(SqliteStoreTest, AnswersWhatNeedsTheOrderOfReadingsAndCharts) {
  const auto store = open();
  for (const std::uint64_t seq : {3, 1, 2})
    ASSERT_TRUE(ask<std::vector<Committed>>([&](auto d) { store->commit(batch(seq), std::move(d)); }));
  engine::QueryRange all;
  all.from = {INT64_MIN};
  all.to = {INT64_MAX};
  const auto answer = [&](const engine::QueryRange& range) {
    return ask<engine::QueryResult>([&](auto d) { store->query("gate", "a", range, std::move(d)); }).value();
  };
  const engine::QueryResult readings = answer(all);
  engine::QueryRange windows = all, chart = all;
  windows.step = std::chrono::seconds(1);
  windows.aggregates = {engine::Aggregate::time_weighted_mean, engine::Aggregate::increase,
                        {engine::Aggregate::quantile, 990'000}};
  chart.downsample = engine::Downsample::m4;
  chart.points = 4;
  for (const engine::QueryRange& range : {windows, chart}) {
    engine::Query plain(range);
    ASSERT_TRUE(plain.open(readings.readings));
    EXPECT_EQ(engine::to_json("a", range, answer(range)), engine::to_json("a", range, plain.finish().value()));
  }
}

TEST_F(SqliteStoreTest, KeepsItsFilesToItsOwner) {
  const auto store = open();
  ask<std::vector<Committed>>([&](auto d) { store->commit(batch(1), std::move(d)); }).value();
  for (const char* name : {"state/cloud.db", "state/cloud.db-wal", "state/cloud.db-shm"}) {
    struct stat facts {};
    ASSERT_EQ(::stat(folder_.file(name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(SqliteStoreTest, AnswersWhileItCommitsAndNeverWithHalfABatch) {
  const auto store = open();
  constexpr std::uint64_t batches = 60, blocks = 7;
  std::uint64_t committed = 0, asked = 0, last = 0;
  std::function<void()> ask_again = [&] {
    store->totals([&](base::Result<StoreTotals> result) {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->blocks % blocks, 0U);
      EXPECT_EQ(result->readings, result->blocks * 10);
      EXPECT_GE(result->blocks, last);
      last = result->blocks;
      ++asked;
      if (committed < batches)
        ask_again();
      else
        world_->stop();
    });
  };
  ask_again();
  for (std::uint64_t i = 0; i < batches; ++i) {
    SampleBatch batch(1);
    batch.series(1, "a");
    for (std::uint64_t b = 0; b < blocks; ++b) {
      batch.block(i * blocks + b + 1, 1, sample_frame(static_cast<std::int64_t>(i), 10));
    }
    store->commit({batch.from("gate")}, [&](base::Result<std::vector<Committed>> done) {
      EXPECT_TRUE(done);
      ++committed;
    });
  }
  world_->run({});
  EXPECT_EQ(committed, batches);
  EXPECT_GT(asked, 1U);
  EXPECT_EQ(totals(*store).blocks, batches * blocks);
}

TEST_F(SqliteStoreTest, RefusesCallsBeyondItsBound) {
  const auto store = open({.waiting_calls = 2});
  std::uint64_t done = 0, refused = 0;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    store->commit(batch(i), [&](base::Result<std::vector<Committed>> result) {
      if (!result) {
        EXPECT_EQ(result.error().code, base::Code::exhausted);
        ++refused;
      } else {
        ++done;
      }
      if (done + refused == 5) world_->stop();
    });
  }
  world_->run({});
  EXPECT_EQ(done, 2U);
  EXPECT_EQ(refused, 3U);
  EXPECT_EQ(totals(*store).blocks, 2U);
}

TEST_F(SqliteStoreTest, FinishesWhatWasAskedBeforeItCloses) {
  auto store = open();
  std::uint64_t committed = 0;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    store->commit(batch(i), [&](const auto& done) { committed += done ? 1 : 0; });
  }
  store->close([&] { world_->stop(); });
  const auto late = ask<StoreTotals>([&](auto d) {
    store->totals([d](base::Result<StoreTotals> result) { d(std::move(result)); });
  });
  EXPECT_EQ(late.error().code, base::Code::unavailable);
  world_->run({});  // until closed
  EXPECT_EQ(committed, 3U);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("state/cloud.db-wal")));
  store->close([&] { world_->stop(); });  // again does no harm
  world_->run({});
  store = open();
  EXPECT_EQ(totals(*store).blocks, 3U);
}

TEST_F(SqliteStoreTest, MayBeDestroyedWithCallsUnderWay) {
  auto store = open();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    store->commit(batch(i), [](const auto&) { FAIL() << "called back after its end"; });
  }
  store->seen("gate", day_one);
  store.reset();
  // What was handed over is done all the same; a store opened after it sees it.
  store = open();
  const auto last =
      ask<std::vector<Committed>>([&](auto d) { store->commit(batch(4), std::move(d)); });
  EXPECT_TRUE(last);
  EXPECT_EQ(totals(*store).blocks, 4U);
}

TEST_F(SqliteStoreTest, WritesManyLoginsTogether) {
  const auto store = open();
  NodeInfo node;
  node.name = "gate";
  node.status = "joined";
  ask<bool>([&](auto d) { store->add_node(node, false, std::move(d)); }).value();
  for (int i = 0; i < 100'000; ++i) store->seen("gate", day_one + base::Duration(i));
  store->seen("nobody", day_one);
  // The first went at once, the others together after it: two transactions, so two calls see all.
  ask<bool>([&](auto d) { store->add_token({"t", "d", "", day_one}, std::move(d)); }).value();
  ask<bool>([&](auto d) { store->add_token({"u", "d", "", day_one}, std::move(d)); }).value();
  const auto nodes =
      ask<std::vector<NodeInfo>>([&](auto d) { store->nodes(std::move(d)); }).value();
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].last_seen, day_one + base::Duration(99'999));
}

TEST_F(SqliteStoreTest, PassesIdentitiesThrough) {
  const auto store = open();
  const base::Time later = world_->loop().wall_now() + std::chrono::hours(1);
  EXPECT_TRUE(ask<bool>([&](auto d) {
    store->add_token({"t", "d", "gate", later}, std::move(d));
  }));
  EXPECT_TRUE(ask<bool>([&](auto d) {
    store->use_token("t", "d", "gate", world_->loop().wall_now(), std::move(d));
  }));
  NodeInfo node;
  node.name = "gate";
  node.serial = "0a";
  EXPECT_TRUE(ask<bool>([&](auto d) { store->add_node(node, false, std::move(d)); }));
  EXPECT_EQ(ask<std::vector<std::string>>([&](auto d) {
              store->revoke_node("gate", std::move(d));
            }).value(),
            std::vector<std::string>{"0a"});
  EXPECT_EQ(ask<std::vector<std::string>>([&](auto d) { store->revoked(std::move(d)); }).value(),
            std::vector<std::string>{"0a"});
}

TEST_F(SqliteStoreTest, SaysThatTheDiskIsFull) {
  constexpr std::uint64_t blocks = 100;
  const auto store = open({.pages = 40});
  const base::Bytes frame = sample_frame(0, 10);
  auto next = [&, seq = std::uint64_t{0}]() mutable {
    SampleBatch batch(1);
    batch.series(1, "a");
    for (std::uint64_t i = 0; i < blocks; ++i) batch.block(++seq, 1, frame);
    return std::vector<Incoming>{batch.from("gate")};
  };
  base::Result<std::vector<Committed>> done;
  std::uint64_t commits = 0;
  do {
    done = ask<std::vector<Committed>>([&](auto d) { store->commit(next(), std::move(d)); });
    ++commits;
  } while (done);
  EXPECT_EQ(done.error().code, base::Code::exhausted);
  EXPECT_EQ(totals(*store).blocks, (commits - 1) * blocks);
}

TEST_F(SqliteStoreTest, SaysWhyItCannotBeOpened) {
  ASSERT_TRUE(std::filesystem::create_directory(folder_.file("state")));
  ASSERT_TRUE(std::filesystem::create_directory(folder_.file("state/cloud.db")));
  const auto store = SqliteStore::open(*world_, folder_.file("state"), {});
  ASSERT_FALSE(store);
  EXPECT_TRUE(store.error().message.starts_with("open block store: ")) << store.error().message;
}

}  // namespace
}  // namespace selvedge::cloud
