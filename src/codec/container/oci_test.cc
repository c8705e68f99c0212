// What the documents of an image say.

#include "codec/container/oci.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selvedge::codec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string blob(char digit, std::string_view more = "") {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"sha256:)" + std::string(64, digit) + "\"" +
         std::string(more) + "}";
}
std::string index_of(const std::string& manifests) { return R"({"schemaVersion":2,"manifests":[)" + manifests + "]}"; }
std::string platform(std::string_view architecture) {
  return R"(,"platform":{"os":"linux","architecture":")" + std::string(architecture) + "\"}";
}

TEST(Oci, TheManifestOfThisMachineIsChosen) {
  const std::string both = index_of(blob('a', platform("arm64")) + "," + blob('b', platform("amd64")));
  EXPECT_EQ(choose_manifest(both, "amd64")->blob.member(), "blobs/sha256/" + std::string(64, 'b'));
  EXPECT_EQ(choose_manifest(both, "arm64")->blob.digest, std::string(64, 'a'));
  EXPECT_THAT(choose_manifest(both, "riscv64").error().message, HasSubstr("not for linux/riscv64, but for linux/arm64, linux/amd64"));
  EXPECT_EQ(choose_manifest(index_of(blob('c')), "amd64")->blob.digest, std::string(64, 'c')) << "the only one need not say";
  EXPECT_FALSE(choose_manifest(both, "amd64")->is_index);
  std::string nested = index_of(blob('d'));
  nested.replace(nested.find("manifest.v1"), 11, "index.v1");
  EXPECT_TRUE(choose_manifest(nested, "amd64")->is_index);
}

TEST(Oci, AManifestHasAConfigAndLayers) {
  const auto image = read_manifest(R"({"config":)" + blob('a') + R"(,"layers":[)" + blob('b') + "," + blob('c') + "]}");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->config.digest, std::string(64, 'a'));
  ASSERT_EQ(image->layers.size(), 2u);
  EXPECT_EQ(image->layers[1].digest, std::string(64, 'c'));
  EXPECT_EQ(image->layers[1].size, 7u);
}

TEST(Oci, AConfigSaysWhatRuns) {
  const auto config = read_config(R"({"architecture":"amd64","config":{"Entrypoint":["/bin/serve"],"Cmd":["--all","x y"],
    "Env":["PATH=/bin","A=b=c","odd","=x"],"WorkingDir":"/srv","User":"33"}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->entrypoint, ElementsAre("/bin/serve"));
  EXPECT_THAT(config->command, ElementsAre("--all", "x y"));
  EXPECT_THAT(config->environment, ElementsAre("PATH=/bin", "A=b=c"));
  EXPECT_EQ(config->folder, "/srv");
  EXPECT_EQ(read_config("{}").value(), OciConfig{});
  EXPECT_EQ(read_config(R"({"config":{"Cmd":null,"Entrypoint":null}})").value(), OciConfig{});
}

TEST(Oci, WhatCannotBeReadIsSaidSo) {
  EXPECT_THAT(choose_manifest("{}", "amd64").error().message, HasSubstr("has 0 manifests"));
  EXPECT_THAT(choose_manifest("[", "amd64").error().message, HasSubstr("the image's index"));
  EXPECT_THAT(choose_manifest(index_of(R"({"digest":"sha512:ff","size":1})"), "amd64").error().message, HasSubstr("no digest of SHA-256"));
  EXPECT_THAT(choose_manifest(index_of(R"({"digest":"sha256:../../etc","size":1})"), "amd64").error().message, HasSubstr("no digest"));
  EXPECT_THAT(read_manifest("{}").error().message, HasSubstr("the image's config"));
  EXPECT_THAT(read_config(R"({"config":{"Cmd":"sh"}})").error().message, HasSubstr("Cmd is no list"));
  EXPECT_THAT(read_config(R"({"config":{"WorkingDir":"srv"}})").error().message, HasSubstr("not absolute"));
  std::string many;
  for (int i = 0; i < 129; ++i) many += (i > 0 ? "," : "") + blob('a');
  EXPECT_THAT(read_manifest(R"({"config":)" + blob('a') + R"(,"layers":[)" + many + "]}").error().message, HasSubstr("more than 128 layers"));
}

TEST(Oci, ArchitecturesHaveTheNamesOfImages) {
  EXPECT_EQ(oci_architecture("x86_64"), "amd64");
  EXPECT_EQ(oci_architecture("aarch64"), "arm64");
  EXPECT_EQ(oci_architecture("armv7l"), "arm");
  EXPECT_EQ(oci_architecture("riscv64"), "riscv64");
}

}  // namespace
}  // namespace selvedge::codec
