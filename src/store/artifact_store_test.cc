// The store's promises: what stays, what goes, what is refused.

#include <gmock/gmock.h>

#include "engine/trust/sealed_content.h"
#include "store/artifact_fixture.h"

namespace selvedge::store {
namespace {

using base::Code;
using test::ArtifactMachine;
using test::Sample;
using testing::HasSubstr;

constexpr std::size_t size = 300'000;   // five chunks of 64 KiB, the last one short

class ArtifactStoreTest : public testing::Test, public ArtifactMachine {
 protected:
  ArtifactStoreTest() : ArtifactMachine(1) {}
};

TEST_F(ArtifactStoreTest, KeepsWhatWasPublishedAcrossARestart) {
  const Sample a(1, size, "model", 3);
  open();
  ASSERT_TRUE(put(a));
  ASSERT_TRUE(whole(a));
  reopen();
  ASSERT_TRUE(whole(a));
  EXPECT_EQ(read(a).value(), a.bytes);
  EXPECT_EQ(store->newest("model"), 3u);
  const auto document = wait<std::string>([&](auto done) { store->document("model", 3, done); });
  EXPECT_EQ(document.value(), a.document);
  const auto all = store->list();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_FALSE(all[0].held);
  EXPECT_EQ(all[0].entry.version_text, "3.0");
}

TEST_F(ArtifactStoreTest, GoesOnFromTheLastWholeChunk) {
  const Sample a(1, size, "model", 1);
  open();
  auto begun = begin(a);
  ASSERT_TRUE(begun);
  ASSERT_TRUE(write(begun->writer, base::BytesView(a.bytes).first(150'000)));
  begun = {};
  reopen();
  EXPECT_FALSE(whole(a));
  begun = begin(a);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->writer->have(), 2u * (64 << 10));
  ASSERT_TRUE(write(begun->writer, base::BytesView(a.bytes).subspan(begun->writer->have())));
  ASSERT_TRUE(publish(begun->writer));
  EXPECT_EQ(read(a).value(), a.bytes);
  EXPECT_FALSE(exists(file(a, "part")));
}

TEST_F(ArtifactStoreTest, EvictsWhatWasWishedForLongestAgo) {
  const Sample a(1, size, "a", 1), b(2, size, "b", 1), c(3, size, "c", 1), d(4, size, "d", 1);
  open({.budget_bytes = 3 * size + 100'000, .keep_free_bytes = 0});
  for (const Sample* s : {&a, &b, &c}) ASSERT_TRUE(put(*s));
  store->hold("a", 1, Pin::no);     // again, and later than b
  machine.jump_wall(-std::chrono::hours(1000));
  store->hold("c", 1, Pin::no);
  for (const Sample* s : {&a, &b, &c}) release(*s);
  ASSERT_TRUE(put(d));
  EXPECT_TRUE(whole(a) && whole(c) && whole(d));
  EXPECT_EQ(store->find("b", 1), nullptr);
  EXPECT_FALSE(exists(file(b, "blob")));
  EXPECT_LE(store->stats().used_bytes, limits.budget_bytes);
  EXPECT_EQ(store->stats().evicted, 1u);
  EXPECT_EQ(store->newest("b"), 1u);
}

TEST_F(ArtifactStoreTest, EvictsNeitherWhatIsHeldNorWhatIsPinned) {
  const Sample a(1, size, "a", 1), b(2, size, "b", 1), c(3, size, "c", 1);
  open({.budget_bytes = 2 * size + 100'000, .keep_free_bytes = 0});
  ASSERT_TRUE(put(a, Pin::yes));
  ASSERT_TRUE(put(b));
  reopen();
  store->hold("b", 1, Pin::no);
  const auto refused = put(c);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("budget"));
  EXPECT_TRUE(whole(a) && whole(b));
  EXPECT_EQ(store->find("c", 1), nullptr);
  release(b);
  EXPECT_TRUE(put(c));
  EXPECT_TRUE(whole(a) && !whole(b));
}

TEST_F(ArtifactStoreTest, LeavesPartOfTheDiskFree) {
  const Sample a(1, size, "a", 1), b(2, size, "b", 1);
  machine.disk().model.capacity = 1'000'000;
  open({.budget_bytes = 1 << 30, .keep_free_bytes = 500'000});
  ASSERT_TRUE(put(a));
  auto refused = put(b);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  release(a);
  ASSERT_TRUE(put(b));          // a goes
  EXPECT_EQ(store->find("a", 1), nullptr);
}

TEST_F(ArtifactStoreTest, StopsWhenTheDiskFillsUpMeanwhile) {
  const Sample a(1, size, "a", 1);
  open({.budget_bytes = 1 << 30, .keep_free_bytes = 0});
  const auto begun = begin(a);
  ASSERT_TRUE(write(begun->writer, base::BytesView(a.bytes).first(100'000)));
  machine.disk().fill_up();
  const auto wrote = write(begun->writer, base::BytesView(a.bytes).subspan(100'000));
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, Code::exhausted);
  store->end(begun->writer);
  machine.disk().model.capacity = 1 << 30;
  ASSERT_TRUE(put(a));
  EXPECT_EQ(read(a).value(), a.bytes);
}

TEST_F(ArtifactStoreTest, NeverGoesBackToAnOlderVersion) {
  const Sample one(1, size, "a", 1), two(2, size, "a", 2);
  open();
  ASSERT_TRUE(put(two));
  EXPECT_EQ(put(one).error().code, Code::denied);
  reopen();
  EXPECT_EQ(put(one).error().code, Code::denied);
  const auto removed = wait<void>([&](auto done) { store->remove("a", 2, done); });
  ASSERT_TRUE(removed);
  EXPECT_FALSE(exists(file(two, "blob")));
  reopen();
  EXPECT_EQ(put(one).error().code, Code::denied);
  EXPECT_TRUE(put(two));
}

TEST_F(ArtifactStoreTest, KnowsOneSetOfBytesUnderTwoNames) {
  const Sample a(1, size, "a", 1), same(a.bytes, "b", 7);
  open({.budget_bytes = size + 100'000, .keep_free_bytes = 0});
  ASSERT_TRUE(put(a));
  const auto begun = begin(same);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->writer, nullptr);
  EXPECT_TRUE(whole(same));
  EXPECT_TRUE(wait<void>([&](auto done) { store->remove("a", 1, done); }));
  reopen();
  EXPECT_EQ(read(same).value(), a.bytes);
}

TEST_F(ArtifactStoreTest, FindsChunksThatAreHereAlready) {
  const Sample old(1, size, "a", 1);
  base::Bytes changed = old.bytes;
  changed[70'000] ^= 1;   // in the second chunk
  const Sample fresh(changed, "a", 2);
  open();
  ASSERT_TRUE(put(old));
  const auto begun = begin(fresh);
  ASSERT_TRUE(begun);
  ASSERT_EQ(begun->sources->size(), 4u);
  EXPECT_FALSE(begun->sources->contains(1));
  const auto copied = wait<ArtifactWriter::Wrote>([&](auto done) {
    auto wrote = std::make_shared<base::Result<ArtifactWriter::Wrote>>();
    store->run(
        begun->writer,
        [wrote, source = begun->sources->at(0)](ArtifactWriter& w) { *wrote = w.copy(source, {}); },
        [wrote, done] { done(*wrote); });
  });
  EXPECT_EQ(copied.value(), ArtifactWriter::Wrote::well);
  EXPECT_EQ(begun->writer->have(), 64u << 10);
}

TEST_F(ArtifactStoreTest, NoticesDamageAndUsesWhatIsGood) {
  const Sample a(1, size, "a", 1);
  open();
  ASSERT_TRUE(put(a));
  EXPECT_TRUE(verify(a));
  ASSERT_TRUE(machine.disk().flip_bits(file(a, "blob"), 100'000, 4));
  EXPECT_EQ(read(a).error().code, Code::corrupt);
  EXPECT_EQ(verify(a).error().code, Code::corrupt);
  EXPECT_FALSE(whole(a));
  EXPECT_EQ(store->stats().damaged, 1u);
  const auto begun = begin(a);
  ASSERT_TRUE(begun);
  ASSERT_EQ(begun->sources->size(), 5u);   // one of which will be refused
  EXPECT_EQ(begun->sources->at(1).file, base::to_hex(a.manifest->digest) + ".old");
  ASSERT_TRUE(write(begun->writer, a.bytes));
  ASSERT_TRUE(publish(begun->writer));
  EXPECT_FALSE(exists(file(a, "old")));
  EXPECT_EQ(read(a).value(), a.bytes);
}

TEST_F(ArtifactStoreTest, StartsAnewFromAFileThatLostItsEnd) {
  const Sample a(1, size, "a", 1);
  open();
  ASSERT_TRUE(put(a));
  {
    auto dir = machine.directory("artifacts", false).value();
    ASSERT_TRUE(dir->open(base::to_hex(a.manifest->digest) + ".blob", os::Open::existing)
                    .value()
                    ->truncate(200'000));
  }
  reopen();
  EXPECT_FALSE(whole(a));
  const auto begun = begin(a);
  EXPECT_EQ(begun->writer->have(), 3u * (64 << 10));
}

TEST_F(ArtifactStoreTest, RemovesFilesThatBelongToNothing) {
  const Sample a(1, size, "a", 1);
  open();
  ASSERT_TRUE(put(a));
  {
    auto dir = machine.directory("artifacts", false).value();
    ASSERT_TRUE(dir->open("index.tmp", os::Open::create));
    ASSERT_TRUE(dir->open(std::string(64, '0') + ".part", os::Open::create));
  }
  reopen();
  EXPECT_FALSE(exists("artifacts/index.tmp"));
  EXPECT_FALSE(exists("artifacts/" + std::string(64, '0') + ".part"));
  EXPECT_TRUE(whole(a));
}

TEST_F(ArtifactStoreTest, StartsEmptyWhenItsIndexIsDamaged) {
  const Sample a(1, size, "a", 1);
  open();
  ASSERT_TRUE(put(a));
  ASSERT_TRUE(machine.disk().flip_bits("artifacts/index", 10, 1));
  reopen();
  EXPECT_TRUE(store->list().empty());
  EXPECT_TRUE(exists("artifacts/index.damaged"));
  EXPECT_TRUE(put(a));
}

TEST_F(ArtifactStoreTest, RefusesManifestsThatLie) {
  const Sample a(1, size, "a", 1);
  open();
  const auto refused = [&](auto change) {
    auto m = std::make_shared<model::ArtifactManifest>(*a.manifest);
    change(*m);
    const auto begun = wait<ArtifactBegun>(
        [&](auto done) { store->begin(m, a.document, Pin::no, done); });
    return !begun && store->list().empty();
  };
  using M = model::ArtifactManifest;
  EXPECT_TRUE(refused([](M& m) { m.name = "../../etc/passwd"; }));
  EXPECT_TRUE(refused([](M& m) { m.name = "/etc/passwd"; }));
  EXPECT_TRUE(refused([](M& m) { m.name = std::string("a\0b", 3); }));
  EXPECT_TRUE(refused([](M& m) { m.name = "$(reboot)"; }));
  EXPECT_TRUE(refused([](M& m) { m.name = "a;rm -rf"; }));
  EXPECT_TRUE(refused([](M& m) { m.name = ""; }));
  EXPECT_TRUE(refused([](M& m) { m.name = ".."; }));
  EXPECT_TRUE(refused([](M& m) { m.name = std::string(65, 'a'); }));
  EXPECT_TRUE(refused([](M& m) { m.size = 1ULL << 63; }));
  EXPECT_TRUE(refused([](M& m) { m.size = UINT64_MAX; }));
  EXPECT_TRUE(refused([](M& m) { m.size += 1 << 20; }));
  EXPECT_TRUE(refused([](M& m) { m.chunks.pop_back(); }));
  EXPECT_TRUE(refused([](M& m) { m.chunks.emplace_back(); }));
  EXPECT_TRUE(refused([](M& m) { m.chunk_bytes = 0; }));
  EXPECT_TRUE(refused([](M& m) { m.chunk_bytes = 1; }));
  EXPECT_TRUE(refused([](M& m) { m.chunk_bytes = 1U << 31; }));
  for (const std::string& path : machine.disk().files())
    EXPECT_TRUE(path.starts_with("artifacts/")) << path;
}

TEST_F(ArtifactStoreTest, GivesThePlainBytesOfWhatIsSealed) {
  const base::Bytes plain = test::content(9, 150'000);
  const crypto::AeadKey key = crypto::make_aead_key();
  const crypto::SealKeyPair node = crypto::make_seal_keys(), other = crypto::make_seal_keys();
  constexpr std::size_t plain_chunk = (64 << 10) - crypto::aead_tag_bytes;
  base::Bytes sealed;
  for (std::size_t at = 0, i = 0; at < plain.size(); at += plain_chunk, ++i) {
    const std::size_t count = std::min(plain_chunk, plain.size() - at);
    crypto::seal_chunk(key, i, at + count == plain.size() ? crypto::Position::last : crypto::Position::inside,
                       base::BytesView(plain).subspan(at, count), sealed);
  }
  Sample sample(sealed, "secret", 1);
  auto m = std::make_shared<model::ArtifactManifest>(*sample.manifest);
  m->sealing.emplace();
  m->sealing->wrapped_keys["edge-1"] =
      engine::wrap_content_key(key, node.recipient, "secret", 1, "edge-1").value();
  sample.manifest = m;
  sample.document = test::document_of(*m);
  open();
  ASSERT_TRUE(put(sample));
  EXPECT_EQ(read(sample).error().code, Code::denied);
  const auto unwrap_with = [](const crypto::SealKey& secret) {
    return [secret](const model::ArtifactManifest& manifest) {
      return engine::unwrap_content_key(manifest, "edge-1", secret);
    };
  };
  store->set_unwrap(unwrap_with(other.secret));
  EXPECT_EQ(read(sample).error().code, Code::denied);
  store->set_unwrap(unwrap_with(node.secret));
  EXPECT_EQ(read(sample).value(), plain);
  EXPECT_EQ(machine.disk().contents(file(sample, "blob")).value(), sealed);
}

}  // namespace
}  // namespace selvedge::store
