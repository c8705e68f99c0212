#include "store/twin_store.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::store {
namespace {

using namespace std::chrono_literals;
using base::Code;
using engine::TwinEdit;
using Kind = TwinEdit::Kind;

class TwinStoreTest : public testing::Test {
 protected:
  void open() {
    auto opened = TwinStore::open(machine, "twins", "cloud", limits);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  void reopen(bool cut = false) {
    if (!cut) { ASSERT_TRUE(commit()); }
    store.reset();
    machine.crash(cut ? os::fake::Crash{} : os::fake::Crash{os::fake::Crash::Disk::keeps_written, os::fake::Crash::Peers::reset});
    machine.restart();
    open();
  }
  bool commit() {
    auto done = std::make_shared<bool>(false);
    store->commit([done] { *done = true; });
    return sim.run_until([done] { return *done; }, 1min);
  }
  // The revision, or the error in words.
  std::string edit(std::string_view id, Kind kind, std::string_view pointer, std::string_view json,
                   const TwinPrecondition& if_ = {}) {
    const auto change = store->edit(id, {kind, pointer, json}, if_);
    return change ? std::to_string(change->revision) : std::string(base::name(change.error().code));
  }
  std::string put(std::string_view id, std::string_view pointer, std::string_view json) {
    return edit(id, Kind::put, pointer, json);
  }
  std::string text(std::string_view id, std::string_view pointer = "") const {
    const engine::Twin* const twin = store->find(id);
    return twin == nullptr ? "none" : twin->json(id, pointer).value_or("nothing");
  }
  std::vector<std::string> search(std::string_view rql, std::string_view after = {}, std::size_t limit = 100,
                                  std::string_view prefix = {}) {
    return store->search(engine::TwinFilter::parse(rql).value(), prefix, after, limit).value();
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& machine = sim.machine("m");
  TwinStoreLimits limits;
  std::unique_ptr<TwinStore> store;
};

TEST_F(TwinStoreTest, KeepsTwinsAcrossRestarts) {
  open();
  EXPECT_EQ(put("n:a", "", R"({"attributes":{"x":1}})"), "1");
  EXPECT_EQ(put("n:b", "/features/F/properties/p", "[1,2]"), "1");
  EXPECT_EQ(edit("n:a", Kind::merge, "", R"({"attributes":{"y":2}})"), "2");
  EXPECT_EQ(put("n:c", "", "{}"), "1");
  for (int i = 0; i < 3; ++i) {
    reopen();
    EXPECT_EQ(text("n:a"), R"({"thingId":"n:a","attributes":{"x":1,"y":2}})");
    EXPECT_EQ(text("n:b", "/features/F/properties/p"), "[1,2]");
    EXPECT_EQ(text("n:c"), R"({"thingId":"n:c"})");
    EXPECT_EQ(store->size(), 3u);
    EXPECT_EQ(store->find("n:a")->revision(), 2u);
  }
}

TEST_F(TwinStoreTest, ChecksWhatMustHold) {
  open();
  EXPECT_EQ(put("not an id", "", "{}"), "invalid_input");
  EXPECT_EQ(edit("n:a", Kind::patch, "", "[]"), "not_found");
  EXPECT_EQ(edit("n:a", Kind::remove, "/attributes/a", {}), "not_found");
  EXPECT_EQ(edit("n:a", Kind::put, "", "{}", {1, {}}), "conflict");
  EXPECT_EQ(edit("n:a", Kind::put, "", "{}", {{}, true}), "conflict");
  EXPECT_EQ(edit("n:a", Kind::put, "", "nonsense"), "invalid_input");
  EXPECT_EQ(store->find("n:a"), nullptr);
  EXPECT_EQ(edit("n:a", Kind::put, "", "{}", {{}, false}), "1");
  EXPECT_EQ(edit("n:a", Kind::put, "", "{}", {{}, false}), "conflict");
  EXPECT_EQ(edit("n:a", Kind::put, "/attributes/a", "1", {2, {}}), "conflict");
  EXPECT_EQ(edit("n:a", Kind::put, "/attributes/a", "1", {1, true}), "2");
  EXPECT_FALSE(store->remove("n:a", {1, {}}));
  EXPECT_TRUE(store->remove("n:a", {2, {}}));
  EXPECT_FALSE(store->remove("n:a"));
}

TEST_F(TwinStoreTest, RemembersTheRevisionOfARemovedTwin) {
  open();
  EXPECT_EQ(put("n:a", "/attributes/a", "1"), "1");
  ASSERT_TRUE(store->remove("n:a"));
  EXPECT_EQ(store->find("n:a"), nullptr);
  EXPECT_EQ(store->size(), 0u);
  reopen();
  EXPECT_EQ(store->find("n:a"), nullptr);
  EXPECT_EQ(put("n:a", "/attributes/b", "1"), "3");
  EXPECT_EQ(text("n:a"), R"({"thingId":"n:a","attributes":{"b":1}})");
}

TEST_F(TwinStoreTest, TellsWatchersWhatHappens) {
  open();
  std::string told;
  const auto id = store->watch([&](const TwinEvent& event) {
    told += std::string(event.id) + (event.kind == TwinEvent::Kind::created ? "+" : event.kind == TwinEvent::Kind::changed ? "=" : "-") +
            event.change->difference + (event.twin == nullptr ? "!" : "") + (event.from_peer ? "^" : "") + " ";
  });
  put("n:a", "", R"({"attributes":{"a":1}})");
  put("n:a", "/attributes/a", "1");
  put("n:a", "/attributes/a", "2");
  ASSERT_TRUE(store->remove("n:a"));
  ASSERT_TRUE(store->join("n:b", std::vector<model::TwinLeaf>{{model::TwinPart::attributes, "/z", {5, 5}, "1"}}));
  EXPECT_EQ(told, R"(n:a+{"attributes":{"a":1}} n:a={"attributes":{"a":2}} n:a-{"attributes":null}! n:b+{"attributes":{"z":1}}^ )");
  store->unwatch(id);
  put("n:c", "", "{}");
  EXPECT_EQ(told.find("n:c"), std::string::npos);
}

TEST_F(TwinStoreTest, ListsInOrder) {
  open();
  for (int i = 0; i < 3000; ++i)
    put("n" + std::to_string(i % 3) + ":d" + std::to_string(i * 7919 % 3000), "", "{}");
  ASSERT_TRUE(store->remove(store->list("n1:", "", 500).back()));
  std::vector<std::string> all, page;
  std::string after;
  do {
    page = store->list("n1:", after, 100);
    all.insert(all.end(), page.begin(), page.end());
    if (!page.empty()) after = page.back();
  } while (!page.empty());
  EXPECT_EQ(all.size(), 999u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(store->list("", "", 5000).size(), 2999u);
  EXPECT_TRUE(store->list("n9:", "", 10).empty());
}

TEST_F(TwinStoreTest, FindsByRqlWithAndWithoutAnIndex) {
  open();
  ASSERT_TRUE(store->index("attributes/hall"));
  EXPECT_FALSE(store->index("attributes"));
  EXPECT_FALSE(store->index("nonsense"));
  for (int i = 0; i < 2500; ++i)
    put("n:d" + std::to_string(10000 + i), "/attributes", R"({"hall":)" + std::to_string(i % 50) + R"(,"serial":"s)" + std::to_string(i) + "\"}");
  // Values change, twins go.
  put("n:d10001", "/attributes/hall", "7.0");
  ASSERT_TRUE(store->remove("n:d10007"));
  for (int round = 0; round < 2; ++round) {
    auto found = search("eq(attributes/hall,7)");
    EXPECT_EQ(found.size(), 50u);
    EXPECT_EQ(found[0], "n:d10001");
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
    EXPECT_EQ(search("eq(attributes/hall,7)", found[9], 5), std::vector(found.begin() + 10, found.begin() + 15));
    EXPECT_EQ(search("and(eq(attributes/hall,7),eq(attributes/serial,\"s57\"))"), std::vector<std::string>{"n:d10057"});
    // An index is made by itself for what is asked.
    EXPECT_EQ(search("eq(attributes/serial,\"s57\")"), std::vector<std::string>{"n:d10057"});
    EXPECT_EQ(search("gt(attributes/hall,48)").size(), 50u);
    EXPECT_EQ(search("eq(attributes/hall,7)", {}, 100, "n:d1001").size(), 0u);
    EXPECT_EQ(search("eq(attributes/hall,7)", {}, 100, "n:d1005").size(), 1u);
    EXPECT_EQ(search("eq(attributes/hall,7)", {}, 100, "n:d10057").size(), 1u);
    EXPECT_EQ(store->search(engine::TwinFilter::parse("gt(attributes/hall,48)").value(), "", "", 100, 1000).error().code, Code::exhausted);
    if (round == 0) reopen();
  }
}

TEST_F(TwinStoreTest, KnowsWhatThePeerHasYetToLearn) {
  open();
  put("n:a", "/attributes/a", "1");
  put("n:b", "/attributes/b", "1");
  put("m:c", "/attributes/c", "1");
  auto told = store->unsent("n", 1 << 20);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].id, "n:a");
  EXPECT_EQ(told[0].revision, 1u);
  EXPECT_EQ(told[0].leaves.size(), 1u);
  EXPECT_FALSE(store->has_unsent("n"));
  EXPECT_TRUE(store->has_unsent("m"));
  EXPECT_EQ(store->stats().unsent, 3u);
  // A change while the first is on its way: only that.
  put("n:a", "/attributes/z", "2");
  auto later = store->unsent("n", 1 << 20);
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].leaves.size(), 1u);
  EXPECT_EQ(later[0].leaves[0].path, "/z");
  store->acknowledged("n:a", 1);
  store->acknowledged("n:b", 1);
  EXPECT_EQ(store->stats().unsent, 2u);
  // The link is lost: what was not acknowledged comes again.
  store->forget_sent("n");
  EXPECT_TRUE(store->has_unsent("n"));
  told = store->unsent("n", 1 << 20);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].leaves[0].path, "/z");
  store->acknowledged("n:a", 2);
  store->acknowledged("n:a", 99);
  store->acknowledged("n:none", 1);
  EXPECT_EQ(store->stats().unsent, 1u);
  reopen();
  EXPECT_FALSE(store->has_unsent("n"));
  EXPECT_TRUE(store->has_unsent("m"));
}

TEST_F(TwinStoreTest, TellsRemovalsAndDoesNotEchoWhatThePeerSaid) {
  open();
  auto node = TwinStore::open(sim.machine("node"), "twins", "n", limits).value();
  const auto sync = [&](TwinStore& from, TwinStore& to) {
    std::size_t sent = 0;
    for (const UnsentTwin& twin : from.unsent("n", 1 << 20)) {
      EXPECT_TRUE(to.join(twin.id, twin.leaves));
      from.acknowledged(twin.id, twin.revision);
      ++sent;
    }
    return sent;
  };
  put("n:a", "", R"({"attributes":{"a":1},"features":{"F":{"desiredProperties":{"p":1}}}})");
  EXPECT_EQ(sync(*store, *node), 1u);
  EXPECT_EQ(sync(*node, *store), 0u);
  EXPECT_EQ(node->find("n:a")->delta(), R"({"F":{"p":1}})");
  ASSERT_TRUE(node->edit("n:a", {Kind::put, "/features/F/properties/p", "1"}));
  EXPECT_EQ(sync(*node, *store), 1u);
  EXPECT_EQ(sync(*store, *node), 0u);
  EXPECT_FALSE(store->find("n:a")->has_delta());
  ASSERT_TRUE(store->remove("n:a"));
  const auto told = store->unsent("n", 1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].removed);
  store->forget_sent("n");
  EXPECT_EQ(sync(*store, *node), 1u);
  EXPECT_EQ(node->find("n:a"), nullptr);
  EXPECT_EQ(store->stats().unsent + node->stats().unsent, 0u);
}

TEST_F(TwinStoreTest, RefusesBeyondItsBounds) {
  limits.twins = 2;
  limits.memory_bytes = 4096;
  open();
  EXPECT_EQ(put("n:a", "", "{}"), "1");
  EXPECT_EQ(put("n:b", "", "{}"), "1");
  EXPECT_EQ(put("n:c", "", "{}"), "exhausted");
  EXPECT_EQ(put("n:a", "/attributes/a", '"' + std::string(8000, 'x') + '"'), "exhausted");
  EXPECT_EQ(text("n:a"), R"({"thingId":"n:a"})");
  EXPECT_EQ(put("n:a", "/attributes/a", "1"), "2");
  EXPECT_EQ(store->stats().refused, 2u);
  EXPECT_EQ(store->find("n:c"), nullptr);
}

TEST_F(TwinStoreTest, KeepsItsLogShort) {
  limits.segment_bytes = 8 << 10;
  limits.log_bytes = 256 << 10;
  open();
  for (int i = 0; i < 100; ++i) put("n:d" + std::to_string(i), "/attributes", R"({"v":0,"w":"constant text"})");
  std::uint64_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_NE(put("n:d" + std::to_string(i % 10), "/attributes/v", std::to_string(i)), "exhausted") << i;
    if (i % 50 == 0) { ASSERT_TRUE(commit()); }
    most = std::max(most, store->stats().log_bytes);
  }
  EXPECT_LT(most, 200u << 10);
  reopen();
  EXPECT_EQ(store->size(), 100u);
  EXPECT_EQ(text("n:d9", "/attributes/v"), "19999");
  EXPECT_EQ(text("n:d50", "/attributes"), R"({"v":0,"w":"constant text"})");
}

TEST_F(TwinStoreTest, ForgetsRemovedTwinsOneDay) {
  limits.segment_bytes = 4 << 10;
  limits.log_bytes = 64 << 10;
  open();
  put("n:old", "/attributes/a", "1");
  ASSERT_TRUE(store->remove("n:old"));
  for (const UnsentTwin& twin : store->unsent("n", 1 << 20)) store->acknowledged(twin.id, twin.revision);
  machine.jump_wall(std::chrono::hours(49));
  for (int i = 0; i < 3000; ++i) {
    put("n:d", "/attributes/v", std::to_string(i));
    if (i % 50 == 0) { ASSERT_TRUE(commit()); }
  }
  reopen();
  EXPECT_EQ(put("n:old", "/attributes/a", "1"), "1");
}

TEST_F(TwinStoreTest, RefusesOnAFullDiskAndLosesNothing) {
  limits.segment_bytes = 16 << 10;
  open();
  for (int i = 0; i < 20; ++i) put("n:d", "/attributes/a" + std::to_string(i), "1");
  ASSERT_TRUE(commit());
  const std::uint64_t capacity = machine.disk().model.capacity;
  machine.disk().fill_up();
  int refused = 0;
  std::string kept = text("n:d");
  for (int i = 0; i < 100; ++i) {
    if (put("n:d", "/attributes/b" + std::to_string(i), "1") == "exhausted") ++refused;
    else kept = text("n:d");
    EXPECT_EQ(text("n:d"), kept);
    store->commit([] {});
    sim.run_for(100ms);
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(store->stats().refused, 50u);
  machine.disk().model.capacity = capacity;
  sim.run_for(30s);
  EXPECT_NE(put("n:d", "/attributes/after", "1"), "exhausted");
  ASSERT_TRUE(commit());
  kept = text("n:d");
  reopen();
  EXPECT_EQ(text("n:d"), kept);
}

TEST_F(TwinStoreTest, CommitsInOrder) {
  open();
  std::string order;
  for (int i = 0; i < 20; ++i) {
    put("n:d", "/attributes/v", std::to_string(i));
    store->commit([&order, i] { order += std::to_string(i) + " "; });
    if (i % 3 == 0) sim.run_for(1ms);
  }
  EXPECT_EQ(order.find("19"), std::string::npos);
  ASSERT_TRUE(commit());
  EXPECT_EQ(order, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ");
}

}  // namespace
}  // namespace selvedge::store
