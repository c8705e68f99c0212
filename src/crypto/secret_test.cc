#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/password_hash.h"

namespace selvedge::crypto {
namespace {

TEST(Digest, MatchesTheStandard) {
  // FIPS 180-2 appendix B.1.
  EXPECT_EQ(base::to_hex(sha256(base::as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(secret_digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, ComparesEveryByte) {
  EXPECT_TRUE(equal_in_constant_time(base::as_bytes("same"), base::as_bytes("same")));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_FALSE(equal_in_constant_time(base::as_bytes("same"), base::as_bytes("sane")));
  EXPECT_FALSE(equal_in_constant_time(base::as_bytes("same"), base::as_bytes("sam")));
}

TEST(Random, FillsAnySize) {
  base::Bytes a(64), b(64), none;
  random(a);
  random(b);
  random(none);
  EXPECT_NE(a, b);
}

TEST(Role, IsReadBackFromItsUri) {
  for (const Role role : {Role::cloud, Role::node, Role::device, Role::operator_}) {
    const std::vector<std::string> uris = {"https://example.com", role_uri(role, "a.b-c_d")};
    const RoleName read = role_of(uris).value();
    EXPECT_EQ(read.role, role);
    EXPECT_EQ(read.name, "a.b-c_d");
  }
  EXPECT_EQ(role_uri(Role::operator_, "ada"), "urn:selvedge:operator:ada");
}

TEST(Role, IsRefusedUnlessThereIsExactlyOneWellFormed) {
  const std::vector<std::string> cases[] = {
      {},
      {"https://example.com"},
      {"urn:selvedge:node:a", "urn:selvedge:node:a"},
      {"urn:selvedge:node:a", "urn:selvedge:operator:a"},
      {"urn:selvedge:node:a", "urn:selvedge:root:a"},
      {"urn:selvedge:"},
      {"urn:selvedge:node"},
      {"urn:selvedge:node:"},
      {"urn:selvedge:nodes:a"},
      {"urn:selvedge:node:a b"},
      {"urn:selvedge:node:a:b"},
      {"urn:selvedge:Node:a"},
  };
  for (const auto& uris : cases) {
    EXPECT_FALSE(role_of(uris)) << (uris.empty() ? "none" : uris.back());
  }
}

TEST(Name, IsOneSafePathComponent) {
  for (const char* good : {"a", "gate-7", "A_b.c", "0", "_x"}) EXPECT_TRUE(is_name(good)) << good;
  EXPECT_TRUE(is_name(std::string(64, 'a')));
  for (const char* bad :
       {"", ".", "..", ".a", "-a", "a/b", "a b", "a:b", "a+", "a#", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
  EXPECT_FALSE(is_name(std::string(65, 'a')));
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
}

TEST(Password, IsRecognised) {
  const std::string hash = hash_password("correct horse").value();
  EXPECT_TRUE(hash.starts_with("scrypt$14$8$1$"));
  EXPECT_TRUE(check_password("correct horse", hash).value());
  EXPECT_FALSE(check_password("correct horsf", hash).value());
  EXPECT_FALSE(check_password("", hash).value());
  EXPECT_FALSE(check_password(std::string(2000, 'x'), hash).value());
  EXPECT_NE(hash, hash_password("correct horse").value());  // salted
  EXPECT_FALSE(hash_password(""));
  EXPECT_FALSE(hash_password(std::string(1025, 'x')));
}

TEST(Password, FollowsTheScryptStandard) {
  // RFC 7914 section 12, cut to 32 bytes (the first block of PBKDF2 does not depend on the length).
  const std::string hash =
      "scrypt$14$8$1$536f6469756d43686c6f72696465$"
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2";
  EXPECT_TRUE(check_password("pleaseletmein", hash).value());
}

TEST(Password, RefusesMalformedHashes) {
  const std::string salt(32, 'a'), key(64, 'b');
  const std::string cases[] = {
      "",
      "scrypt",
      "scrypt$14$8$1$" + salt,
      "scrypt$14$8$1$" + salt + "$" + key + "$",
      "bcrypt$14$8$1$" + salt + "$" + key,
      "scrypt$$8$1$" + salt + "$" + key,
      "scrypt$014$8$1$" + salt + "$" + key,
      "scrypt$-1$8$1$" + salt + "$" + key,
      "scrypt$99$8$1$" + salt + "$" + key,
      "scrypt$20$8$1$" + salt + "$" + key,  // 1 GiB
      "scrypt$17$8$1$" + salt + "$" + key,  // 128 MiB
      "scrypt$14$33$1$" + salt + "$" + key,
      "scrypt$14$8$5$" + salt + "$" + key,
      "scrypt$14$8$0$" + salt + "$" + key,
      "scrypt$16$1$1$" + salt + "$" + key,  // N too large for r
      "scrypt$14$8$1$zz$" + key,
      "scrypt$14$8$1$aa$" + key,
      "scrypt$14$8$1$" + std::string(130, 'a') + "$" + key,
      "scrypt$14$8$1$" + salt + "$",
      "scrypt$14$8$1$" + salt + "$" + key.substr(2),
      "scrypt$14$8$1$" + salt + "$" + key + "bb",
      std::string(10'000, '$'),
  };
  for (const std::string& hash : cases) {
    const auto checked = check_password("x", hash);
    ASSERT_FALSE(checked) << hash;
    EXPECT_EQ(checked.error().code, base::Code::invalid_input) << hash;
  }
}

TEST(Password, TakesTheDearestHashAllowed) {
  const std::string salt(32, 'a'), key(64, 'b');
  EXPECT_EQ(parse_password_hash("scrypt$16$8$1$" + salt + "$" + key).value().cost.memory_bytes(),
            64U << 20);
  EXPECT_FALSE(check_password("x", "scrypt$10$8$4$" + salt + "$" + key).value());
}

TEST(JoinToken, SurvivesBeingWrittenDown) {
  Digest authority{};
  random(authority);
  const JoinToken token = make_join_token(authority);
  const std::string text = to_text(token);
  EXPECT_EQ(text.size(), 16U + 1 + 32 + 1 + 64);
  const JoinToken read = parse_join_token(text).value();
  EXPECT_EQ(read.id, token.id);
  EXPECT_EQ(read.secret, token.secret);
  EXPECT_EQ(read.authority, authority);
  EXPECT_NE(make_join_token(authority).secret, token.secret);
}

TEST(JoinToken, RefusesMalformedTexts) {
  const std::string id(16, '1'), secret(32, '2'), authority(64, '3');
  ASSERT_TRUE(parse_join_token(id + "." + secret + "." + authority));
  const std::string cases[] = {
      "",
      ".",
      "..",
      "...",
      id,
      id + "." + secret,
      id + "." + secret + ".",
      id + "." + secret + "." + authority + ".",
      id + "." + secret + "." + authority + "\n",
      " " + id + "." + secret + "." + authority,
      id + "1." + secret + "." + authority,
      id + "." + secret.substr(1) + "." + authority,
      id + "." + secret + "." + authority.substr(1),
      std::string(16, 'A') + "." + secret + "." + authority,
      id + "." + std::string(32, 'z') + "." + authority,
      "." + secret + "." + authority,
      std::string(100'000, '.'),
  };
  for (const std::string& text : cases) {
    const auto token = parse_join_token(text);
    ASSERT_FALSE(token) << text;
    EXPECT_EQ(token.error().code, base::Code::invalid_input);
    // What may be a secret never reaches a log.
    EXPECT_EQ(token.error().message.find("222"), std::string::npos);
  }
}

}  // namespace
}  // namespace selvedge::crypto
