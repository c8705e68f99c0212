#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/crypto.h"

namespace selvedge::crypto {
namespace {

base::Bytes bytes(std::string_view hex) { return base::from_hex(hex).value(); }

std::string pem(std::string_view label, base::BytesView der) {
  return "-----BEGIN " + std::string(label) + "-----\n" + base::to_base64(der) + "\n-----END " +
         std::string(label) + "-----\n";
}

// Keys take a while to make, so each kind has one for all tests.
struct Pair {
  std::string pem;
  PrivateKey key;
  PublicKey public_key;
};

const Pair& pair(KeyKind kind) {
  static std::map<KeyKind, Pair> made;
  auto at = made.find(kind);
  if (at == made.end()) {
    const std::string text = make_private_key(kind).value();
    const PrivateKey key = load_private_key(text).value();
    at = made.emplace(kind, Pair{text, key, read_public_key(key.public_pem().value()).value()}).first;
  }
  return at->second;
}

constexpr KeyKind kinds[] = {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::rsa_pss};

TEST(Signature, Ed25519GivesTheKnownAnswersOfRfc8032) {
  const struct {
    std::string_view secret, key, message, signature;
  } cases[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const auto& c : cases) {
    const auto key = load_private_key(
        pem("PRIVATE KEY", bytes("302e020100300506032b657004220420" + std::string(c.secret)))).value();
    EXPECT_EQ(base::to_hex(sign(key, bytes(c.message)).value()), c.signature);
    const base::Bytes der = bytes("302a300506032b6570032100" + std::string(c.key));
    EXPECT_EQ(parse_public_key(der).value(), read_public_key(key.public_pem().value()).value());
    EXPECT_TRUE(verify_signature(pem("PUBLIC KEY", der), bytes(c.message), bytes(c.signature)));
  }
}

TEST(Signature, EachKindVerifiesWhatItSignedAndNothingElse) {
  const base::Bytes data = base::to_bytes("a reading"), other = base::to_bytes("a Reading");
  for (const KeyKind kind : kinds) {
    const Pair& own = pair(kind);
    const base::Bytes signature = sign(own.key, data).value();
    const std::string public_pem = own.key.public_pem().value();
    EXPECT_TRUE(verify_signature(public_pem, data, signature)) << name(kind);
    EXPECT_TRUE(verify_signature(own.public_key, data, signature)) << name(kind);
    EXPECT_FALSE(verify_signature(public_pem, other, signature)) << name(kind);
    EXPECT_FALSE(verify_signature(public_pem, {}, signature)) << name(kind);
    for (const KeyKind wrong : kinds)
      if (wrong != kind) {
        EXPECT_FALSE(verify_signature(pair(wrong).public_key, data, signature))
            << name(kind) << " under " << name(wrong);
      }
    const base::Bytes empty = sign(own.key, {}).value();
    EXPECT_TRUE(verify_signature(own.public_key, {}, empty)) << name(kind);
  }
}

TEST(Signature, AnyChangedBitSpoilsIt) {
  const base::Bytes data = base::to_bytes("bits");
  for (const KeyKind kind : kinds) {
    const base::Bytes signature = sign(pair(kind).key, data).value();
    // Every bit of a long signature would take its time: RSA's are sampled.
    const std::size_t step = kind == KeyKind::rsa_pss ? 41 : 1;
    for (std::size_t bit = 0; bit < signature.size() * 8; bit += step) {
      base::Bytes changed = signature;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
      EXPECT_FALSE(verify_signature(pair(kind).public_key, data, changed)) << name(kind) << " bit " << bit;
    }
  }
}

TEST(Signature, RefusesEveryOtherLength) {
  const base::Bytes data = base::to_bytes("length");
  for (const KeyKind kind : kinds) {
    const base::Bytes signature = sign(pair(kind).key, data).value();
    const auto verify = [&](base::BytesView s) {
      return verify_signature(pair(kind).public_key, data, s).passed;
    };
    EXPECT_FALSE(verify({}));
    for (std::size_t size = 1; size < signature.size(); size += 1 + size / 8)
      EXPECT_FALSE(verify(base::BytesView(signature).first(size))) << name(kind) << " " << size;
    base::Bytes longer = signature;
    longer.push_back(0);
    EXPECT_FALSE(verify(longer));
    EXPECT_FALSE(verify(base::Bytes(max_signature_bytes + 1, 1)));
    EXPECT_FALSE(verify(base::Bytes(signature.size(), 0)));
    EXPECT_FALSE(verify(base::Bytes(signature.size(), 0xFF)));
  }
}

TEST(Signature, RefusesEcdsaWithNumbersOutOfRange) {
  // SEQUENCE of (r, s): zero, one of them zero, the order of the curve, and a negative one.
  const std::string order = "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const std::string cases[] = {"3006020100020100", "3006020101020100", "3006020100020101",
                               "3026" + order + "020101", "3026020101" + order, "30060201ff020101",
                               "3000", "30", "00"};
  for (const std::string& c : cases)
    EXPECT_FALSE(verify_signature(pair(KeyKind::ecdsa_p256).public_key, {}, bytes(c))) << c;
}

TEST(Signature, TakesACertificateForTheSigner) {
  const auto authority = make_authority("CA", {1'700'000'000'000'000'000}, std::chrono::hours(24)).value();
  const base::Bytes data = base::to_bytes("by the CA's key");
  const base::Bytes signature = sign(load_private_key(authority.key).value(), data).value();
  EXPECT_TRUE(verify_signature(authority.certificate, data, signature));
  EXPECT_FALSE(verify_signature(authority.certificate, base::to_bytes("else"), signature));
}

TEST(Signature, ASignerThatCannotBeReadIsAFailureLikeAnyOther) {
  const std::string_view signers[] = {"", "no pem", "-----BEGIN PUBLIC KEY-----\n",
                                      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
  for (const std::string_view signer : signers) {
    const Checked checked = verify_signature(signer, {}, base::Bytes(64, 1));
    EXPECT_FALSE(checked.passed);
    EXPECT_FALSE(checked.for_log.empty());
  }
  EXPECT_FALSE(verify_signature(pair(KeyKind::ed25519).pem, {}, base::Bytes(64, 1))) << "a private key";
}

TEST(Signature, NamesAKeyByItsOneEncoding) {
  for (const KeyKind kind : kinds) {
    const PublicKey& key = pair(kind).public_key;
    EXPECT_EQ(key.kind, kind);
    EXPECT_EQ(key_id(key), base::to_hex(sha256(key.der)));
    EXPECT_EQ(read_public_key(to_pem(key)).value(), key);
    EXPECT_EQ(parse_public_key(key.der).value(), key);
    base::Bytes longer = key.der;
    longer.push_back(0);
    EXPECT_FALSE(parse_public_key(longer)) << name(kind);
    EXPECT_FALSE(parse_public_key(base::BytesView(key.der).first(key.der.size() - 1)));
  }
  EXPECT_FALSE(parse_public_key({}));
  EXPECT_FALSE(parse_public_key(base::Bytes(4096, 0x30)));
}

TEST(Signature, ACompressedPointIsTheSameKeyAndNoSecondName) {
  const PublicKey& key = pair(KeyKind::ecdsa_p256).public_key;
  ASSERT_EQ(key.der.size(), 91U);
  // SubjectPublicKeyInfo with the point's x and the parity of its y.
  base::Bytes compressed = bytes("3039301306072a8648ce3d020106082a8648ce3d030107032200");
  compressed.push_back(static_cast<std::uint8_t>(2 + (key.der.back() & 1)));
  base::append(compressed, base::BytesView(key.der).subspan(27, 32));
  EXPECT_EQ(read_public_key(pem("PUBLIC KEY", compressed)).value(), key);
  EXPECT_FALSE(parse_public_key(compressed));
}

TEST(Signature, NamesOfKinds) {
  for (const KeyKind kind : kinds) EXPECT_EQ(parse_key_kind(name(kind)), kind);
  EXPECT_FALSE(parse_key_kind("rsa"));
  EXPECT_FALSE(parse_key_kind(""));
}

TEST(PrivateKey, MakesNoShortRsa) {
  EXPECT_EQ(make_private_key(KeyKind::rsa_pss, 2048).error().code, base::Code::invalid_input);
  EXPECT_EQ(make_private_key(KeyKind::rsa_pss, 16384).error().code, base::Code::invalid_input);
}

TEST(PrivateKey, WithoutAProviderAPkcs11UriSaysWhatToConfigure) {
  EXPECT_TRUE(is_key_uri("pkcs11:token=edge;object=node"));
  const auto key = load_private_key("pkcs11:token=edge;object=node?pin-value=4711");
  ASSERT_FALSE(key);
  if (key.error().code == base::Code::unavailable) {
    EXPECT_NE(key.error().message.find("OPENSSL_CONF"), std::string::npos) << key.error().message;
  }
  EXPECT_EQ(key.error().message.find("4711"), std::string::npos) << "a PIN in a message";
}

TEST(PrivateKey, LoadsFromAStoreByUri) {
  const std::string path = testing::TempDir() + "/selvedge_store_key.pem";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(pair(KeyKind::ed25519).pem.c_str(), file);
  std::fclose(file);
  const auto key = load_private_key("store:file:" + path + "\n");
  ASSERT_TRUE(key) << key.error().message;
  const base::Bytes data = base::to_bytes("x");
  EXPECT_TRUE(verify_signature(pair(KeyKind::ed25519).public_key, data, sign(*key, data).value()));
  EXPECT_TRUE(make_csr("store:file:" + path, "node"));
  std::remove(path.c_str());
  EXPECT_EQ(load_private_key("store:file:" + path).error().code, base::Code::not_found);
  EXPECT_FALSE(load_private_key("store:"));
  EXPECT_FALSE(load_private_key(std::string("store:file:/a\nb")));
}

}  // namespace
}  // namespace selvedge::crypto
