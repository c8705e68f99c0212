#include "node/derived_readings.h"

#include <deque>

#include "store/store_fixture.h"

namespace selvedge::node {
namespace {

// An engine of which only what comes out is known.
struct Source {
  struct Output {
    std::uint32_t series = 1;
    std::string name;
    std::int64_t time = 0;
    double value = 0;
    engine::DerivedReading reading() const { return {0, {time}, model::ValueView::of(value)}; }
  };
  std::deque<Output>& pending() { return waiting; }
  template <typename Find>
  base::Result<std::string> derived_name(const Output& output, const Find&) const { return output.name; }

  std::deque<Output> waiting;
};

class DerivedReadingsTest : public store::StoreTest {
 protected:
  Source source;
  base::Registry metrics;
  DerivedReadings<Source> derived{machine, source, "test", metrics.counter("unstored_total", "")};
};

TEST_F(DerivedReadingsTest, WaitForRoomAndAreThenStoredOnceThoughNothingElseHappens) {
  open({.memory_bytes = 64 << 10, .block_bytes = 256 << 10, .segment_bytes = 16 << 10,
        .when_full = store::WhenFull::refuse_new});
  const auto id = series("a");
  int asked = 0;
  derived.attach(*store, [&] { ++asked; derived.flush(); });
  std::uint64_t noise = 1;
  std::int64_t time = start;
  while (source.waiting.empty()) {
    for (int i = 0; i < 3000; ++i) {
      noise = noise * 6364136223846793005ULL + 1;
      source.waiting.push_back({1, "a", ++time, static_cast<double>(noise >> 11)});
    }
    derived.flush();
    ASSERT_TRUE(commit());
    sim.run_for(std::chrono::seconds(3));   // what only waits for the disk need not wait longer
  }
  const std::size_t waited = source.waiting.size();
  asked = 0;
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(source.waiting.size(), waited) << "there is no room";
  EXPECT_GE(asked, 4) << "but it is looked for";
  EXPECT_LE(asked, 6);
  store->delivered(model::BlockSeq{1}, store->last_sealed());
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(source.waiting.size(), 0u);
  EXPECT_EQ(store->find(id)->name, "a");
  EXPECT_EQ(readings(id).back().first, time);
}

TEST_F(DerivedReadingsTest, NothingIsStoredWhileTheStoreCloses) {
  open();
  const auto id = series("a");
  derived.attach(*store, [] {});
  derived.stop();
  source.waiting.push_back({1, "a", start, 1});
  derived.flush();
  EXPECT_EQ(source.waiting.size(), 1u);
  EXPECT_TRUE(readings(id).empty());
}

}  // namespace
}  // namespace selvedge::node
