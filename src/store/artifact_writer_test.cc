#include "store/artifact_writer.h"

#include "store/artifact_fixture.h"

namespace selvedge::store {
namespace {

using base::Code;
using Wrote = ArtifactWriter::Wrote;

class ArtifactWriterTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<ArtifactWriter>> open(ArtifactWriter::Manifest manifest) {
    dir = machine.directory("artifacts", true).value();
    return ArtifactWriter::open(dir, std::move(manifest), 0);
  }
  base::BytesView part(std::size_t from, std::size_t count) const {
    return base::BytesView(sample.bytes).subspan(from, count);
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("node");
  std::shared_ptr<os::Dir> dir;
  test::Sample sample{1, 200'000, "a", 1};
};

TEST_F(ArtifactWriterTest, TakesTheBytesHoweverTheyAreCut) {
  for (const std::size_t cut : {1'000u, 64u << 10, 200'000u}) {
    auto writer = open(sample.manifest).value();
    for (std::size_t at = writer->have(); at < 200'000; at += cut)
      ASSERT_EQ(writer->write(part(at, std::min<std::size_t>(cut, 200'000 - at)), {}), Wrote::well);
    ASSERT_EQ(writer->have(), 200'000u);
    ASSERT_TRUE(writer->finish());
    EXPECT_EQ(machine.disk().contents("artifacts/" + base::to_hex(sample.manifest->digest) + ".blob").value(),
              sample.bytes);
  }
}

TEST_F(ArtifactWriterTest, CutsAWrongChunkOffAndGoesOn) {
  auto writer = open(sample.manifest).value();
  ASSERT_EQ(writer->write(part(0, 100'000), {}), Wrote::well);
  base::Bytes wrong(sample.bytes.begin() + 100'000, sample.bytes.end());
  wrong[5] ^= 1;
  EXPECT_EQ(writer->write(wrong, {}), Wrote::refused);
  EXPECT_EQ(writer->have(), 64u << 10);
  EXPECT_EQ(writer->write(part(64 << 10, 200'000 - (64 << 10)), {}), Wrote::well);
  EXPECT_TRUE(writer->finish());
}

TEST_F(ArtifactWriterTest, WritesNothingBeyondTheEnd) {
  auto writer = open(sample.manifest).value();
  base::Bytes more = sample.bytes;
  more.push_back(0);
  EXPECT_EQ(writer->write(more, {}).error().code, Code::corrupt);
  EXPECT_EQ(writer->have(), 0u);
  EXPECT_EQ(machine.disk().used(), 0u);
}

TEST_F(ArtifactWriterTest, RefusesAWholeThatIsNotWhatItsChunksSuggest) {
  auto lying = std::make_shared<model::ArtifactManifest>(*sample.manifest);
  lying->digest[0] ^= 1;
  auto writer = open(lying).value();
  ASSERT_EQ(writer->write(sample.bytes, {}), Wrote::well);
  EXPECT_EQ(writer->finish().error().code, Code::corrupt);
  EXPECT_TRUE(machine.disk().files().empty());
}

TEST_F(ArtifactWriterTest, BelievesNothingThatItFinds) {
  {
    auto writer = open(sample.manifest).value();
    ASSERT_EQ(writer->write(part(0, 150'000), {}), Wrote::well);
  }
  const std::string path = "artifacts/" + base::to_hex(sample.manifest->digest) + ".part";
  EXPECT_EQ(open(sample.manifest).value()->have(), 2u * (64 << 10));
  ASSERT_TRUE(machine.disk().flip_bits(path, 70'000, 1));
  EXPECT_EQ(open(sample.manifest).value()->have(), 64u << 10);
  EXPECT_EQ(machine.disk().contents(path).value().size(), 64u << 10);
  ASSERT_TRUE(machine.disk().flip_bits(path, 0, 1));
  EXPECT_EQ(open(sample.manifest).value()->have(), 0u);
}

TEST_F(ArtifactWriterTest, TakesNoSyncForDoneThatFailed) {
  auto writer = open(sample.manifest).value();
  ASSERT_EQ(writer->write(part(0, 100'000), base::Instant{1}), Wrote::well);
  machine.disk().fail_next_syncs(1);
  EXPECT_FALSE(writer->write(part(100'000, 100'000), base::Instant{10'000'000'000}));
  EXPECT_EQ(open(sample.manifest).value()->have(), 0u);
}

TEST_F(ArtifactWriterTest, CopiesAChunkOnlyIfItIsTheRightOne) {
  dir = machine.directory("artifacts", true).value();
  ASSERT_TRUE(os::write_file(*dir, "other", part(0, 140'000)));
  auto writer = open(sample.manifest).value();
  EXPECT_EQ(writer->copy({"other", 1}, {}), Wrote::refused);
  EXPECT_EQ(writer->copy({"missing", 0}, {}), Wrote::refused);
  EXPECT_EQ(writer->copy({"other", 100'000}, {}), Wrote::refused);   // too short
  EXPECT_EQ(writer->have(), 0u);
  EXPECT_EQ(writer->copy({"other", 0}, {}), Wrote::well);
  EXPECT_EQ(writer->copy({"other", 64 << 10}, {}), Wrote::well);
  EXPECT_EQ(writer->have(), 128u << 10);
}

TEST(ArtifactIndexTest, ReadsWhatItWrote) {
  ArtifactIndex index;
  index.last_wish = 9;
  index.newest = {{"a", 3}, {"b", UINT64_MAX}};
  ArtifactEntry e;
  e.name = "a";
  e.version = 3;
  e.version_text = "3.0 é";
  e.kind = "model";
  e.digest[1] = 7;
  e.size = 1 << 30;
  e.pinned = true;
  e.wish = 9;
  e.wished.ns = -5;
  index.entries = {e};
  const base::Bytes bytes = encode(index);
  EXPECT_EQ(decode_artifact_index(bytes).value(), index);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    base::Bytes damaged = bytes;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(decode_artifact_index(damaged));
    EXPECT_FALSE(decode_artifact_index(base::BytesView(bytes).first(i)));
  }
}

}  // namespace
}  // namespace selvedge::store
