// Whatever replicas do while they are apart, and in whatever order they exchange it, they end with the
// same document. From seeds; a failure prints the seed and what was done.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "engine/twin/twin.h"
#include "os/fake/random.h"

namespace selvedge::engine {
namespace {

using model::TwinLeaf;
using os::fake::Random;

constexpr std::string_view pointers[] = {
    "/attributes/a",           "/attributes/a/b",         "/attributes/a/b/c", "/attributes/a/d",
    "/attributes/e",           "/attributes",             "/features/F/properties/p",
    "/features/F/properties/p/q", "/features/F/properties", "/features/F/desiredProperties/p",
    "/features/F",             "/features",               "/features/G/definition", "/attributes/l",
    "/features/F/desiredProperties/p/q", ""};

constexpr std::string_view values[] = {
    "1", "2", "true", "null", R"("x")", "[1,2]", "{}", R"({"b":1})", R"({"b":{"c":2},"d":3})", R"({"q":5})"};

struct Replica {
  Twin twin;
  std::uint32_t origin = 0;
  std::int64_t clock_error = 0;
  std::map<std::size_t, std::uint64_t> told;    // of my changes, to whom
};

class World {
 public:
  World(std::uint64_t seed, std::size_t replicas, bool forgets)
      : random_(seed), replicas_(replicas), forgets_(forgets) {
    for (std::size_t i = 0; i < replicas; ++i) {
      replicas_[i].origin = static_cast<std::uint32_t>(i + 1);
      replicas_[i].clock_error = static_cast<std::int64_t>(random_.below(7)) - 3;
    }
  }

  void run() {
    for (std::uint64_t i = 0, steps = 6 + random_.below(24); i < steps; ++i) {
      now_ += static_cast<std::int64_t>(random_.below(3));
      const std::uint64_t dice = random_.below(10);
      if (dice < 6) edit();
      else if (dice < 8) send();
      else if (dice < 9) receive();
      else reload();
    }
    settle();
  }

 private:
  struct Message {
    std::size_t from, to;
    std::vector<TwinLeaf> leaves;
    std::uint64_t revision;
  };

  std::string random_json(std::string_view pointer) {
    const std::string_view value = values[random_.below(std::size(values))];
    if (pointer.empty())
      return random_.chance(0.5) ? R"({"attributes":{"a":1}})" : R"({"features":{"F":{"properties":{"p":2}}}})";
    if (pointer == "/attributes" || pointer.ends_with("roperties")) return R"({"a":7,"p":{"q":1}})";
    if (pointer == "/features") return R"({"F":{"properties":{"p":9}}})";
    if (pointer == "/features/F") return R"({"desiredProperties":{"p":3}})";
    if (pointer.ends_with("definition")) return R"(["a:b:1"])";
    return std::string(value);
  }

  void edit() {
    Replica& r = replicas_[random_.below(replicas_.size())];
    const std::string_view pointer = pointers[random_.below(std::size(pointers))];
    const std::string json = random_json(pointer);
    TwinEdit edit{TwinEdit::Kind::put, pointer, json};
    std::string operations;
    switch (random_.below(5)) {
      case 0: edit.kind = TwinEdit::Kind::merge; break;
      case 1: edit.kind = TwinEdit::Kind::remove; break;
      case 2:
        edit.kind = TwinEdit::Kind::patch;
        operations = R"([{"op":"add","path":"/attributes/a","value":{"b":1}},{"op":"replace","path":"/attributes/a","value":4},)"
                     R"({"op":"copy","from":"/attributes/a","path":"/attributes/e"}])";
        edit.pointer = "";
        edit.json = operations;
        break;
      default: break;
    }
    const std::string before = now_and_then(r.twin);
    const auto change = r.twin.edit(edit, {now_ + r.clock_error, r.origin}, limits_);
    if (!change) {
      if (before != not_looked) { ASSERT_EQ(text(r.twin), before); }
      return;
    }
    check_difference(*change, before, r.twin);
    check(r.twin);
  }

  void send() {
    const std::size_t from = random_.below(replicas_.size());
    std::size_t to = random_.below(replicas_.size() - 1);
    if (to >= from) ++to;
    Message m{from, to, {}, replicas_[from].twin.revision()};
    replicas_[from].twin.changed_after(replicas_[from].told[to], m.leaves);
    // In any order, perhaps in two parts, perhaps twice.
    for (std::size_t i = m.leaves.size(); i > 1; --i)
      std::swap(m.leaves[i - 1], m.leaves[random_.below(i)]);
    if (random_.chance(0.3)) links_.push_back(m);
    links_.push_back(std::move(m));
  }

  void receive() {
    if (links_.empty()) return;
    const std::size_t i = random_.below(links_.size());
    deliver(links_[i]);
    if (random_.chance(0.8)) links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void deliver(const Message& m) {
    Replica& to = replicas_[m.to];
    const std::string before = now_and_then(to.twin);
    std::uint32_t refused = 0;
    const TwinChange change = to.twin.join(m.leaves, limits_, &refused);
    ASSERT_EQ(refused, 0u);
    check_difference(change, before, to.twin);
    check(to.twin);
    auto& told = replicas_[m.from].told[m.to];
    told = std::max(told, m.revision);
    if (forgets_ && random_.chance(0.3)) forget(m.from, told);
  }

  // Removals that the other replica knows; what it sent before is not on its way any more.
  void forget(std::size_t who, std::uint64_t told) {
    for (const Message& m : links_)
      if (m.to == who) return;
    const std::string before = text(replicas_[who].twin);
    replicas_[who].twin.forget_removed(told, INT64_MAX);
    ASSERT_EQ(text(replicas_[who].twin), before);
  }

  void reload() {
    Replica& r = replicas_[random_.below(replicas_.size())];
    base::Bytes bytes;
    r.twin.save(bytes);
    auto loaded = Twin::load(bytes);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(text(*loaded), text(r.twin));
    ASSERT_EQ(loaded->revision(), r.twin.revision());
    r.twin = std::move(*loaded);
  }

  // Everything is delivered until nobody has anything new to say.
  void settle() {
    while (!links_.empty()) {
      deliver(links_.front());
      links_.pop_front();
      if (testing::Test::HasFatalFailure()) return;
    }
    for (int round = 0; round < 20; ++round) {
      bool said = false;
      for (std::size_t from = 0; from < replicas_.size(); ++from)
        for (std::size_t to = 0; to < replicas_.size(); ++to) {
          if (from == to) continue;
          Message m{from, to, {}, replicas_[from].twin.revision()};
          replicas_[from].twin.changed_after(replicas_[from].told[to], m.leaves);
          said |= !m.leaves.empty();
          deliver(m);
          if (testing::Test::HasFatalFailure()) return;
        }
      if (!said) break;
      ASSERT_LT(round, 10) << "they never stop talking";
    }
    for (Replica& r : replicas_) {
      ASSERT_EQ(text(r.twin), text(replicas_[0].twin)) << "origin " << r.origin;
      ASSERT_EQ(r.twin.delta(), replicas_[0].twin.delta());
      // Nothing that anybody could still say changes anything.
      std::vector<TwinLeaf> all;
      for (Replica& other : replicas_) {
        all.clear();
        other.twin.changed_after(0, all);
        if (!forgets_) { ASSERT_FALSE(r.twin.join(all, limits_).changed); }
      }
    }
  }

  // The document, in one of eight cases; looking always would take long.
  static constexpr std::string_view not_looked = "?";
  std::string now_and_then(const Twin& twin) {
    looks_ = random_.below(8) == 0;
    return looks_ ? text(twin) : std::string(not_looked);
  }

  static std::string text(const Twin& twin) { return twin.json("n:d", "").value_or(""); }

  // Applied to the document as it was, the difference makes it what it is. (null is a removal there.)
  void check_difference(const TwinChange& change, const std::string& before, const Twin& twin) {
    if (before == not_looked) return;
    const std::string after = text(twin);
    if (after.empty() || before.empty() || before.find("null") != std::string::npos ||
        after.find("null") != std::string::npos) {
      // A twin without anything in it goes without a difference.
      if (change.difference.empty() && before != R"({"thingId":"n:d"})") { ASSERT_EQ(after, before); }
      return;
    }
    const TwinLimits limits;
    Twin other;
    ASSERT_TRUE(other.edit({TwinEdit::Kind::put, "", before}, {1, 1}, limits));
    if (!change.difference.empty()) {
      ASSERT_TRUE(other.edit({TwinEdit::Kind::merge, "", change.difference}, {2, 1}, limits));
    }
    ASSERT_EQ(text(other), after) << before << " with " << change.difference;
  }

  // What is visible is a tree.
  void check(const Twin& twin) const {
    if (!looks_) return;
    std::set<std::string> seen;
    twin.each([&](model::TwinPart part, std::string_view path, std::string_view, model::Stamp) {
      const std::string key = std::to_string(static_cast<int>(part)) + std::string(path);
      ASSERT_TRUE(seen.insert(key).second);
      for (std::size_t slash = key.rfind('/'); slash != std::string::npos && slash > 0;
           slash = key.rfind('/', slash - 1))
        ASSERT_FALSE(seen.contains(key.substr(0, slash))) << key;
    });
  }

  Random random_;
  std::vector<Replica> replicas_;
  bool forgets_;
  std::deque<Message> links_;
  TwinLimits limits_;
  bool looks_ = false;
  std::int64_t now_ = 1'700'000'000'000;
};

void converge(std::uint64_t first, std::uint64_t count, std::size_t replicas, bool forgets) {
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World(seed, replicas, forgets).run();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", replicas " << replicas;
  }
}

TEST(TwinConvergence, OfTwoReplicasInTenThousandInterleavings) { converge(1, 10'000, 2, false); }

TEST(TwinConvergence, OfThreeReplicasInTenThousandInterleavings) { converge(100'001, 10'000, 3, false); }

TEST(TwinConvergence, HoldsWhenAcknowledgedRemovalsAreForgotten) { converge(200'001, 5'000, 2, true); }

TEST(TwinConvergence, LeavesIndependentLeavesAlone) {
  const TwinLimits limits;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Random random(seed);
    Twin a, b;
    std::map<std::string, std::string> said;
    for (int i = 0; i < 8; ++i) {
      // Each side has its own leaves, side by side in the same objects.
      const bool on_a = random.chance(0.5);
      const std::string pointer = "/attributes/x/y/" + std::string(on_a ? "a" : "b") + std::to_string(random.below(4));
      const std::string value = std::to_string(random.below(100));
      ASSERT_TRUE((on_a ? a : b).edit({TwinEdit::Kind::put, pointer, value},
                                      {static_cast<std::int64_t>(random.below(1000)), on_a ? 1u : 2u}, limits));
      said[pointer] = value;
      if (random.chance(0.3)) {
        ASSERT_TRUE((on_a ? a : b).edit({TwinEdit::Kind::remove, pointer, {}}, {1000, on_a ? 1u : 2u}, limits));
        said.erase(pointer);
      }
    }
    std::vector<TwinLeaf> from_a, from_b;
    a.changed_after(0, from_a);
    b.changed_after(0, from_b);
    a.join(from_b, limits);
    b.join(from_a, limits);
    for (const auto& [pointer, value] : said) {
      ASSERT_EQ(a.json("n:d", pointer).value_or("gone"), value) << seed;
      ASSERT_EQ(b.json("n:d", pointer).value_or("gone"), value) << seed;
    }
  }
}

}  // namespace
}  // namespace selvedge::engine
