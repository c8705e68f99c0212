// From a wish in the node's twin to a model that serves: fetched from a cloud, verified, loaded; what is
// refused, with its reason; what serves on; what a restart without a link brings back.

#include "node/reconcile_models.h"

#include "engine/trust/sealed_content.h"
#include "engine/trust/trust_fixture.h"
#include "node/fetcher_fixture.h"
#include "node/reconciler.h"
#include "serving/models_fixture.h"
#include "store/twin_store.h"

namespace selvedge::node {
namespace {

using base::Result;
using model::TwinPart;
using testing::HasSubstr;

class ModelWishTest : public test::FetcherFixture {
 protected:
  ModelWishTest() { trust.emplace(engine::Trust::begin(signers.envelope(keys, {"root"})).value()); }
  ~ModelWishTest() override { halt(); }

  void boot() {
    registry = std::make_unique<base::Registry>();
    store = std::move(*store::ArtifactStore::open(node, "artifacts", {}));
    store->set_unwrap([this](const model::ArtifactManifest& m) { return engine::unwrap_content_key(m, "edge-1", seal.secret); });
    const auto check_signed = [this](std::string_view envelope, const engine::ArtifactAsk& ask) {
      return trust->check(envelope, ask, engine::gateway, now);
    };
    FetcherTrust how;
    how.check = check_signed;
    how.took = [this](const engine::TrustedManifest& m, std::function<void(Result<void>)> done) {
      done(trust->took(m));
    };
    fetcher = std::make_unique<Fetcher>(node, *store, std::move(how), *registry, FetcherConfig{});
    if (online) fetcher->set_cloud("http://cloud:8443", nullptr);
    models = std::make_unique<serving::Models>(node.loop(), config, *registry, loader);
    held = std::make_unique<HeldModels>(node.loop(), *store, check_signed, *models);
    twins = std::move(*store::TwinStore::open(node, "state/twins", "edge-1", {}));
    auto kind = std::make_unique<ModelKind>(node.loop(), *fetcher, *store, *held);
    ModelKind& wishes = *kind;
    std::vector<std::unique_ptr<ReconcileKind>> kinds;
    kinds.push_back(std::move(kind));
    reconciler = std::move(*Reconciler::open(node, "state", *twins, std::move(kinds), *registry));
    const auto saved = read_reconcile_file(node, "state");
    if (const engine::Twin* twin = twins->find(id); twin != nullptr && saved)
      wishes.restore(*twin, good_wishes(*saved, "model"));
    reconciler->start("edge-1");
  }
  void halt() {
    reconciler.reset();
    twins.reset();
    held.reset();
    models.reset();
    fetcher.reset();
    store.reset();
  }
  void reboot() {
    sim.run_for(std::chrono::seconds(2));
    halt();
    boot();
  }

  model::ArtifactManifest manifest(base::BytesView bytes, const std::string& name, std::uint64_t version) {
    model::ArtifactManifest m = store::test::manifest_of(bytes, name, version);
    m.kind = "model";
    m.created = engine::trust_start;
    return m;
  }
  void offer(const model::ArtifactManifest& m, const base::Bytes& bytes, const std::vector<std::string>& by = {"signer"}) {
    documents[m.name + "/" + std::to_string(m.version)] = signers.envelope(m, by);
    blobs[base::to_hex(m.digest)] = bytes;
  }
  void offer(const std::string& name, std::uint64_t version, const std::string& spec) {
    const base::Bytes bytes = base::to_bytes(spec);
    offer(manifest(bytes, name, version), bytes);
  }

  void wish(const std::string& name, std::string_view json) {
    const std::string pointer = "/features/models/desiredProperties/" + name;
    ASSERT_TRUE(twins->edit(id, json.empty() ? engine::TwinEdit{engine::TwinEdit::Kind::remove, pointer, ""}
                                             : engine::TwinEdit{engine::TwinEdit::Kind::put, pointer, json}));
    twins->commit([] {});
  }
  std::string said(const std::string& path) {
    const engine::Twin* twin = twins->find(id);
    return twin == nullptr ? "" : std::string(twin->leaf(TwinPart::reported, "/models" + path));
  }
  void run_until(const std::function<bool()>& done) {
    ASSERT_TRUE(sim.run_until(done, std::chrono::hours(1))) << "seed " << sim.seed() << " net: " << said("/net/state") << " "
                                                            << said("/net/reason");
  }
  void until_said(const std::string& path, const std::string& value) {
    run_until([&] { return said(path) == value; });
  }
  // The reason why a wish for this version is refused.
  std::string refused(std::uint64_t version = 1) {
    wish("net", R"({"version":)" + std::to_string(version) + "}");
    run_until([&] { return said("/net/state") == "\"failed\"" || (said("/net/state") == "\"pending\"" && !said("/net/reason").empty()); });
    return said("/net/reason");
  }
  bool serves(std::uint64_t version) {
    const auto key = models->resolve("net", version);
    return key.has_value();
  }
  // Version 2 serves, where 1 did.
  void replace_1_by_2() {
    boot();
    offer("net", 1, "scale=1");
    offer("net", 2, "scale=2");
    wish("net", R"({"version":1})");
    until_said("/net/version", "1");
    wish("net", R"({"version":2})");
    until_said("/net/version", "2");
    run_until([&] { return models->list().size() == 1; });
  }

  engine::Signers signers;
  model::KeysDocument keys = signers.first();
  std::optional<engine::Trust> trust;
  base::Time now = engine::trust_start + std::chrono::hours(1);
  crypto::SealKeyPair seal = crypto::make_seal_keys();
  serving::ModelsConfig config;
  serving::ModelLoader loader = serving::test::fake_loader();
  bool online = true;
  std::unique_ptr<base::Registry> registry;
  std::unique_ptr<serving::Models> models;
  std::unique_ptr<HeldModels> held;
  std::unique_ptr<store::TwinStore> twins;
  std::unique_ptr<Reconciler> reconciler;
  const std::string id = "edge-1:_node";
};

TEST_F(ModelWishTest, IsFetchedVerifiedAndServed) {
  boot();
  offer("net", 3, "scale=3 golden=cat");
  wish("net", R"({"version":3,"priority":2})");
  until_said("/net/state", "\"applied\"");
  EXPECT_TRUE(serves(3));
  EXPECT_EQ(said("/net/version"), "3");
  EXPECT_EQ(said("/net/priority"), "2");
  EXPECT_EQ(said("/net/serving"), "[3]");
  EXPECT_EQ(said("/net/digest").size(), 66u);
  EXPECT_NE(said("/net/memory"), "0");
  EXPECT_NE(said("/net/load_ms"), "");
  wish("net", "");
  until_said("/net/state", "");
  run_until([&] { return models->list().empty(); });
  EXPECT_FALSE(store->list().at(0).held);
  EXPECT_FALSE(store->list().at(0).entry.pinned);
}

TEST_F(ModelWishTest, ANewVersionTakesThePlaceOfTheOld) {
  replace_1_by_2();
  EXPECT_TRUE(serves(2));
}

TEST_F(ModelWishTest, VersionsSideBySide) {
  boot();
  for (std::uint64_t version = 1; version <= 3; ++version) offer("net", version, "scale=" + std::to_string(version));
  wish("net", R"({"version":3,"also":[1,2]})");
  until_said("/net/serving", "[1,2,3]");
  EXPECT_EQ(said("/net/also"), "[1,2]");
  EXPECT_EQ(models->resolve("net")->version, 3u);
  for (const auto& stored : store->list()) EXPECT_TRUE(stored.held) << stored.entry.version;
  online = false;
  reboot();
  run_until([&] { return serves(1) && serves(2) && serves(3); });
  until_said("/net/serving", "[1,2,3]");
  wish("net", R"({"version":3})");
  run_until([&] { return models->list().size() == 1; });
  EXPECT_TRUE(serves(3));
}

TEST_F(ModelWishTest, WhatIsNotHereAndOlderCannotComeBeside) {
  boot();
  offer("net", 1, "");
  offer("net", 2, "");
  wish("net", R"({"version":2})");
  until_said("/net/version", "2");
  wish("net", R"({"version":2,"also":[1]})");
  until_said("/net/state", "\"failed\"");
  EXPECT_THAT(said("/net/reason"), HasSubstr("version 1: "));
  EXPECT_THAT(said("/net/reason"), HasSubstr("no way back"));
  EXPECT_TRUE(serves(2));
}

TEST_F(ModelWishTest, WhatWentCannotComeBackBesideANewerOne) {
  replace_1_by_2();
  ASSERT_TRUE(held->is_whole("net", 1)) << "its bytes are here until room is needed";
  for (const char* json : {R"({"version":2,"also":[1]})", R"({"version":3,"also":[1]})", R"({"version":4,"also":[1]})"}) {
    SCOPED_TRACE(json);
    wish("net", json);
    sim.run_for(std::chrono::minutes(10));
    EXPECT_EQ(said("/net/state"), "\"failed\"");
    EXPECT_THAT(said("/net/reason"), HasSubstr("no way back"));
    EXPECT_FALSE(serves(1));
    EXPECT_TRUE(serves(2));
    reboot();
  }
  std::optional<Result<model::Sha256>> by_hand;
  held->load("net", 1, HeldModels::Older::refuse, [&](const auto& loaded) { by_hand = loaded; });
  run_until([&] { return by_hand.has_value(); });
  EXPECT_EQ(by_hand->error().code, base::Code::denied);
}

TEST_F(ModelWishTest, WhatCameBesideOneThatDoesNotLoadIsThereAtTheNextAttempt) {
  boot();
  offer("net", 1, "scale=1");
  offer("net", 2, "make=unavailable");
  wish("net", R"({"version":2,"also":[1]})");
  until_said("/net/serving", "[1]");
  reboot();
  run_until([&] { return serves(1); });
  sim.run_for(std::chrono::minutes(10));
  EXPECT_THAT(said("/net/reason"), HasSubstr("there is no model runtime"));
  EXPECT_TRUE(serves(1));
}

TEST_F(ModelWishTest, WhatFailsItsGoldenExampleLeavesTheOneBeforeAlsoAfterARestart) {
  boot();
  offer("net", 1, "scale=1 golden=cat");
  offer("net", 2, "scale=2 golden=cat sees=dog");
  wish("net", R"({"version":1})");
  until_said("/net/state", "\"applied\"");
  wish("net", R"({"version":2})");
  until_said("/net/state", "\"failed\"");
  EXPECT_THAT(said("/net/reason"), HasSubstr("expected cat"));
  EXPECT_EQ(said("/net/serving"), "[1]");
  EXPECT_EQ(said("/net/version"), "1");
  EXPECT_TRUE(serves(1));
  online = false;
  reboot();
  run_until([&] { return serves(1); });
  EXPECT_EQ(said("/net/state"), "\"failed\"") << "the wish has not come true";
}

TEST_F(ModelWishTest, ARestartWithoutALinkKeepsTheModels) {
  boot();
  offer("net", 1, "scale=1");
  wish("net", R"({"version":1})");
  until_said("/net/state", "\"applied\"");
  online = false;
  reboot();
  run_until([&] { return serves(1); });
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(said("/net/state"), "\"applied\"");
}

TEST_F(ModelWishTest, WhatIsWishedWithoutALinkComesWithIt) {
  boot();
  offer("net", 1, "scale=1");
  wish("net", R"({"version":1})");
  until_said("/net/state", "\"applied\"");
  offer("net", 2, "scale=2");
  online = false;
  reboot();
  wish("net", R"({"version":2})");
  until_said("/net/state", "\"pending\"");
  run_until([&] { return serves(1); });
  fetcher->set_cloud("http://cloud:8443", nullptr);
  until_said("/net/version", "2");
}

// ---- what is refused ----

TEST_F(ModelWishTest, Unsigned) {
  boot();
  const base::Bytes bytes = base::to_bytes("x");
  offer(manifest(bytes, "net", 1), bytes, {});
  EXPECT_THAT(refused(), HasSubstr("net"));
  EXPECT_FALSE(serves(1));
  offer(manifest(bytes, "net", 1), bytes, {"stranger"});
  EXPECT_THAT(refused(), HasSubstr("sign"));
  EXPECT_TRUE(blobs.size() == 1 && requests == 0) << "not a byte of it was asked for";
}

TEST_F(ModelWishTest, Altered) {
  boot();
  offer("net", 1, "scale=1 but longer than nothing");
  for (auto& [digest, bytes] : blobs) bytes[3] ^= 1;
  const std::string why = refused();
  EXPECT_NE(why, "");
  EXPECT_FALSE(serves(1));
  EXPECT_TRUE(models->list().empty()) << "it was never given to the loader";
}

TEST_F(ModelWishTest, AManifestThatWasAltered) {
  boot();
  const base::Bytes bytes = base::to_bytes("x");
  model::ArtifactManifest m = manifest(bytes, "net", 1);
  offer(m, bytes);
  std::string& document = documents["net/1"];
  auto envelope = codec::artifact::decode_envelope(document).value();
  const std::size_t at = base::as_text(envelope.payload).find("\"version\":1");
  ASSERT_NE(at, std::string_view::npos);
  envelope.payload.insert(envelope.payload.begin() + static_cast<std::ptrdiff_t>(at) + 11, ' ');
  document = codec::artifact::encode(envelope);
  EXPECT_THAT(refused(), HasSubstr("net"));
  EXPECT_FALSE(serves(1));
}

TEST_F(ModelWishTest, ExpiredAndForAnotherMachine) {
  boot();
  const base::Bytes bytes = base::to_bytes("x");
  model::ArtifactManifest m = manifest(bytes, "net", 1);
  m.expires = now - std::chrono::seconds(1);
  offer(m, bytes);
  EXPECT_THAT(refused(), HasSubstr("expired"));
  m.expires.reset();
  m.version = 2;
  m.targets = {{.arch = "riscv64", .os = "", .device_type = ""}};
  offer(m, bytes);
  wish("net", R"({"version":2})");
  run_until([&] { return said("/net/reason").find("not for this machine") != std::string::npos; });
  EXPECT_TRUE(models->list().empty());
}

TEST_F(ModelWishTest, ExpiredSinceTheLastStart) {
  boot();
  const base::Bytes bytes = base::to_bytes("x");
  model::ArtifactManifest m = manifest(bytes, "net", 1);
  m.expires = now + std::chrono::hours(1);
  offer(m, bytes);
  wish("net", R"({"version":1})");
  until_said("/net/state", "\"applied\"");
  now = *m.expires;
  online = false;
  reboot();
  sim.run_for(std::chrono::minutes(2));
  EXPECT_FALSE(serves(1));
}

TEST_F(ModelWishTest, AnotherKindOfArtifactAndACorruptPackage) {
  boot();
  const base::Bytes bytes = base::to_bytes("x");
  model::ArtifactManifest m = manifest(bytes, "net", 1);
  m.kind = "data";
  offer(m, bytes);
  EXPECT_THAT(refused(), HasSubstr("kind data, not model"));
  offer("net", 2, "read=corrupt");
  wish("net", R"({"version":2})");
  run_until([&] { return said("/net/reason").find("the package is torn") != std::string::npos; });
  EXPECT_EQ(said("/net/state"), "\"failed\"");
}

TEST_F(ModelWishTest, WithoutARuntimeItWaitsAndSaysSo) {
  boot();
  offer("net", 1, "make=unavailable");
  EXPECT_THAT(refused(), HasSubstr("there is no model runtime"));
  EXPECT_EQ(said("/net/state"), "\"pending\"");
  loader.make = nullptr;
  sim.run_for(std::chrono::minutes(10));
  EXPECT_EQ(said("/net/state"), "\"pending\"") << "it is tried for ever: the runtime may come";
}

TEST_F(ModelWishTest, BeyondTheMemoryBudget) {
  config.memory = 8 << 20;
  boot();
  offer("net", 1, "size=3000000");
  EXPECT_THAT(refused(), HasSubstr("it needs"));
  EXPECT_THAT(said("/net/reason"), HasSubstr("models.memory"));
}

TEST_F(ModelWishTest, WhatIsNoWish) {
  boot();
  for (const auto& [json, why] : std::map<std::string, std::string>{
           {R"({"version":0})", "version: expected"},
           {R"({"digest":"00"})", "digest: expected"},
           {R"({"version":1,"also":1})", "also: expected"},
           {R"({"version":1,"also":[0]})", "also: expected"},
           {R"({"version":1,"priority":10})", "priority: expected"},
           {R"({"priority":1})", "version is missing"},
           {R"({"version":1,"pinned":true})", "'pinned' is not one of"}}) {
    wish("net", json);
    run_until([&, why = why] { return said("/net/reason").find(why) != std::string::npos; });
    EXPECT_EQ(said("/net/state"), "\"failed\"");
  }
}

// ---- sealed ----

TEST_F(ModelWishTest, ASealedModelIsOpenedInMemoryOnly) {
  std::vector<std::string> caches;
  loader.make = [&caches, make = loader.make](const infer::ModelPackage& package, const infer::SessionOptions& options) {
    caches.push_back(options.cache);
    return make(package, options);
  };
  config.cache = "somewhere";
  boot();
  const std::string plain = "scale=7 a-secret-nobody-may-find-on-the-disk";
  const crypto::AeadKey key = crypto::make_aead_key();
  base::Bytes sealed;
  crypto::seal_chunk(key, 0, crypto::Position::last, base::as_bytes(plain), sealed);
  model::ArtifactManifest m = manifest(sealed, "net", 1);
  m.sealing.emplace();
  m.sealing->wrapped_keys["edge-1"] = engine::wrap_content_key(key, seal.recipient, "net", 1, "edge-1").value();
  offer(m, sealed);
  wish("net", R"({"version":1})");
  until_said("/net/state", "\"applied\"");
  EXPECT_TRUE(serves(1));
  EXPECT_TRUE(models->list().at(0).secret);
  EXPECT_EQ(caches, std::vector<std::string>{""}) << "no optimised form of it is kept";
  for (const std::string& path : node.disk().files())
    EXPECT_EQ(base::as_text(*node.disk().contents(path)).find("nobody-may-find"), std::string_view::npos) << path;
  offer("net", 2, "scale=8");
  wish("net", R"({"version":2})");
  until_said("/net/version", "2");
  EXPECT_EQ(caches.back(), "somewhere") << "an open one may be kept";
}

TEST_F(ModelWishTest, SealedForAnotherNode) {
  boot();
  const crypto::AeadKey key = crypto::make_aead_key();
  base::Bytes sealed;
  crypto::seal_chunk(key, 0, crypto::Position::last, base::as_bytes("scale=7"), sealed);
  model::ArtifactManifest m = manifest(sealed, "net", 1);
  m.sealing.emplace();
  m.sealing->wrapped_keys["edge-2"] = engine::wrap_content_key(key, seal.recipient, "net", 1, "edge-2").value();
  offer(m, sealed);
  EXPECT_NE(refused(), "");
  EXPECT_FALSE(serves(1));
}

// ---- when wishes change ----

TEST_F(ModelWishTest, TheNewestWishWinsWhateverIsUnderWay) {
  node.pool_delay = std::chrono::milliseconds(50);
  boot();
  for (std::uint64_t version = 1; version <= 6; ++version) offer("net", version, "scale=" + std::to_string(version));
  for (std::uint64_t version = 1; version <= 6; ++version) {
    wish("net", R"({"version":)" + std::to_string(version) + "}");
    sim.run_for(std::chrono::milliseconds(40 * version));
  }
  until_said("/net/version", "6");
  run_until([&] { return models->list().size() == 1 && serves(6); });
  wish("net", "");
  sim.run_for(std::chrono::milliseconds(1));
  wish("net", R"({"version":6})");
  run_until([&] { return serves(6) && said("/net/state") == "\"applied\""; });
}

}  // namespace
}  // namespace selvedge::node
