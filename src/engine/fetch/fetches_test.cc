// The engine alone, and against a server and a disk of numbers whose link breaks as the seed has it.

#include "engine/fetch/fetches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Instant;
using testing::HasSubstr;

constexpr FetchId one{1}, two{2}, three{3};

class FetchesTest : public testing::Test {
 protected:
  void start(FetchLimits limits = {}) { fetches.emplace(limits); }
  FetchOrder order(FetchId id, std::uint64_t size = 1000, std::uint32_t chunk = 100) const {
    return {.id = id, .size = size, .chunk_bytes = chunk, .local = {}, .deadline = {}};
  }
  void add(FetchOrder what) {
    out.clear();
    ASSERT_TRUE(fetches->order(std::move(what), now, out));
  }
  void answer(FetchId id, std::string range, int status = 206) {
    out.clear();
    fetches->answered(id, {status, std::move(range), "", {}}, now, out);
  }
  void receive(FetchId id, std::uint64_t bytes) {
    out.clear();
    fetches->received(id, bytes, now, out);
  }
  void end(FetchId id, std::optional<base::Error> error = std::nullopt, double jitter = 0.5) {
    out.clear();
    fetches->ended(id, std::move(error), jitter, now, out);
  }
  void cut(FetchId id) { end(id, base::Error{Code::unavailable, "cut"}); }
  void pass(base::Duration time) {
    now = now + time;
    out.clear();
    fetches->tick(now, out);
  }
  // Until the engine wants to be woken, and then some.
  base::Duration sleep() {
    const auto at = fetches->wake_at();
    if (!at) return {};
    const base::Duration time = *at - now;
    pass(time);
    return time;
  }

  Instant now{1'000'000'000};
  std::optional<Fetches> fetches;
  FetchOutputs out;
};

TEST_F(FetchesTest, AsksOnceForEverythingThatIsMissing) {
  start();
  FetchOrder what = order(one);
  what.have = 300;
  add(what);
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].first, 300u);
  EXPECT_EQ(out.requests[0].last, 999u);
  answer(one, "bytes 300-999/1000");
  receive(one, 700);
  EXPECT_TRUE(out.stops.empty());
  fetches->verified(one, 1000);
  end(one);
  ASSERT_EQ(out.ends.size(), 1u);
  EXPECT_FALSE(out.ends[0].why);
  EXPECT_EQ(fetches->orders(), 0u);
  EXPECT_FALSE(fetches->wake_at());
}

TEST_F(FetchesTest, IsDoneAtOnceWithWhatIsThere) {
  start();
  FetchOrder what = order(one);
  what.have = 1000;
  add(what);
  EXPECT_EQ(out.ends.size(), 1u);
  EXPECT_TRUE(out.requests.empty());
}

TEST_F(FetchesTest, GoesOnBehindTheLastWholeChunkAfterACut) {
  start();
  add(order(one));
  answer(one, "bytes 0-999/1000");
  receive(one, 250);
  fetches->verified(one, 200);
  cut(one);
  EXPECT_TRUE(out.requests.empty());
  sleep();
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].first, 200u);
  EXPECT_EQ(fetches->stats().resumed, 1u);
}

TEST_F(FetchesTest, PausesLongerEachTimeUntilAChunkIsThere) {
  start({.pause_first = 1s, .pause_most = 8s});
  add(order(one));
  base::Duration last{};
  for (const auto expected : {500ms, 1000ms, 2000ms, 4000ms, 4000ms}) {
    cut(one);
    last = sleep();
    EXPECT_EQ(last, expected);
    ASSERT_EQ(out.requests.size(), 1u);
  }
  answer(one, "bytes 0-999/1000");
  receive(one, 99);
  cut(one);
  EXPECT_EQ(sleep(), 4000ms);   // bytes alone are no progress
  answer(one, "bytes 0-999/1000");
  receive(one, 100);
  fetches->verified(one, 100);
  cut(one);
  EXPECT_EQ(sleep(), 500ms);
}

TEST_F(FetchesTest, HurriesWhenTheLinkIsBack) {
  start();
  add(order(one));
  cut(one);
  out.clear();
  fetches->hurry(now, out);
  EXPECT_EQ(out.requests.size(), 1u);
}

TEST_F(FetchesTest, AnEndThatComesTooEarlyIsACut) {
  start();
  add(order(one));
  answer(one, "bytes 0-999/1000");
  receive(one, 500);
  fetches->verified(one, 500);
  end(one);
  EXPECT_TRUE(out.ends.empty());
  sleep();
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].first, 500u);
}

TEST_F(FetchesTest, FetchesAWrongChunkAnewAndGivesUpInTheEnd) {
  start({.bad_chunks = 3});
  add(order(one));
  for (int i = 0; i < 3; ++i) {
    answer(one, "bytes 0-999/1000");
    receive(one, 100);
    out.clear();
    fetches->refused(one, out);
    EXPECT_EQ(out.stops, std::vector{one});
    end(one);
    if (i < 2) sleep();
  }
  ASSERT_EQ(out.ends.size(), 1u);
  ASSERT_TRUE(out.ends[0].why);
  EXPECT_EQ(out.ends[0].why->code, Code::corrupt);
  EXPECT_THAT(out.ends[0].why->message, HasSubstr("chunk 0"));
}

TEST_F(FetchesTest, CountsWrongChunksOfOnePlaceOnly) {
  start({.bad_chunks = 2});
  add(order(one));
  for (std::uint64_t have = 0; have < 900; have += 100) {
    answer(one, "bytes " + std::to_string(have) + "-999/1000");
    receive(one, 200);
    fetches->verified(one, have + 100);
    out.clear();
    fetches->refused(one, out);
    end(one);
    EXPECT_TRUE(out.ends.empty());
    sleep();
  }
}

TEST_F(FetchesTest, LeavesAServerThatSendsSomethingElse) {
  start({.bad_answers = 2});
  add(order(one));
  answer(one, "bytes 0-998/1000");
  EXPECT_EQ(out.stops, std::vector{one});
  receive(one, 100);   // still under way: ignored
  EXPECT_EQ(fetches->stats().bytes_received, 0u);
  end(one);
  sleep();
  answer(one, "bytes 0-999/1000");
  receive(one, 1001);
  EXPECT_EQ(out.stops, std::vector{one});
  end(one);
  ASSERT_EQ(out.ends.size(), 1u);
  EXPECT_EQ(out.ends[0].why->code, Code::corrupt);
}

TEST_F(FetchesTest, GivesUpWhenAskingAgainCannotHelp) {
  for (const auto& [status, code] : {std::pair{404, Code::not_found}, {403, Code::denied}, {416, Code::corrupt}}) {
    start();
    add(order(one));
    answer(one, "", status);
    end(one);
    ASSERT_EQ(out.ends.size(), 1u);
    EXPECT_EQ(out.ends[0].why->code, code);
  }
}

TEST_F(FetchesTest, ComesLaterWhenTheServerSaysSo) {
  start();
  add(order(one));
  out.clear();
  fetches->answered(one, {503, "", "30", {}}, now, out);
  end(one);
  EXPECT_EQ(sleep(), 30s);
  EXPECT_EQ(out.requests.size(), 1u);
}

TEST_F(FetchesTest, LeavesAServerThatSendsTooSlowly) {
  start({.slow_window = 10s, .slow_bytes = 50});
  add(order(one));
  answer(one, "bytes 0-999/1000");
  for (int i = 0; i < 6; ++i) {
    receive(one, 10);
    pass(2s);
    if (i < 4) {
      EXPECT_TRUE(out.stops.empty());
    }
  }
  EXPECT_TRUE(out.stops.empty());   // 50 in ten seconds is enough
  receive(one, 5);
  pass(9s);
  EXPECT_EQ(out.stops, std::vector{one});
  end(one);
  sleep();
  EXPECT_EQ(out.requests.size(), 1u);
  sleep();                          // no answer at all
  EXPECT_EQ(out.stops, std::vector{one});
}

TEST_F(FetchesTest, GivesUpAtTheDeadlineAndSaysWhatWentWrong) {
  start({.pause_first = 1h, .pause_most = 1h});
  FetchOrder what = order(one);
  what.deadline = now + 1min;
  add(what);
  cut(one);
  EXPECT_EQ(sleep(), 1min);
  ASSERT_EQ(out.ends.size(), 1u);
  EXPECT_EQ(out.ends[0].why->message, "not whole at its deadline; last: cut");
  EXPECT_TRUE(out.stops.empty());
}

TEST_F(FetchesTest, RunsAFewAtATimeTheUrgentFirst) {
  start({.parallel = 1});
  add(order(one));
  add(order(two));
  EXPECT_TRUE(out.requests.empty());
  FetchOrder urgent = order(three);
  urgent.priority = 5;
  add(urgent);
  cut(one);   // pauses, and makes room
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].id, three);
  out.clear();
  fetches->cancel(three, now, out);
  EXPECT_EQ(out.stops, std::vector{three});
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].id, two);
  fetches->cancel(one, now, out);
  fetches->cancel(two, now, out);
  EXPECT_EQ(fetches->orders(), 0u);
}

TEST_F(FetchesTest, KeepsToTheRate) {
  start({.bytes_per_second = 1000});
  add(order(one, 100'000, 1000));
  answer(one, "bytes 0-99999/100000");
  const Instant begun = now;
  std::uint64_t got = 0;
  for (int i = 0; i < 20; ++i) {
    receive(one, 500);
    got += 500;
    EXPECT_EQ(out.pauses, std::vector{one});
    EXPECT_EQ(sleep(), 500ms);
    EXPECT_EQ(out.resumes, std::vector{one});
    EXPECT_TRUE(out.stops.empty());
  }
  EXPECT_EQ(now - begun, 10s);
  EXPECT_EQ(got, 10'000u);
  receive(one, 500);
  add(order(two));
  EXPECT_EQ(out.pauses, std::vector{two});
}

TEST_F(FetchesTest, CopiesWhatIsHereAndAsksForTheRest) {
  start();
  FetchOrder what = order(one, 950);
  what.local = {true, false, false, true, true};
  add(what);
  ASSERT_EQ(out.copies.size(), 1u);
  EXPECT_EQ(out.copies[0].chunk, 0u);
  out.clear();
  fetches->copied(one, Fetches::Copied::well, now, out);
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].first, 100u);
  EXPECT_EQ(out.requests[0].last, 299u);
  answer(one, "bytes 100-299/950");
  receive(one, 200);
  fetches->verified(one, 300);
  end(one);
  ASSERT_EQ(out.copies.size(), 1u);
  out.clear();
  fetches->copied(one, Fetches::Copied::not_there, now, out);   // after all
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].first, 300u);
  EXPECT_EQ(out.requests[0].last, 399u);
}

TEST_F(FetchesTest, RefusesMoreThanItCanRemember) {
  start({.orders = 1});
  add(order(one));
  out.clear();
  EXPECT_EQ(fetches->order(order(two), now, out).error().code, Code::exhausted);
}

// Three artifacts over a link that is cut at random, chunks that come wrong now and then, answers
// that make no sense: all get there, and no cut costs more than a chunk.
class FetchesOnABadLink : public testing::TestWithParam<int> {};

TEST_P(FetchesOnABadLink, GetsEverythingThere) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  const auto below = [&](std::uint64_t n) { return n == 0 ? 0 : random() % n; };
  struct Transfer {
    std::uint64_t size, chunk, have = 0, at = 0, last = 0, sent = 0, cuts = 0;
    bool running = false, copying = false, done = false;
  };
  FetchLimits limits;
  limits.bad_chunks = limits.bad_answers = 1000;
  limits.bytes_per_second = below(2) == 0 ? 0 : 50'000;
  Fetches fetches(limits);
  FetchOutputs out;
  Instant now{0};
  std::map<FetchId, Transfer> all;
  std::map<FetchId, bool> paused;
  std::vector<FetchId> to_end;
  const auto carry_out = [&] {
    for (const FetchId id : out.stops) to_end.push_back(id);
    for (const FetchId id : out.pauses) paused[id] = true;
    for (const FetchId id : out.resumes) paused[id] = false;
    for (const auto& r : out.requests) {
      Transfer& t = all[r.id];
      ASSERT_FALSE(t.running || t.copying);
      ASSERT_EQ(r.first, t.have);
      ASSERT_LT(r.last, t.size);
      t.running = true;
      t.at = r.first;
      t.last = r.last;
      paused[r.id] = std::ranges::count(out.pauses, r.id) > 0;
    }
    for (const auto& c : out.copies) all[c.id].copying = true;
    for (const auto& e : out.ends) {
      ASSERT_FALSE(e.why) << e.why->message;
      all[e.id].done = true;
      ASSERT_EQ(all[e.id].have, all[e.id].size);
    }
    out.clear();
  };
  for (std::uint64_t i = 1; i <= 3; ++i) {
    Transfer t{.size = 1 + below(30'000), .chunk = 100 + below(1000)};
    FetchOrder order{.id = FetchId{i}, .size = t.size, .chunk_bytes = static_cast<std::uint32_t>(t.chunk),
                     .local = {}, .deadline = {}};
    for (std::uint64_t c = 0; c * t.chunk < t.size; ++c) order.local.push_back(below(4) == 0);
    all[order.id] = t;
    ASSERT_TRUE(fetches.order(order, now, out));
    carry_out();
  }
  std::uint64_t steps = 0;
  while (std::ranges::any_of(all, [](const auto& e) { return !e.second.done; })) {
    ASSERT_LT(++steps, 200'000u);
    for (auto& [id, t] : all) {
      if (t.copying) {
        t.copying = false;
        const bool well = below(3) > 0;
        if (well) t.have = std::min(t.size, t.have + t.chunk);
        fetches.copied(id, well ? Fetches::Copied::well : Fetches::Copied::not_there, now, out);
        carry_out();
      }
      if (!t.running || paused[id]) continue;
      if (t.at == t.have) {
        const std::uint64_t lie = below(20) == 0 ? 1 : 0;
        fetches.answered(id, {206, "bytes " + std::to_string(t.at + lie) + "-" + std::to_string(t.last) + "/" +
                                       std::to_string(t.size), "", {}}, now, out);
        carry_out();
      }
      const std::uint64_t bytes = std::min(t.last - t.at + 1, 1 + below(500));
      fetches.received(id, bytes, now, out);
      if (std::ranges::count(out.stops, id) == 0 && std::ranges::count(to_end, id) == 0) {
        t.at += bytes;
        t.sent += bytes;
        const std::uint64_t whole = t.at == t.size ? t.size : t.at / t.chunk * t.chunk;
        if (whole > t.have && below(30) == 0) {
          fetches.refused(id, out);
          ++t.cuts;
        } else if (whole > t.have) {
          t.have = whole;
          fetches.verified(id, t.have);
        }
      }
      carry_out();
      const bool over = t.at > t.last;
      if (over || below(10) == 0 || std::ranges::count(to_end, id) > 0) {
        if (!over) ++t.cuts;
        std::erase(to_end, id);
        t.running = false;
        fetches.ended(id, over ? std::nullopt : std::optional(base::Error{Code::unavailable, "cut"}), 0.5, now, out);
        carry_out();
      }
    }
    now = now + std::chrono::milliseconds(below(200));
    if (const auto at = fetches.wake_at(); at && *at <= now) {
      fetches.tick(now, out);
      carry_out();
      for (const FetchId id : std::exchange(to_end, {})) {
        all[id].running = false;
        ++all[id].cuts;
        fetches.ended(id, std::nullopt, 0.5, now, out);
        carry_out();
      }
    }
  }
  for (const auto& [id, t] : all) EXPECT_LE(t.sent, t.size + t.cuts * (t.chunk + 500));
}

INSTANTIATE_TEST_SUITE_P(Seeds, FetchesOnABadLink, testing::Range(1, 60));

}  // namespace
}  // namespace selvedge::engine
