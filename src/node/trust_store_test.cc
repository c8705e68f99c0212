#include "node/trust_store.h"

#include <gtest/gtest.h>

#include "engine/trust/trust_fixture.h"
#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Result;

class TrustStoreTest : public testing::Test {
 protected:
  Result<void> open(std::string root_file = {}) {
    store.reset();
    if (opened_before) machine.restart();
    opened_before = true;
    store = TRY(TrustStore::open(machine, "state", {.root_file = std::move(root_file), .device_types = {"boiler"}}));
    return {};
  }
  void write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(os::write_file(*machine.directory("etc", true).value(), name, base::as_bytes(text)));
  }
  Result<void> wait(auto start) {
    auto outcome = std::make_shared<std::optional<Result<void>>>();   // may come after we gave up
    start([outcome](Result<void> value) { *outcome = std::move(value); });
    sim.run_for(1s);
    if (!*outcome) return base::fail(Code::unavailable, "no answer");
    return **outcome;
  }
  Result<void> offer(const std::vector<std::string>& documents) {
    return wait([&](TrustStore::Done done) { store->offer(documents, std::move(done)); });
  }
  model::KeysDocument next(model::KeysDocument after) {
    ++after.version;
    return after;
  }

  os::fake::Simulation sim{7};
  os::fake::Machine& machine = sim.machine("node");
  engine::Signers signers;
  model::KeysDocument document = [this] {
    model::KeysDocument begun = signers.first();
    begun.issued = {};                    // whatever the simulation's clock says, it has begun
    begun.expires = base::Time{4'000'000'000'000'000'000};
    return begun;
  }();
  std::string first = signers.envelope(document, {"root"});
  std::unique_ptr<TrustStore> store;
  bool opened_before = false;
};

TEST_F(TrustStoreTest, WithoutAFileTheFirstOfferBegins) {
  ASSERT_TRUE(open());
  EXPECT_EQ(store->trust(), nullptr);
  EXPECT_EQ(store->next_version(), 0U);
  const std::string manifest = signers.envelope(engine::small_manifest("a"), {"signer"});
  EXPECT_EQ(store->check(manifest, engine::ask_for("a")).error().code, Code::unavailable);
  const std::string second = signers.envelope(next(document), {"root"});
  { const auto o = offer({first, second}); ASSERT_TRUE(o) << o.error().message; }
  EXPECT_EQ(store->trust()->document().version, 2U);
  EXPECT_TRUE(store->check(manifest, engine::ask_for("a")));
  ASSERT_TRUE(open());
  EXPECT_EQ(store->next_version(), 3U);
  EXPECT_TRUE(offer({first, second})) << "old news";
}

TEST_F(TrustStoreTest, WithAFileNothingElseBegins) {
  write("root.json", first);
  ASSERT_TRUE(open("etc/root.json"));
  model::KeysDocument forged = next(document);
  forged.root = signers.role(forged, {"thief"}, 1);
  EXPECT_EQ(offer({signers.envelope(forged, {"thief"})}).error().code, Code::denied);
  EXPECT_EQ(store->trust()->document().version, 1U);
  EXPECT_FALSE(open("etc/missing.json"));
}

TEST_F(TrustStoreTest, AFileFromAnotherChainIsSaidLoudly) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(offer({first}));
  model::KeysDocument other = document;
  other.root = signers.role(other, {"another root"}, 1);
  write("root.json", signers.envelope(other, {"another root"}));
  EXPECT_EQ(open("etc/root.json").error().code, Code::denied);
  write("root.json", first);
  EXPECT_TRUE(open("etc/root.json")) << "the one it began with";
  write("root.json", signers.envelope(next(document), {"root"}));
  ASSERT_TRUE(open("etc/root.json"));
  EXPECT_EQ(store->trust()->document().version, 2U) << "and the next one";
}

TEST_F(TrustStoreTest, ABadDocumentInTheRowKeepsWhatCameBefore) {
  ASSERT_TRUE(open());
  const model::KeysDocument second = next(document), third = next(second);
  const auto offered = offer({first, signers.envelope(second, {"root"}), signers.envelope(third, {"signer"})});
  EXPECT_EQ(offered.error().code, Code::denied);
  ASSERT_TRUE(open());
  EXPECT_EQ(store->trust()->document().version, 2U);
}

TEST_F(TrustStoreTest, AVersionInUseIsRememberedBeforeItIsSaidSo) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(offer({first}));
  const auto manifest = [&](std::uint64_t version) {
    return signers.envelope(engine::small_manifest("a", version), {"signer"});
  };
  const auto trusted = store->check(manifest(2), engine::ask_for("a")).value();
  ASSERT_TRUE(wait([&](TrustStore::Done done) { store->took(trusted, std::move(done)); }));
  machine.crash();
  ASSERT_TRUE(open());
  EXPECT_EQ(store->check(manifest(1), engine::ask_for("a")).error().code, Code::denied);
  EXPECT_TRUE(store->check(manifest(2), engine::ask_for("a")));
}

TEST_F(TrustStoreTest, SurvivesAPowerCutAtAnyWrite) {
  for (std::uint64_t at = 1; at < 40; ++at) {
    os::fake::Machine& other = sim.machine("node " + std::to_string(at));
    crypto::SealKey recipient{};
    {
      auto begun = TrustStore::open(other, "state", {}).value();
      recipient = begun->seal_keys().recipient;
      begun->offer({first}, [](Result<void>) {});
      sim.run_for(1s);
      other.crash_at_write(at);
      begun->offer({signers.envelope(next(document), {"root"})}, [](Result<void>) {});
      sim.run_for(1s);
    }
    if (other.alive()) {
      EXPECT_GT(at, 3U);
      return;                             // all writes were cut once
    }
    other.restart();
    const auto again = TrustStore::open(other, "state", {});
    ASSERT_TRUE(again) << again.error().message << " at write " << at;
    EXPECT_GE((*again)->trust()->document().version, 1U);
    EXPECT_EQ((*again)->seal_keys().recipient, recipient);
  }
}

TEST_F(TrustStoreTest, DamageOnDiskIsSaid) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(offer({first}));
  auto dir = machine.directory("state/trust", false).value();
  ASSERT_TRUE(os::write_file(*dir, "state", base::as_bytes("nonsense")));
  EXPECT_EQ(open().error().code, Code::corrupt);
}

}  // namespace
}  // namespace selvedge::node
