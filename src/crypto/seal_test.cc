#include "crypto/seal.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/hkdf.h"
#include "crypto/hpke.h"
#include "crypto/private_key.h"

namespace selvedge::crypto {
namespace {

base::Bytes bytes(std::string_view hex) { return base::from_hex(hex).value(); }

template <std::size_t size = 32>
std::array<std::uint8_t, size> fixed(std::string_view hex) {
  std::array<std::uint8_t, size> array{};
  const base::Bytes read = bytes(hex);
  EXPECT_EQ(read.size(), size);
  std::ranges::copy(read, array.begin());
  return array;
}

TEST(Hkdf, GivesTheKnownAnswersOfRfc5869) {
  const auto row = [](unsigned from, unsigned to) {
    base::Bytes all;
    for (unsigned v = from; v <= to; ++v) all.push_back(static_cast<std::uint8_t>(v));
    return all;
  };
  const struct {
    base::Bytes input, salt, info;
    std::string_view key, output;
  } cases[] = {
      {base::Bytes(22, 0x0b), row(0, 12), row(0xf0, 0xf9),
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {row(0, 0x4f), row(0x60, 0xaf), row(0xb0, 0xff),
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e59"
       "0e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {base::Bytes(22, 0x0b), {}, {},
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const auto& c : cases) {
    const Digest key = hkdf_extract(c.salt, c.input);
    EXPECT_EQ(base::to_hex(key), c.key);
    base::Bytes output(c.output.size() / 2);
    hkdf_expand(key, c.info, output);
    EXPECT_EQ(base::to_hex(output), c.output);
  }
}

// RFC 8439 section 2.8.2.
struct Rfc8439 {
  AeadKey key = fixed("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  AeadNonce nonce = fixed<12>("070000004041424344454647");
  base::Bytes associated = bytes("50515253c0c1c2c3c4c5c6c7");
  base::Bytes plain = base::to_bytes(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.");
  std::string_view sealed =
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da9272"
      "8b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831"
      "d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";
};

TEST(Aead, GivesTheKnownAnswerOfRfc8439) {
  const Rfc8439 v;
  base::Bytes sealed = {7}, plain = {8};
  aead_seal(v.key, v.nonce, v.associated, v.plain, sealed);
  EXPECT_EQ(base::to_hex(base::BytesView(sealed).subspan(1)), v.sealed);
  EXPECT_EQ(sealed[0], 7) << "appends";
  ASSERT_TRUE(aead_open(v.key, v.nonce, v.associated, bytes(v.sealed), plain));
  EXPECT_EQ(base::Bytes(plain.begin() + 1, plain.end()), v.plain);
}

TEST(Aead, RefusesWhateverWasChangedAndGivesNothingOut) {
  const Rfc8439 v;
  const base::Bytes sealed = bytes(v.sealed);
  base::Bytes out = {1, 2, 3};
  const auto refused = [&](const AeadKey& key, const AeadNonce& nonce, base::BytesView associated,
                           base::BytesView s) {
    const auto opened = aead_open(key, nonce, associated, s, out);
    EXPECT_EQ(out, (base::Bytes{1, 2, 3}));
    return !opened && opened.error().code == base::Code::denied;
  };
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    base::Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_TRUE(refused(v.key, v.nonce, v.associated, changed)) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_TRUE(refused(v.key, v.nonce, v.associated, base::BytesView(sealed).first(size))) << size;
  AeadKey key = v.key;
  key[0] ^= 1;
  EXPECT_TRUE(refused(key, v.nonce, v.associated, sealed));
  AeadNonce nonce = v.nonce;
  nonce[11] ^= 1;
  EXPECT_TRUE(refused(v.key, nonce, v.associated, sealed));
  EXPECT_TRUE(refused(v.key, v.nonce, {}, sealed));
}

TEST(Aead, SealsNothingAtAll) {
  base::Bytes sealed, plain;
  aead_seal({}, {}, {}, {}, sealed);
  EXPECT_EQ(sealed.size(), aead_tag_bytes);
  EXPECT_TRUE(aead_open({}, {}, {}, sealed, plain));
  EXPECT_TRUE(plain.empty());
  EXPECT_FALSE(aead_open({}, {}, bytes("00"), sealed, plain));
}

TEST(Aead, ChunksKnowTheirPlaceAndTheLastOne) {
  const AeadKey key = make_aead_key();
  base::Bytes first, second, plain;
  seal_chunk(key, 0, Position::inside, bytes("00"), first);
  seal_chunk(key, 1, Position::last, bytes("11"), second);
  EXPECT_TRUE(open_chunk(key, 0, Position::inside, first, plain));
  EXPECT_TRUE(open_chunk(key, 1, Position::last, second, plain));
  EXPECT_EQ(plain, bytes("0011"));
  EXPECT_FALSE(open_chunk(key, 1, Position::inside, first, plain)) << "put elsewhere";
  EXPECT_FALSE(open_chunk(key, 0, Position::last, first, plain)) << "cut off after it";
  EXPECT_FALSE(open_chunk(key, 1, Position::inside, second, plain)) << "more appended";
}

TEST(X25519, GivesTheKnownAnswersOfRfc7748) {
  const struct {
    std::string_view secret, point, agreed;
  } cases[] = {{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
               {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"}};
  for (const auto& c : cases)
    EXPECT_EQ(base::to_hex(x25519(fixed(c.secret), fixed(c.point)).value()), c.agreed);
}

// The points whose order divides 8 (RFC 7748 section 6.1 asks to look for the zero they give), in
// their reduced form and with a few of their other encodings.
constexpr std::string_view low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};

TEST(Seal, RefusesPointsOfLowOrder) {
  const SealKeyPair own = make_seal_keys();
  for (const std::string_view point : low_order) {
    EXPECT_FALSE(x25519(own.secret, fixed(point))) << point;
    EXPECT_EQ(seal(fixed(point), {}, {}, bytes("00")).error().code, base::Code::invalid_input) << point;
    base::Bytes sealed = bytes(point);
    sealed.resize(sealed.size() + 16);
    EXPECT_EQ(unseal(own.secret, {}, {}, sealed).error().code, base::Code::denied) << point;
  }
}

TEST(Seal, GivesTheKnownAnswerOfRfc9180) {
  // Appendix A.2.1, sequence number 0.
  const SealKey ephemeral = fixed("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600");
  const SealKey secret = fixed("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
  const SealKey recipient = fixed("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
  const base::Bytes info = bytes("4f6465206f6e2061204772656369616e2055726e");
  const base::Bytes associated = bytes("436f756e742d30");
  const base::Bytes plain = bytes("4265617574792069732074727574682c20747275746820626561757479");
  const std::string_view sealed =
      "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
      "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
  EXPECT_EQ(recipient_of(secret), recipient);
  EXPECT_EQ(base::to_hex(seal_with(ephemeral, recipient, info, associated, plain).value()), sealed);
  EXPECT_EQ(unseal(secret, info, associated, bytes(sealed)).value(), plain);
}

TEST(Seal, OnlyTheRecipientReadsIt) {
  const SealKeyPair own = make_seal_keys(), other = make_seal_keys();
  const base::Bytes info = base::to_bytes("info"), associated = base::to_bytes("header");
  for (const std::size_t size : {0, 1, 32, 1000}) {
    const base::Bytes plain(size, 0x5A);
    const base::Bytes sealed = seal(own.recipient, info, associated, plain).value();
    EXPECT_EQ(sealed.size(), size + seal_overhead_bytes);
    EXPECT_EQ(unseal(own.secret, info, associated, sealed).value(), plain);
    EXPECT_NE(seal(own.recipient, info, associated, plain).value(), sealed) << "fresh each time";
    EXPECT_FALSE(unseal(other.secret, info, associated, sealed));
    EXPECT_FALSE(unseal(own.secret, {}, associated, sealed));
    EXPECT_FALSE(unseal(own.secret, info, {}, sealed));
    for (std::size_t i = 0; i < sealed.size(); i += 1 + i / 40) {
      base::Bytes changed = sealed;
      changed[i] ^= 1;
      EXPECT_FALSE(unseal(own.secret, info, associated, changed)) << i;
      EXPECT_FALSE(unseal(own.secret, info, associated, base::BytesView(sealed).first(i))) << i;
    }
  }
}

TEST(Seal, KeysAreTextAndBack) {
  const SealKeyPair keys = make_seal_keys();
  const SealKeyPair read = parse_seal_keys(to_pem(keys)).value();
  EXPECT_EQ(read.secret, keys.secret);
  EXPECT_EQ(read.recipient, keys.recipient);
  EXPECT_EQ(parse_recipient(to_text(keys.recipient) + "\n").value(), keys.recipient);
  for (const std::string_view text : {"", "AAAA", "no base64!", "-----BEGIN PUBLIC KEY-----"})
    EXPECT_EQ(parse_recipient(text).error().code, base::Code::invalid_input) << text;
  EXPECT_FALSE(parse_recipient(std::string(100'000, 'A')));
  const std::string signing = make_private_key(KeyKind::ed25519).value();
  EXPECT_EQ(parse_seal_keys(signing).error().code, base::Code::invalid_input) << "a signing key";
  EXPECT_FALSE(parse_recipient(load_private_key(signing).value().public_pem().value()));
}

}  // namespace
}  // namespace selvedge::crypto
