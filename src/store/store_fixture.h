// A reading store on a fake machine, for tests.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "os/fake/simulation.h"
#include "store/reading_store.h"

namespace selvedge::store {

class StoreTest : public testing::Test {
 protected:
  using Reading = std::pair<std::int64_t, double>;  // time and value
  static constexpr std::int64_t start = 1'760'000'000'000'000'000;
  static constexpr std::int64_t second = 1'000'000'000;

  void open(StoreLimits limits = {}) {
    store.reset();
    auto opened = ReadingStore::open(machine, "store", limits);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    sealed.clear();
    store->on_sealed([this](model::BlockSeq seq, std::size_t) { sealed.push_back(model::number(seq)); });
  }

  model::SeriesId series(std::string_view name, model::Kind kind = model::Kind::float64) {
    const auto id = store->series(name, kind, "device");
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(model::SeriesId{});
  }

  // Adds one float64 reading as a message of its own.
  Added add(model::SeriesId id, std::int64_t time, double value, std::uint64_t key = 0) {
    const auto added = store->add(id, {time}, model::ValueView::of(value));
    EXPECT_TRUE(added) << added.error().message;
    const auto ended = store->end_message(key);
    EXPECT_TRUE(ended) << ended.error().message;
    return added.value_or(Added::duplicate);
  }

  bool commit() {
    bool done = false;
    store->commit([&] { done = true; });
    return sim.run_until([&] { return done; }, std::chrono::minutes(1));
  }

  // Seals what is open and waits for the blocks to be durable.
  void seal() {
    store->seal_all();
    ASSERT_TRUE(commit());
    sim.run_for(std::chrono::milliseconds(100));
  }

  void power_cut() {
    store.reset();
    machine.crash();
    machine.restart();
  }

  // All readings of a series as a query finds them: blocks, then the open column.
  std::vector<Reading> readings(model::SeriesId id, std::int64_t from = INT64_MIN,
                                std::int64_t to = INT64_MAX) {
    std::vector<Reading> found;
    const auto take = [&](const codec::Columns& c) {
      for (std::size_t i = 0; i < c.size(); ++i) found.emplace_back(c.times[i], c.float64[i]);
      return true;
    };
    blocks_visited = 0;
    const auto visited = store->visit(
        id, {from}, {to},
        [&](const model::BlockSummary&, base::BytesView frame) {
          ++blocks_visited;
          codec::Columns columns;
          EXPECT_TRUE(codec::decode_frame(frame, columns));
          return take(columns);
        },
        take);
    EXPECT_TRUE(visited) << visited.error().message;
    return found;
  }

  std::vector<std::uint64_t> undelivered(std::uint64_t from = 1, std::uint64_t max_bytes = 1 << 30) {
    std::vector<std::uint64_t> numbers;
    const auto blocks = store->undelivered(model::BlockSeq{from}, max_bytes);
    EXPECT_TRUE(blocks) << blocks.error().message;
    for (const StoredBlock& block : *blocks) numbers.push_back(model::number(block.seq));
    return numbers;
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& machine = sim.machine("node");
  std::unique_ptr<ReadingStore> store;
  std::vector<std::uint64_t> sealed;
  std::size_t blocks_visited = 0;
};

}  // namespace selvedge::store
