// Which manifests are taken.

#include <gtest/gtest.h>

#include "engine/trust/trust_fixture.h"

namespace selvedge::engine {
namespace {

using base::Code;

class TrustArtifacts : public testing::Test {
 protected:
  Signers signers;
  model::KeysDocument document = signers.first();
  Trust trust = Trust::begin(signers.envelope(document, {"root"})).value();
  base::Time now = trust_start + 1h;

  void follow(const model::KeysDocument& following, const std::vector<std::string>& names = {"root"}) {
    const auto followed = trust.follow(signers.envelope(following, names));
    ASSERT_TRUE(followed) << followed.error().message;
  }
  base::Result<TrustedManifest> check(const model::ArtifactManifest& manifest,
                                      const std::vector<std::string>& names = {"signer"}) {
    return trust.check(signers.envelope(manifest, names), ask_for(manifest.name), gateway, now);
  }
  Code refused(const model::ArtifactManifest& manifest, const std::vector<std::string>& names = {"signer"}) {
    const auto checked = check(manifest, names);
    EXPECT_FALSE(checked);
    return checked ? Code::internal : checked.error().code;
  }
};

TEST_F(TrustArtifacts, TakesWhatASignerSigned) {
  const auto trusted = check(small_manifest());
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->manifest.name, "detector");
  EXPECT_EQ(trusted->signers, std::vector<std::string>{signers.id("signer")});
  EXPECT_EQ(refused(small_manifest(), {}), Code::denied);
  EXPECT_EQ(refused(small_manifest(), {"stranger"}), Code::denied);
  EXPECT_EQ(refused(small_manifest(), {"root"}), Code::denied) << "a root key signs keys only";
}

TEST_F(TrustArtifacts, AKindWithARoleOfItsOwnIsForItsSignersOnly) {
  ++document.version;
  document.artifacts["software"] = signers.role(document, {"release 1", "release 2", "release 3"}, 2);
  follow(document);
  model::ArtifactManifest software = small_manifest();
  software.kind = "software";
  EXPECT_EQ(refused(software, {"signer"}), Code::denied);
  EXPECT_EQ(refused(software, {"release 1"}), Code::denied);
  EXPECT_EQ(refused(software, {"release 1", "release 1"}), Code::denied);
  EXPECT_EQ(refused(software, {"release 1", "signer"}), Code::denied);
  EXPECT_TRUE(check(software, {"release 3", "release 1"}));
  EXPECT_EQ(refused(small_manifest(), {"release 1", "release 2"}), Code::denied) << "a model";
  ++document.version;
  document.artifacts.erase("*");
  follow(document);
  EXPECT_EQ(refused(small_manifest()), Code::denied) << "nobody may sign models";
}

TEST_F(TrustArtifacts, TakesOnlyWhatWasAskedFor) {
  const std::string envelope = signers.envelope(small_manifest("detector", 3), {"signer"});
  const auto code = [&](const ArtifactAsk& ask) {
    const auto checked = trust.check(envelope, ask, gateway, now);
    return checked ? std::optional<Code>() : checked.error().code;
  };
  ArtifactAsk ask = ask_for("detector", 3);
  ask.digest = small_manifest("detector", 3).digest;
  ask.size_most = 100'000;
  EXPECT_EQ(code(ask), std::nullopt);
  EXPECT_EQ(code(ask_for("another")), Code::denied);
  EXPECT_EQ(code(ask_for("detector", 4)), Code::denied);
  ArtifactAsk other = ask;
  (*other.digest)[0] ^= 1;
  EXPECT_EQ(code(other), Code::denied);
  ask.size_most = 99'999;
  EXPECT_EQ(code(ask), Code::exhausted);
}

TEST_F(TrustArtifacts, TargetsMustFit) {
  const auto taken = [&](std::vector<model::ArtifactTarget> targets) {
    model::ArtifactManifest manifest = small_manifest();
    manifest.targets = std::move(targets);
    return check(manifest).has_value();
  };
  EXPECT_TRUE(taken({}));
  EXPECT_TRUE(taken({{.arch = "x86_64", .os = "linux", .device_type = "boiler"}}));
  EXPECT_TRUE(taken({{.arch = "x86_64", .os = "", .device_type = ""}}));
  EXPECT_TRUE(taken({{.arch = "aarch64", .os = "", .device_type = ""}, {.arch = "", .os = "linux", .device_type = ""}}));
  EXPECT_FALSE(taken({{.arch = "aarch64", .os = "linux", .device_type = ""}}));
  EXPECT_FALSE(taken({{.arch = "x86_64", .os = "linux", .device_type = "oven"}}));
  EXPECT_FALSE(taken({{.arch = "", .os = "Linux", .device_type = ""}}));
}

TEST_F(TrustArtifacts, ThereIsNoWayBack) {
  const auto second = check(small_manifest("detector", 2)).value();
  EXPECT_TRUE(check(small_manifest("detector", 1))) << "nothing was taken yet";
  ASSERT_TRUE(trust.took(second));
  EXPECT_EQ(trust.newest("detector"), 2U);
  EXPECT_EQ(refused(small_manifest("detector", 1)), Code::denied);
  EXPECT_TRUE(check(small_manifest("detector", 2))) << "the same again";
  EXPECT_TRUE(check(small_manifest("other", 1))) << "each name for itself";
  model::ArtifactManifest twin = small_manifest("detector", 2);
  twin.digest[0] ^= 1;
  EXPECT_EQ(refused(twin), Code::denied) << "other bytes under the same version";
  model::ArtifactManifest prolonged = small_manifest("detector", 2);
  prolonged.expires = now + 24h;
  EXPECT_TRUE(check(prolonged)) << "the same bytes, signed again";
  trust.forget("detector");
  EXPECT_TRUE(check(small_manifest("detector", 1)));
}

TEST_F(TrustArtifacts, WhatStayedHereIsNoWayBack) {
  ASSERT_TRUE(trust.took(check(small_manifest("detector", 2)).value()));
  ArtifactAsk ask = ask_for("detector", 1);
  ask.stayed = true;
  const std::string older = signers.envelope(small_manifest("detector", 1), {"signer"});
  EXPECT_TRUE(trust.check(older, ask, gateway, now));
  EXPECT_FALSE(trust.check(signers.envelope(small_manifest("detector", 1), {"root"}), ask, gateway, now)) << "all else counts";
  model::ArtifactManifest expired = small_manifest("detector", 1);
  expired.expires = now;
  EXPECT_FALSE(trust.check(signers.envelope(expired, {"signer"}), ask, gateway, now));
}

TEST_F(TrustArtifacts, ExpiredIsExpired) {
  model::ArtifactManifest manifest = small_manifest();
  manifest.expires = now + 1h;
  EXPECT_TRUE(check(manifest));
  now = *manifest.expires;
  EXPECT_EQ(refused(manifest), Code::denied);
  now = document.expires;
  EXPECT_EQ(refused(small_manifest()), Code::denied) << "no news of the keys for too long";
}

TEST_F(TrustArtifacts, AClockThatFellBackDoesNotReviveWhatExpired) {
  ++document.version;
  document.issued = trust_start + 48h;
  follow(document);
  model::ArtifactManifest manifest = small_manifest();
  manifest.expires = trust_start + 47h;
  now = {};
  EXPECT_EQ(refused(manifest), Code::denied) << "a root key signed a later moment";
  manifest.expires = trust_start + 49h;
  EXPECT_TRUE(check(manifest)) << "and with 1970 on the clock the node still works";
  trust.saw_time(trust_start + 50h);
  EXPECT_EQ(refused(manifest), Code::denied);
  trust.saw_time({});
  EXPECT_EQ(refused(manifest), Code::denied) << "the floor only rises";
}

TEST_F(TrustArtifacts, ARevokedSignerCountsNoMoreAndItsOverlapDid) {
  ++document.version;
  document.artifacts["*"] = signers.role(document, {"signer", "signer 2"}, 1);
  follow(document);
  EXPECT_TRUE(check(small_manifest(), {"signer"}));
  EXPECT_TRUE(check(small_manifest(), {"signer 2"}));
  ++document.version;
  document.artifacts["*"].keys.erase(signers.id("signer"));
  document.keys.erase(signers.id("signer"));
  document.revoked.insert(signers.id("signer"));
  follow(document);
  EXPECT_EQ(refused(small_manifest(), {"signer"}), Code::denied);
  EXPECT_TRUE(check(small_manifest(), {"signer 2"}));
}

TEST_F(TrustArtifacts, AThiefsVersionDoesNotKeepTheNextOnesOut) {
  ASSERT_TRUE(trust.took(check(small_manifest("honest", 5)).value()));
  ASSERT_TRUE(trust.took(check(small_manifest("detector", codec::artifact::max_version)).value()));
  EXPECT_EQ(refused(small_manifest("detector", 8)), Code::denied);
  ++document.version;
  document.keys.erase(signers.id("signer"));
  document.artifacts["*"] = signers.role(document, {"signer 2"}, 1);
  document.revoked.insert(signers.id("signer"));
  follow(document);
  EXPECT_TRUE(check(small_manifest("detector", 8), {"signer 2"}));
  EXPECT_EQ(trust.newest("honest"), 0U) << "whoever had the key may have signed that one too";
}

TEST_F(TrustArtifacts, ARotationWithoutRevocationKeepsTheFloors) {
  ASSERT_TRUE(trust.took(check(small_manifest("detector", 5)).value()));
  ++document.version;
  document.keys.erase(signers.id("signer"));
  document.artifacts["*"] = signers.role(document, {"signer 2"}, 1);
  follow(document);
  EXPECT_EQ(refused(small_manifest("detector", 4), {"signer 2"}), Code::denied);
  EXPECT_TRUE(check(small_manifest("detector", 6), {"signer 2"}));
}

TEST_F(TrustArtifacts, EveryChangedByteOfAManifestIsNoticed) {
  const std::string good = signers.envelope(small_manifest(), {"signer"});
  ASSERT_TRUE(trust.check(good, ask_for("detector"), gateway, now));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto checked = trust.check(changed, ask_for("detector"), gateway, now);
    // A bit that base64 does not use may differ; then the bytes it stands for are the same.
    if (checked) {
      EXPECT_EQ(codec::artifact::decode_envelope(changed).value(), codec::artifact::decode_envelope(good).value()) << i;
    }
  }
}

TEST_F(TrustArtifacts, AKeysDocumentIsNoManifestAndTheOtherWayRound) {
  const std::string keys = signers.envelope(document, {"signer"});
  EXPECT_FALSE(trust.check(keys, ask_for("detector"), gateway, now));
  const std::string typed = signers.envelope(codec::artifact::keys_type,
                                             codec::artifact::encode(small_manifest()), {"signer"});
  EXPECT_EQ(trust.check(typed, ask_for("detector"), gateway, now).error().code, Code::denied);
}

TEST_F(TrustArtifacts, RemembersSoManyNamesAndNoMore) {
  TrustedManifest trusted{small_manifest(), {signers.id("signer")}};
  for (std::size_t i = 0; i < Trust::max_names; ++i) {
    trusted.manifest.name = "n" + std::to_string(i);
    ASSERT_TRUE(trust.took(trusted));
  }
  trusted.manifest.name = "one-more";
  EXPECT_EQ(trust.took(trusted).error().code, Code::exhausted);
  trusted.manifest.name = "n7";
  trusted.manifest.version = 2;
  EXPECT_TRUE(trust.took(trusted));
  EXPECT_EQ(Trust::restore(trust.save()).value().newest("n7"), 2U);
}

}  // namespace
}  // namespace selvedge::engine
