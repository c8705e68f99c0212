// How keys documents follow each other.

#include <gtest/gtest.h>

#include "engine/trust/trust_fixture.h"

namespace selvedge::engine {
namespace {

using base::Code;

class TrustKeys : public testing::Test {
 protected:
  Signers signers;
  model::KeysDocument document = signers.first();
  Trust trust = Trust::begin(signers.envelope(document, {"root"})).value();

  model::KeysDocument next() const {
    model::KeysDocument following = trust.document();
    ++following.version;
    following.issued = following.issued + 1h;
    following.expires = following.expires + 1h;
    return following;
  }
  // What follow() says, and that nothing changed if it refused.
  Code refused(const std::string& envelope) {
    const base::Bytes before = trust.save();
    const auto followed = trust.follow(envelope);
    EXPECT_FALSE(followed);
    EXPECT_EQ(trust.save(), before);
    return followed ? Code::internal : followed.error().code;
  }
};

TEST_F(TrustKeys, BeginsWithADocumentThatItsOwnRootSigned) {
  EXPECT_EQ(trust.document().version, 1U);
  EXPECT_EQ(trust.next_version(), 2U);
  EXPECT_EQ(Trust::begin(signers.envelope(document, {})).error().code, Code::denied);
  EXPECT_EQ(Trust::begin(signers.envelope(document, {"signer"})).error().code, Code::denied);
  EXPECT_FALSE(Trust::begin(""));
}

TEST_F(TrustKeys, TakesTheNextVersionOnce) {
  const std::string second = signers.envelope(next(), {"root"});
  EXPECT_EQ(trust.follow(second).value(), Trust::Followed::newer);
  EXPECT_EQ(trust.follow(second).value(), Trust::Followed::had_already);
  EXPECT_EQ(trust.document().version, 2U);
  EXPECT_EQ(refused(signers.envelope(document, {"root"})), Code::conflict) << "no way back";
}

TEST_F(TrustKeys, LeavesNoVersionOut) {
  model::KeysDocument third = next();
  third.version = 3;
  EXPECT_EQ(refused(signers.envelope(third, {"root"})), Code::conflict);
}

TEST_F(TrustKeys, TwoDocumentsOfOneVersionAreOneTooMany) {
  model::KeysDocument other = document;
  other.expires = other.expires + 1h;
  EXPECT_EQ(refused(signers.envelope(other, {"root"})), Code::denied);
}

TEST_F(TrustKeys, ANewRootNeedsTheOldOnesSignatureAndItsOwn) {
  model::KeysDocument second = next();
  second.keys.erase(signers.id("root"));
  second.root = signers.role(second, {"root 2"}, 1);
  EXPECT_EQ(refused(signers.envelope(second, {"root 2"})), Code::denied) << "anybody could say so";
  EXPECT_EQ(refused(signers.envelope(second, {"root"})), Code::denied) << "nobody holds the new key";
  EXPECT_EQ(trust.follow(signers.envelope(second, {"root", "root 2"})).value(), Trust::Followed::newer);
  model::KeysDocument third = next();
  EXPECT_EQ(refused(signers.envelope(third, {"root"})), Code::denied) << "the old root is out";
  EXPECT_TRUE(trust.follow(signers.envelope(third, {"root 2"})));
}

TEST_F(TrustKeys, ASignersKeyIsNoRootKey) {
  EXPECT_EQ(refused(signers.envelope(next(), {"signer"})), Code::denied);
}

TEST_F(TrustKeys, CountsKeysAndNotSignatures) {
  model::KeysDocument second = next();
  second.root = signers.role(second, {"root", "root 2", "root 3"}, 2);
  EXPECT_EQ(refused(signers.envelope(second, {"root"})), Code::denied);
  EXPECT_EQ(refused(signers.envelope(second, {"root", "root", "root"})), Code::denied);
  EXPECT_EQ(refused(signers.envelope(second, {"root", "signer"})), Code::denied);
  // One good signature, and the same one under another key's name.
  codec::artifact::Envelope envelope =
      codec::artifact::decode_envelope(signers.envelope(second, {"root"})).value();
  envelope.signatures.push_back(envelope.signatures[0]);
  envelope.signatures[1].key_id = signers.id("root 2");
  EXPECT_EQ(refused(codec::artifact::encode(envelope)), Code::denied);
  // A bad one before the good one of the same key does no harm.
  envelope = codec::artifact::decode_envelope(signers.envelope(second, {"root", "root 2"})).value();
  envelope.signatures.insert(envelope.signatures.begin(), envelope.signatures[0]);
  envelope.signatures[0].bytes[5] ^= 1;
  EXPECT_TRUE(trust.follow(codec::artifact::encode(envelope)));
}

TEST_F(TrustKeys, OneKeyUnderTwoIdsIsRefused) {
  const std::string pem = crypto::make_private_key(crypto::KeyKind::ecdsa_p256).value();
  const auto key = crypto::read_public_key(crypto::load_private_key(pem).value().public_pem().value()).value();
  base::Bytes compressed = base::to_bytes("\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48"
                                          "\xce\x3d\x03\x01\x07\x03\x22");
  compressed.push_back(0);
  compressed.push_back(static_cast<std::uint8_t>(2 + (key.der.back() & 1)));
  base::append(compressed, base::BytesView(key.der).subspan(27, 32));
  model::KeysDocument second = next();
  for (const base::Bytes& der : {key.der, compressed}) {
    const std::string id = base::to_hex(crypto::sha256(der));
    second.keys[id] = der;
    second.root.keys.insert(id);
  }
  EXPECT_EQ(refused(signers.envelope(second, {"root"})), Code::invalid_input);
}

TEST_F(TrustKeys, AnIdMustBeItsKeysOwn) {
  model::KeysDocument second = next();
  second.keys[signers.id("signer")] = signers.der("stranger");
  EXPECT_EQ(refused(signers.envelope(second, {"root"})), Code::invalid_input);
}

TEST_F(TrustKeys, ShortRsaKeysAreNotTaken) {
  // A public key of 2048 bits, whose number is merely odd: whether it is sound is asked later.
  model::KeysDocument second = next();
  base::Bytes der = base::from_hex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100").value();
  base::Bytes number(256, 0xC3);
  base::append(der, number);
  base::append(der, base::from_hex("0203010001").value());
  second.keys[base::to_hex(crypto::sha256(der))] = der;
  EXPECT_EQ(refused(signers.envelope(second, {"root"})), Code::invalid_input);
}

TEST_F(TrustKeys, ARevokedKeyStaysRevoked) {
  model::KeysDocument second = next();
  second.keys.erase(signers.id("signer"));
  second.artifacts["*"] = signers.role(second, {"signer 2"}, 1);
  second.revoked = {signers.id("signer")};
  ASSERT_TRUE(trust.follow(signers.envelope(second, {"root"})));
  model::KeysDocument third = next();
  third.revoked.clear();
  EXPECT_EQ(refused(signers.envelope(third, {"root"})), Code::denied);
  third = next();
  third.artifacts["*"] = signers.role(third, {"signer"}, 1);
  EXPECT_EQ(refused(signers.envelope(third, {"root"})), Code::invalid_input) << "listed and revoked";
}

TEST_F(TrustKeys, ALostRootIsRevokedByTheDocumentItSigns) {
  model::KeysDocument second = next();
  second.keys.erase(signers.id("root"));
  second.root = signers.role(second, {"root 2"}, 1);
  second.revoked = {signers.id("root")};
  EXPECT_TRUE(trust.follow(signers.envelope(second, {"root", "root 2"})));
}

TEST_F(TrustKeys, WalksAHundredRotationsAndPastExpiredOnes) {
  std::vector<std::string> chain;
  model::KeysDocument at = document;
  std::string root = "root";
  for (int i = 2; i <= 101; ++i) {
    ++at.version;
    const std::string fresh = "chain " + std::to_string(i % 7);
    at.keys.erase(signers.id(root));
    at.root = signers.role(at, {fresh}, 1);
    at.issued = at.issued + 1h;
    at.expires = at.issued + 30min;       // each ran out before the next was issued
    chain.push_back(signers.envelope(at, {root, fresh}));
    root = fresh;
  }
  // Nobody jumps ahead, and each step has to be there.
  EXPECT_EQ(refused(chain.back()), Code::conflict);
  for (const std::string& envelope : chain) ASSERT_TRUE(trust.follow(envelope)) << trust.document().version;
  EXPECT_EQ(trust.document().version, 101U);
  for (const std::string& envelope : chain) EXPECT_TRUE(trust.has_followed(envelope));
  EXPECT_FALSE(trust.has_followed(signers.envelope(next(), {root})));
  EXPECT_TRUE(trust.expired(at.expires));
  EXPECT_FALSE(trust.expired(at.expires - 1ns));
}

TEST_F(TrustKeys, EveryChangedByteOfADocumentIsNoticed) {
  const std::string good = signers.envelope(next(), {"root"});
  const auto envelope = codec::artifact::decode_envelope(good).value();
  for (std::size_t i = 0; i < envelope.payload.size(); ++i) {
    auto changed = envelope;
    changed.payload[i] ^= 1;
    EXPECT_FALSE(trust.follow(codec::artifact::encode(changed))) << i;
  }
  auto typed = envelope;
  typed.type = codec::artifact::manifest_type;
  EXPECT_FALSE(trust.follow(codec::artifact::encode(typed)));
  ASSERT_TRUE(trust.follow(good));
}

TEST_F(TrustKeys, IsTheSameAfterBeingSaved) {
  ASSERT_TRUE(trust.follow(signers.envelope(next(), {"root"})));
  const auto trusted = trust.check(signers.envelope(small_manifest("a", 7), {"signer"}), ask_for("a"),
                                   gateway, trust_start).value();
  ASSERT_TRUE(trust.took(trusted));
  trust.saw_time(trust_start + 5h);
  const base::Bytes saved = trust.save();
  const Trust again = Trust::restore(saved).value();
  EXPECT_EQ(again.save(), saved);
  EXPECT_EQ(again.newest("a"), 7U);
  EXPECT_EQ(again.time({}), trust_start + 5h);
  EXPECT_TRUE(again.has_followed(signers.envelope(document, {"root"})));
  for (std::size_t i = 0; i < saved.size(); i += 1 + i / 60) {
    base::Bytes damaged = saved;
    damaged[i] ^= 0x10;
    EXPECT_EQ(Trust::restore(damaged).error().code, Code::corrupt) << i;
    EXPECT_EQ(Trust::restore(base::BytesView(saved).first(i)).error().code, Code::corrupt) << i;
  }
}

}  // namespace
}  // namespace selvedge::engine
