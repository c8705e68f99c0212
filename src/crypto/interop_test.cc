// Against the openssl command line: what one side writes the other reads.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "crypto/crypto.h"
#include "crypto/seal.h"
#include "crypto/signature.h"

namespace selvedge::crypto {
namespace {

using namespace std::chrono_literals;

class OpensslCommand : public testing::Test {
 protected:
  void SetUp() override {
    if (!run("version")) GTEST_SKIP() << "there is no openssl command";
    folder = testing::TempDir() + "/selvedge_interop_" +
             testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  bool run(const std::string& arguments) const {
    const std::string inside = folder.empty() ? "" : "cd " + folder + " && ";
    return std::system((inside + "openssl " + arguments + " >/dev/null 2>&1").c_str()) == 0;
  }
  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder;
};

const std::string pss = " -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha256 -sigopt rsa_pss_saltlen:";

TEST_F(OpensslCommand, ReadsOurKeysAndSignatures) {
  write("data", "the same bytes");
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::rsa_pss}) {
    const PrivateKey key = load_private_key(make_private_key(kind).value()).value();
    write("public.pem", key.public_pem().value());
    write("signature", base::as_text(sign(key, base::to_bytes("the same bytes")).value()));
    const std::string options = kind == KeyKind::rsa_pss ? pss + "max" : "";
    EXPECT_TRUE(run("dgst -sha256 -verify public.pem -signature signature" + options + " data")) << name(kind);
  }
  const PrivateKey key = load_private_key(make_private_key(KeyKind::ed25519).value()).value();
  write("public.pem", key.public_pem().value());
  write("signature", base::as_text(sign(key, base::to_bytes("the same bytes")).value()));
  EXPECT_TRUE(run("pkeyutl -verify -pubin -inkey public.pem -rawin -in data -sigfile signature"));
}

TEST_F(OpensslCommand, MakesSignaturesThatWeTake) {
  write("data", "other bytes");
  const base::Bytes data = base::to_bytes("other bytes");
  const auto verified = [&](std::string_view signer) {
    return verify_signature(signer, data, base::as_bytes(read("signature"))).passed;
  };
  ASSERT_TRUE(run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  ASSERT_TRUE(run("dgst -sha256 -sign key.pem -out signature data"));
  EXPECT_TRUE(verified(read("public.pem")));
  EXPECT_TRUE(load_private_key(read("key.pem")));

  ASSERT_TRUE(run("genpkey -algorithm ED25519 -out key.pem"));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  ASSERT_TRUE(run("pkeyutl -sign -inkey key.pem -rawin -in data -out signature"));
  EXPECT_TRUE(verified(read("public.pem")));

  ASSERT_TRUE(run("genrsa -out key.pem 3072"));
  ASSERT_TRUE(run("rsa -in key.pem -pubout -out public.pem"));
  for (const std::string salt : {"max", "digest", "0", "20"}) {
    ASSERT_TRUE(run("dgst -sha256 -sign key.pem -out signature" + pss + salt + " data"));
    EXPECT_TRUE(verified(read("public.pem"))) << "salt " << salt;
  }
  ASSERT_TRUE(run("dgst -sha256 -sign key.pem -out signature data"));
  EXPECT_FALSE(verified(read("public.pem"))) << "PKCS#1 v1.5 is not PSS";
  ASSERT_TRUE(run("dgst -sha512 -sign key.pem -out signature" + pss + "max data"));
  EXPECT_FALSE(verified(read("public.pem"))) << "another digest";
}

TEST_F(OpensslCommand, WeakAndForeignKeysAreNotTaken) {
  write("data", "d");
  for (const std::string options : {"RSA -pkeyopt rsa_keygen_bits:1024", "EC -pkeyopt ec_paramgen_curve:secp256k1",
                                    "EC -pkeyopt ec_paramgen_curve:P-384", "ED448", "X25519"}) {
    ASSERT_TRUE(run("genpkey -algorithm " + options + " -out key.pem")) << options;
    ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
    EXPECT_FALSE(read_public_key(read("public.pem"))) << options;
    if (!run("dgst -sha256 -sign key.pem -out signature data")) write("signature", "sixty-four bytes or so");
    EXPECT_FALSE(verify_signature(read("public.pem"), base::to_bytes("d"), base::as_bytes(read("signature"))))
        << options;
  }
  ASSERT_TRUE(run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out key.pem"));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  EXPECT_FALSE(read_public_key(read("public.pem"))) << "an exponent by which a key would have two names";
}

TEST_F(OpensslCommand, AKeyForPssOnlyIsTheSameKey) {
  ASSERT_TRUE(run("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:3072 -out key.pem"));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  const PublicKey key = read_public_key(read("public.pem")).value();
  EXPECT_EQ(key.kind, KeyKind::rsa_pss);
  EXPECT_EQ(parse_public_key(key.der).value(), key);
  write("data", "d");
  ASSERT_TRUE(run("dgst -sha256 -sign key.pem -out signature" + pss + "max data"));
  const std::string signature = read("signature");
  EXPECT_TRUE(verify_signature(key, base::to_bytes("d"), base::as_bytes(signature)));
  EXPECT_TRUE(verify_signature(read("public.pem"), base::to_bytes("d"), base::as_bytes(signature)));
}

TEST_F(OpensslCommand, ReadsOurSealingKeysAndWeItsOwn) {
  const SealKeyPair keys = make_seal_keys();
  write("key.pem", to_pem(keys));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  EXPECT_EQ(parse_recipient(read("public.pem")).value(), keys.recipient);
  ASSERT_TRUE(run("genpkey -algorithm X25519 -out key.pem"));
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  EXPECT_EQ(parse_recipient(read("public.pem")).value(), parse_seal_keys(read("key.pem")).value().recipient);
}

TEST_F(OpensslCommand, VerifiesTheSameChainAsWe) {
  const base::Time now{1'800'000'000'000'000'000};
  const Authority authority = make_authority("Interop CA", now, 24h * 365).value();
  const std::string key = make_key().value();
  const std::string certificate =
      issue(authority, make_csr(key, "boiler").value(),
            {.role = Role::device, .name = "boiler", .hosts = {}, .not_before = now, .valid = 24h}).value();
  write("ca.pem", authority.certificate);
  write("leaf.pem", certificate);
  const auto both = [&](base::Time at) {
    const bool theirs = run("verify -attime " + std::to_string(at.ns / 1'000'000'000) +
                            " -CAfile ca.pem leaf.pem");
    const bool ours = verify_device_certificate(certificate, authority.certificate, at).passed;
    EXPECT_EQ(theirs, ours) << base::to_iso8601(at);
    return ours;
  };
  EXPECT_TRUE(both(now));
  EXPECT_TRUE(both(now - 4min));
  EXPECT_FALSE(both(now - 6min)) << "not yet valid";
  EXPECT_TRUE(both(now + 23h));
  EXPECT_FALSE(both(now + 25h)) << "expired";
}

}  // namespace
}  // namespace selvedge::crypto
