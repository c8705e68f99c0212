#include "engine/trust/sealed_content.h"

#include <gtest/gtest.h>

#include "engine/trust/trust_fixture.h"

namespace selvedge::engine {
namespace {

class SealedContent : public testing::Test {
 protected:
  crypto::SealKeyPair node = crypto::make_seal_keys(), other = crypto::make_seal_keys();
  crypto::AeadKey key = crypto::make_aead_key();
  model::ArtifactManifest manifest = small_manifest();

  void SetUp() override {
    manifest.sealing.emplace();
    manifest.sealing->wrapped_keys["edge-1"] =
        wrap_content_key(key, node.recipient, manifest.name, manifest.version, "edge-1").value();
  }
};

TEST_F(SealedContent, TheNodeItIsSealedForReadsTheKey) {
  ASSERT_TRUE(codec::artifact::check(manifest));
  EXPECT_EQ(unwrap_content_key(manifest, "edge-1", node.secret).value(), key);
}

TEST_F(SealedContent, NobodyElseDoesAndNotUnderAnotherName) {
  EXPECT_EQ(unwrap_content_key(manifest, "edge-1", other.secret).error().code, base::Code::denied);
  EXPECT_EQ(unwrap_content_key(manifest, "edge-2", node.secret).error().code, base::Code::denied);
  model::ArtifactManifest moved = manifest;
  moved.version = 2;
  EXPECT_FALSE(unwrap_content_key(moved, "edge-1", node.secret));
  moved = manifest;
  moved.name = "other";
  EXPECT_FALSE(unwrap_content_key(moved, "edge-1", node.secret));
  moved = manifest;
  moved.sealing->wrapped_keys["edge-2"] = moved.sealing->wrapped_keys["edge-1"];
  EXPECT_FALSE(unwrap_content_key(moved, "edge-2", node.secret));
  moved.sealing.reset();
  EXPECT_EQ(unwrap_content_key(moved, "edge-1", node.secret).error().code, base::Code::invalid_input);
}

TEST_F(SealedContent, ChunksOpenInAnyOrderAtTheirPlaceOnly) {
  base::Bytes first, last, plain;
  crypto::seal_chunk(key, 0, crypto::Position::inside, base::Bytes(100, 1), first);
  crypto::seal_chunk(key, 1, crypto::Position::last, base::Bytes(50, 2), last);
  ASSERT_TRUE(open_content_chunk(manifest, key, 1, last, plain));
  ASSERT_TRUE(open_content_chunk(manifest, key, 0, first, plain));
  EXPECT_EQ(plain.size(), 150U);
  EXPECT_FALSE(open_content_chunk(manifest, key, 0, last, plain));
  EXPECT_FALSE(open_content_chunk(manifest, key, 1, first, plain));
}

}  // namespace
}  // namespace selvedge::engine
