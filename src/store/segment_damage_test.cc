// What a segment log does with torn tails, damage, failing writes and crashes.

#include "os/fake/random.h"
#include "store/log_fixture.h"
#include "store/segment_format.h"

namespace selvedge::store {
namespace {

using format::file_header_bytes;

TEST_F(LogTest, CutsOffATornTailAtEveryBytePosition) {
  // A log of three records, then the same file cut at every length.
  open();
  Contents whole;
  for (const char* text : {"first", "second record", "third"}) whole[append(text).value] = text;
  ASSERT_TRUE(commit());
  log.reset();
  const std::string name = files().at(0);
  const base::Bytes bytes = machine.disk().contents(name).value();

  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    auto dir = machine.directory("log" + std::to_string(size), true).value();
    auto file = dir->open(name.substr(4), os::Open::create).value();
    ASSERT_TRUE(file->append(base::BytesView(bytes).first(size)));
    Contents found;
    const auto opened = SegmentLog::open(std::move(dir), machine.loop(), lane, {},
                                         [&](const Record& r) -> base::Result<void> {
                                           found[r.at.value] = base::as_text(r.payload);
                                           return {};
                                         });
    ASSERT_TRUE(opened) << opened.error().message;
    std::size_t end = file_header_bytes;
    std::size_t expected = 0;
    for (const auto& [at, text] : whole) {
      end += format::record_header_bytes + text.size();
      if (size < end) break;
      ++expected;
      EXPECT_EQ(found[at], text);
    }
    EXPECT_EQ(found.size(), expected) << size;
    EXPECT_EQ((*opened)->stats().damaged_bytes, 0u);
  }
}

TEST_F(LogTest, SkipsTheRestOfADamagedSegmentAndGoesOn) {
  open({.segment_bytes = 4096});
  std::vector<Position> at;
  for (int i = 0; i < 30; ++i) at.push_back(append(std::string(400, 'x')));
  ASSERT_TRUE(commit());
  power_cut();
  // Damage the third record of the first segment.
  const std::uint64_t offset = file_header_bytes + at[2].offset() + 50;
  ASSERT_TRUE(machine.disk().flip_bits(files().at(0), offset, 0x10));
  open({.segment_bytes = 4096});
  EXPECT_TRUE(replayed.contains(at[1].value));
  EXPECT_FALSE(replayed.contains(at[2].value));
  EXPECT_FALSE(replayed.contains(at[3].value));
  EXPECT_TRUE(replayed.contains(at[12].value));
  EXPECT_GT(log->stats().damaged_bytes, 400u);
  const std::uint64_t damaged = log->stats().damaged_bytes;
  scanned();
  EXPECT_EQ(log->stats().damaged_bytes, damaged);  // counted once
  EXPECT_NE(text_at(at[2]).find("damaged record"), std::string::npos);
}

TEST_F(LogTest, SurvivesADamagedFileHeader) {
  open({.segment_bytes = 4096});
  std::vector<Position> at;
  for (int i = 0; i < 30; ++i) at.push_back(append(std::string(400, 'x')));
  ASSERT_TRUE(commit());
  power_cut();
  ASSERT_TRUE(machine.disk().flip_bits(files().at(1), 3, 1));
  open({.segment_bytes = 4096});
  EXPECT_TRUE(replayed.contains(at[0].value));
  EXPECT_TRUE(replayed.contains(at.back().value));
  EXPECT_GT(log->stats().damaged_bytes, 3000u);
}

TEST_F(LogTest, WritesAgainToANewFileAfterAFailedSync) {
  open();
  const Position a = append("before");
  ASSERT_TRUE(commit());
  machine.disk().fail_next_syncs(1);
  const Position b = append("doubtful");
  bool done = false;
  log->commit([&] { done = true; });
  sim.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done);
  EXPECT_LT(log->durable(), b);
  EXPECT_EQ(log->stats().commit_failures, 1u);
  EXPECT_EQ(text_at(b), "doubtful");
  const Position c = append("after");
  ASSERT_TRUE(commit());
  EXPECT_TRUE(done);
  EXPECT_EQ(files().size(), 2u);
  const Contents expected{{a.value, "before"}, {b.value, "doubtful"}, {c.value, "after"}};
  EXPECT_EQ(scanned(), expected);
  power_cut();
  open();
  EXPECT_EQ(replayed, expected);
}

TEST_F(LogTest, KeepsTryingWhileSyncsFail) {
  open();
  machine.disk().fail_next_syncs(6);
  const Position a = append("stubborn");
  ASSERT_TRUE(commit());
  EXPECT_GE(log->stats().commit_failures, 3u);
  power_cut();
  open();
  EXPECT_EQ(replayed, (Contents{{a.value, "stubborn"}}));
}

TEST_F(LogTest, SurvivesAFailedAppend) {
  open();
  const Position a = append("one");
  ASSERT_TRUE(commit());
  machine.disk().fail_next_appends(2);
  const Position b = append("two");
  ASSERT_TRUE(commit());
  power_cut();
  open();
  EXPECT_EQ(replayed, (Contents{{a.value, "one"}, {b.value, "two"}}));
}

TEST_F(LogTest, WaitsOutAFullDisk) {
  open();
  const Position a = append("one");
  ASSERT_TRUE(commit());
  machine.disk().fill_up();
  const Position b = append("two");
  bool done = false;
  log->commit([&] { done = true; });
  sim.run_for(std::chrono::seconds(10));
  EXPECT_FALSE(done);
  EXPECT_EQ(log->append(1, base::Bytes(10)).error().code, base::Code::exhausted);
  machine.disk().model.capacity = 1ULL << 40;
  ASSERT_TRUE(sim.run_until([&] { return done; }, std::chrono::seconds(20)));
  power_cut();
  open();
  EXPECT_EQ(replayed, (Contents{{a.value, "one"}, {b.value, "two"}}));
}

TEST_F(LogTest, ReportsAnErrorOfTheReplayAndKeepsTheLog) {
  open();
  append("one");
  ASSERT_TRUE(commit());
  log.reset();
  const auto refused = SegmentLog::open(
      machine.directory("log", false).value(), machine.loop(), lane, {},
      [](const Record&) -> base::Result<void> { return base::fail(base::Code::internal, "no"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "open log log: no");
  open();
  EXPECT_EQ(replayed.size(), 1u);
}

// The promise itself, from seeds: whatever was reported durable is there after a crash in the middle
// of any change of the disk; nothing is there twice, altered or out of order; and no position is
// given out twice.
TEST(LogCrashes, KeepsWhatItReportedDurableThroughCrashesAtAnyWrite) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    os::fake::Simulation world(seed);
    os::fake::Machine& node = world.machine("node");
    os::fake::Random random(seed);
    LogLimits limits{.total_bytes = 1 << 20, .segment_bytes = 4096};
    std::map<std::uint64_t, std::string> written, durable;
    Position trimmed{}, greatest{};
    for (int life = 0; life < 6; ++life) {
      limits.first_segment = greatest.segment() + 1;
      node.disk().fail_next_syncs(0);
      std::map<std::uint64_t, std::string> found;
      auto opened = SegmentLog::open(node.directory("log", true).value(), node.loop(), 1, limits,
                                     [&](const Record& r) -> base::Result<void> {
                                       found[r.at.value] = base::as_text(r.payload);
                                       return {};
                                     });
      if (!node.alive()) {  // the crash may come in the middle of opening
        node.crash();
        node.restart();
        continue;
      }
      ASSERT_TRUE(opened) << opened.error().message;
      std::unique_ptr<SegmentLog> log = std::move(*opened);
      for (const auto& [at, text] : durable) {
        if (at >> 32 < trimmed.segment()) continue;
        ASSERT_EQ(found[at], text);
      }
      for (const auto& [at, text] : found) {
        ASSERT_TRUE(written.contains(at));
        ASSERT_EQ(written[at], text);
      }
      durable = written = found;  // what was lost is lost
      node.crash_at_write(1 + random.below(60));
      if (random.chance(0.2)) node.disk().fail_next_syncs(1);
      for (int i = 0; i < 200 && node.alive(); ++i) {
        const std::string text(1 + random.below(700), static_cast<char>('a' + random.below(26)));
        const auto at = log->append(1, base::as_bytes(text));
        if (!at) break;
        ASSERT_GT(*at, greatest);
        greatest = *at;
        written[at->value] = text;
        if (random.chance(0.3))
          log->commit([&, upto = at->value] {
            for (const auto& [p, t] : written) {
              if (p <= upto && p >> 32 >= trimmed.segment()) durable[p] = t;
            }
          });
        if (random.chance(0.02)) {
          trimmed = std::max(trimmed, log->durable());
          log->trim(trimmed);
        }
        world.run_for(std::chrono::microseconds(random.below(1500)));
      }
      log.reset();
      node.crash();
      node.restart();
    }
  }
}

}  // namespace
}  // namespace selvedge::store
