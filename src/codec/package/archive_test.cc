#include "codec/package/archive.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "codec/package/tar.h"

namespace selvedge::codec {
namespace {

using base::Bytes;
using base::Code;

std::vector<ArchiveMember> some() {
  std::mt19937 random(1);
  Bytes noise(70'000);
  for (auto& byte : noise) byte = std::uint8_t(random());
  return {{"model.toml", base::to_bytes("name = \"x\"\n")}, {"golden/a.jpg", noise}, {"empty", {}}, {"block", Bytes(512, 7)}};
}

Bytes packed(base::BytesView bytes, bool with_size = true) {
  ZSTD_CCtx* packer = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(packer, ZSTD_c_contentSizeFlag, with_size);
  Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress2(packer, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(packer);
  return out;
}

// A tar of one member whose header `change` has touched; the sum is made right again.
Bytes changed(const std::function<void(Bytes&)>& change) {
  Bytes tar = *write_tar({{"a", base::to_bytes("hello")}});
  change(tar);
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? unsigned{' '} : tar[i];
  char text[9];
  std::snprintf(text, sizeof text, "%06o", sum);
  std::copy(text, text + 7, tar.begin() + 148);
  return tar;
}

base::Error refusal(const Bytes& tar) {
  const auto members = read_tar(tar, 10);
  return members ? base::Error{Code::internal, "accepted"} : members.error();
}

TEST(Archive, GivesBackWhatItWasGiven) {
  const auto file = write_archive(some());
  ASSERT_TRUE(file);
  const auto members = read_archive(*file);
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_EQ(*members, some());
}

TEST(Archive, WritesTheSameBytesEachTime) { EXPECT_EQ(*write_archive(some()), *write_archive(some())); }

TEST(Archive, PacksSmallerWhenAsked) {
  std::mt19937 random(1);
  Bytes lumpy(200'000);                            // like weights: most of them small
  for (auto& byte : lumpy) byte = std::uint8_t(random() % 7 * (random() % 5));
  const auto quick = write_archive({{"a", lumpy}}), smallest = write_archive({{"a", lumpy}}, Packing::smallest);
  EXPECT_LT(smallest->size(), quick->size());
  EXPECT_EQ(read_archive(*smallest)->at(0).data, lumpy);
}

TEST(Archive, TakesAFrameThatDoesNotSayItsSize) {
  const auto members = read_archive(packed(*write_tar(some()), false));
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_EQ(*members, some());
}

TEST(Archive, RefusesEveryTruncation) {
  const Bytes file = *write_archive({{"a", base::to_bytes("hello")}, {"b", Bytes(600, 1)}});
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(read_archive(base::BytesView(file).first(size))) << size;
  const Bytes streamed = packed(*write_tar({{"b", Bytes(600, 1)}}), false);
  for (std::size_t size = 0; size < streamed.size(); ++size)
    EXPECT_FALSE(read_archive(base::BytesView(streamed).first(size))) << size;
  const Bytes tar = *write_tar({{"a", base::to_bytes("hello")}});
  for (std::size_t size = 0; size <= tar.size() - 1024; ++size)
    EXPECT_FALSE(read_tar(base::BytesView(tar).first(size), 10)) << size;
}

TEST(Archive, NoticesEveryChangedBitOfAPackedFile) {
  Bytes file = *write_archive({{"a", base::to_bytes("hello, hello, hello")}});
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= std::uint8_t(1 << bit % 8);
    const auto members = read_archive(file);
    // One bit of the frame's descriptor is unused, and changing it means nothing.
    if (members) {
      EXPECT_EQ(members->at(0).data, base::to_bytes("hello, hello, hello")) << bit;
    }
    file[bit / 8] ^= std::uint8_t(1 << bit % 8);
  }
}

TEST(Archive, RefusesMoreThanItMayUnpack) {
  const Bytes file = *write_archive({{"zeros", Bytes(4'000'000)}});
  // Within the limit, but nothing real packs this well.
  EXPECT_EQ(read_archive(file).error().code, Code::exhausted);
  EXPECT_EQ(read_archive(packed(Bytes(4'000'000), false)).error().code, Code::exhausted);
  EXPECT_EQ(read_archive(*write_archive(some()), {.unpacked = 50'000, .members = 9}).error().code, Code::exhausted);
  EXPECT_EQ(read_archive(*write_archive(some()), {.unpacked = 1 << 20, .members = 3}).error().code, Code::exhausted);
  EXPECT_TRUE(read_archive(*write_archive(some()), {.unpacked = 1 << 20, .members = 4}));
}

TEST(Archive, RefusesWhatFollowsTheEnd) {
  Bytes file = *write_archive(some());
  file.push_back(0);
  EXPECT_EQ(read_archive(file).error().code, Code::corrupt);
  Bytes tar = *write_tar(some());
  tar.push_back(1);
  EXPECT_EQ(refusal(tar).code, Code::corrupt);
}

TEST(Archive, SaysThatItIsNotPacked) {
  EXPECT_EQ(read_archive(base::as_bytes("PK\3\4 a zip file")).error().message, "not packed with zstd");
  EXPECT_EQ(read_archive({}).error().code, Code::invalid_input);
}

TEST(Tar, RefusesNamesThatAreNoCleanRelativePaths) {
  for (const std::string name : {"/etc/passwd", "../x", "a/../b", "a//b", "a/", "", "a\\b", "a\nb", "a/./b", "."}) {
    EXPECT_FALSE(write_tar({{name, {}}})) << name;
    EXPECT_EQ(refusal(changed([&](Bytes& tar) {
                std::fill_n(tar.begin(), 100, std::uint8_t{0});
                std::ranges::copy(name, tar.begin());
              })).code, Code::invalid_input) << name;
  }
  EXPECT_FALSE(write_tar({{std::string(101, 'a'), {}}}));
  EXPECT_TRUE(write_tar({{std::string(100, 'a'), {}}}));
}

TEST(Tar, TakesOffALeadingDot) {
  const auto members = read_tar(changed([](Bytes& tar) { std::ranges::copy(std::string_view("./b"), tar.begin()); }), 10);
  ASSERT_TRUE(members);
  EXPECT_EQ(members->at(0).name, "b");
}

TEST(Tar, RefusesLinksDevicesAndExtendedHeaders) {
  for (const char type : std::string("123467xgLKz"))
    EXPECT_EQ(refusal(changed([&](Bytes& tar) { tar[156] = std::uint8_t(type); })).code, Code::invalid_input) << type;
  EXPECT_EQ(refusal(changed([](Bytes& tar) { tar[156] = '2'; })).message, "member 'a' is a symbolic link");
}

TEST(Tar, PassesOverFolders) {
  Bytes folder = changed([](Bytes& tar) {
    tar[156] = '5';
    std::fill_n(tar.begin() + 124, 11, std::uint8_t{'0'});
  });
  folder.resize(512);
  base::append(folder, *write_tar({{"a", {}}}));
  EXPECT_EQ(read_tar(folder, 10)->size(), 1U);
  EXPECT_EQ(read_tar(folder, 1).error().code, Code::exhausted);
}

TEST(Tar, RefusesAWrongSumASizeBeyondTheEndAndANameTwice) {
  Bytes tar = *write_tar({{"a", base::to_bytes("hello")}});
  tar[0] = 'b';
  EXPECT_EQ(refusal(tar).code, Code::corrupt);
  EXPECT_EQ(refusal(changed([](Bytes& t) { t[124] = '7'; })).code, Code::corrupt);
  EXPECT_EQ(refusal(changed([](Bytes& t) { t[124] = 0x80; })).code, Code::corrupt);
  EXPECT_EQ(refusal(changed([](Bytes& t) { t[257] = 'x'; })).code, Code::invalid_input);
  EXPECT_FALSE(write_tar({{"a", {}}, {"a", {}}}));
  Bytes twice = *write_tar({{"a", {}}});
  twice.resize(512);
  base::append(twice, *write_tar({{"a", {}}}));
  EXPECT_EQ(refusal(twice).message, "member 'a' is there twice");
}

}  // namespace
}  // namespace selvedge::codec
