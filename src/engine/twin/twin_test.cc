#include "engine/twin/twin_fixture.h"

#include <algorithm>

namespace selvedge::engine {
namespace {

using model::TwinLeaf;
using model::TwinPart;

TEST_F(TwinTest, IsEmptyUntilSomethingIsSaid) {
  EXPECT_TRUE(twin.empty());
  EXPECT_EQ(at(""), "not_found");
  EXPECT_EQ(put("", "{}"), "{}");
  EXPECT_FALSE(twin.empty());
  EXPECT_EQ(at(""), R"({"thingId":"n:d"})");
  EXPECT_EQ(twin.revision(), 1u);
  EXPECT_EQ(twin.modified_ms(), static_cast<std::uint64_t>(now));
}

TEST_F(TwinTest, TakesBackWhatItGaveOut) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"thingId":"n:d","policyId":"n:p","definition":"a:b:1","attributes":{"m":{"n":[1,{"o":2}]}},
      "features":{"lamp":{"definition":["x:y:2"],"properties":{"on":true},"desiredProperties":{"on":false}},"bare":{}}})"));
  const std::string document = at("", {});
  EXPECT_EQ(document, R"({"thingId":"n:d","policyId":"n:p","definition":"a:b:1","attributes":{"m":{"n":[1,{"o":2}]}},)"
                      R"("features":{"bare":{},"lamp":{"definition":["x:y:2"],"properties":{"on":true},"desiredProperties":{"on":false}}}})");
  EXPECT_EQ(put("", document), "same");
  Twin other;
  ASSERT_TRUE(other.edit({Kind::put, "", document}, {1, 1}, limits));
  EXPECT_EQ(text(other, ""), document);
}

TEST_F(TwinTest, PutTakesThePlaceOfAllThatWasThere) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"attributes":{"a":1,"o":{"x":1,"y":2}},"features":{"F":{"properties":{"p":1}},"G":{}}})"));
  EXPECT_EQ(put("/attributes", R"({"a":1,"o":{"y":3},"b":4})"), R"({"attributes":{"b":4,"o":{"x":null,"y":3}}})");
  EXPECT_EQ(put("/attributes/o", "[]"), R"({"attributes":{"o":[]}})");
  EXPECT_EQ(put("/attributes/o", R"({"z":{}})"), R"({"attributes":{"o":{"z":{}}}})");
  EXPECT_EQ(put("/attributes/o", "{}"), R"({"attributes":{"o":{"z":null}}})");
  EXPECT_EQ(put("", R"({"features":{"F":{"desiredProperties":{"p":1}}}})"),
            R"({"attributes":null,"features":{"F":{"properties":null,"desiredProperties":{"p":1}},"G":null}})");
  EXPECT_EQ(at(""), R"({"thingId":"n:d","features":{"F":{"desiredProperties":{"p":1}}}})");
  EXPECT_EQ(put("/attributes", "null"), "invalid_input");
  EXPECT_EQ(put("/attributes/n", "null"), R"({"attributes":{"n":null}})");
  EXPECT_EQ(at("/attributes/n"), "null");
}

TEST_F(TwinTest, SaysWhetherItMadeSomething) {
  EXPECT_TRUE(edit(Kind::put, "/attributes/a", "1")->created);
  EXPECT_FALSE(edit(Kind::put, "/attributes/a", "2")->created);
  EXPECT_FALSE(edit(Kind::put, "/attributes", R"({"b":1})")->created);
  EXPECT_TRUE(edit(Kind::merge, "/features/F", R"({"properties":{"p":1}})")->created);
}

TEST_F(TwinTest, RemovesWhatIsThereAndKeepsTheObjectAround) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"attributes":{"a":{"b":1}},"features":{"F":{"properties":{"p":1}}}})"));
  EXPECT_EQ(remove("/attributes/x"), "not_found");
  EXPECT_EQ(remove("/attributes/a/b"), R"({"attributes":{"a":{"b":null}}})");
  EXPECT_EQ(at("/attributes"), R"({"a":{}})");
  EXPECT_EQ(remove("/features/F/properties"), R"({"features":{"F":{"properties":null}}})");
  EXPECT_EQ(at("/features"), R"({"F":{}})");
  EXPECT_EQ(remove("/features/F"), R"({"features":{"F":null}})");
  EXPECT_EQ(at("/features"), "{}");
  EXPECT_EQ(remove("/thingId"), "invalid_input");
  EXPECT_EQ(remove(""), R"({"attributes":null,"features":null})");
  EXPECT_TRUE(twin.empty());
  EXPECT_EQ(remove(""), "not_found");
}

TEST_F(TwinTest, AnswersAtPointersAlsoIntoArrays) {
  ASSERT_TRUE(edit(Kind::put, "/attributes", R"({"l":[10,{"a/b":[true]}],"s":"x"})"));
  EXPECT_EQ(at("/attributes/l/0"), "10");
  EXPECT_EQ(at("/attributes/l/1/a~1b/0"), "true");
  EXPECT_EQ(at("/attributes/l/2"), "not_found");
  EXPECT_EQ(at("/attributes/l/x"), "invalid_input");
  EXPECT_EQ(at("/attributes/s/0"), "not_found");
  EXPECT_EQ(at("/thingId"), R"("n:d")");
  EXPECT_EQ(at("/nonsense"), "invalid_input");
  EXPECT_EQ(at("attributes"), "invalid_input");
  EXPECT_EQ(put("/attributes/l/0", "11"), R"({"attributes":{"l":[11,{"a/b":[true]}]}})");
  EXPECT_EQ(put("/attributes/l/7", "11"), "not_found");
  EXPECT_EQ(merge("/attributes/l/1", "{}"), "invalid_input");
  EXPECT_EQ(remove("/attributes/l/1/a~1b"), R"({"attributes":{"l":[11,{}]}})");
  EXPECT_EQ(twin.leaf(TwinPart::attributes, "/l"), "[11,{}]");
  EXPECT_EQ(twin.leaf(TwinPart::attributes, "/none"), "");
}

TEST_F(TwinTest, SelectsFields) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"attributes":{"a":1,"b":{"c":2,"d":3}},"features":{"F":{"properties":{"p":1,"q":2}},
      "G":{"properties":{"p":3},"desiredProperties":{"p":4}}}})"));
  EXPECT_EQ(at("", "attributes/a"), R"({"attributes":{"a":1}})");
  EXPECT_EQ(at("", "thingId,attributes/b"), R"({"thingId":"n:d","attributes":{"b":{"c":2,"d":3}}})");
  EXPECT_EQ(at("", "/attributes/b/c"), R"({"attributes":{"b":{"c":2}}})");
  EXPECT_EQ(at("", "features/*/properties/p"), R"({"features":{"F":{"properties":{"p":1}},"G":{"properties":{"p":3}}}})");
  EXPECT_EQ(at("", "features/G(properties,desiredProperties/p)"),
            R"({"features":{"G":{"properties":{"p":3},"desiredProperties":{"p":4}}}})");
  EXPECT_EQ(at("", "attributes(a,b(d))"), R"({"attributes":{"a":1,"b":{"d":3}}})");
  EXPECT_EQ(at("/features/F", "properties/q"), R"({"properties":{"q":2}})");
  EXPECT_EQ(at("/attributes", "b/d"), R"({"b":{"d":3}})");
  EXPECT_EQ(at("", "attributes/a/nothing"), R"({"attributes":{}})");
  EXPECT_EQ(at("", "_revision"), R"({"_revision":1})");
  EXPECT_EQ(at("", "_modified"), R"({"_modified":"2023-11-14T22:13:20.001Z"})");
  for (const std::string_view bad : {"a,,b", "a/", "(a)", "a(b", "a)b", "a(b)c", ",", "a//b"})
    EXPECT_EQ(at("", bad), "invalid_input") << bad;
  std::string many = "a";
  for (int i = 0; i < 64; ++i) many += ",a" + std::to_string(i);
  EXPECT_EQ(at("", many), "invalid_input");
}

TEST_F(TwinTest, KnowsOfEachLeafWhenAndByWhomItWasWritten) {
  ASSERT_TRUE(edit(Kind::put, "/attributes/a", "1"));
  ASSERT_TRUE(edit(Kind::put, "/attributes/b", "1"));
  EXPECT_EQ(twin.metadata_json("/attributes"),
            R"({"a":{"version":1,"timestamp":"2023-11-14T22:13:20.001Z","origin":"00000007"},)"
            R"("b":{"version":2,"timestamp":"2023-11-14T22:13:20.002Z","origin":"00000007"}})");
  EXPECT_EQ(twin.metadata_json("/nothing"), "{}");
  EXPECT_EQ(at("", "_metadata"), R"({"_metadata":{"attributes":)" + twin.metadata_json("/attributes") + "}}");
}

TEST_F(TwinTest, StampsGoOnFromWhatWasSeenWhateverTheClockSays) {
  ASSERT_TRUE(edit(Kind::put, "/attributes/a", "1"));
  now -= 1'000'000'000;
  ASSERT_TRUE(edit(Kind::put, "/attributes/a", "2"));
  const auto found = leaves(twin);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].stamp.time, (1'700'000'000'001ULL << 16) + 1);
  EXPECT_EQ(found[0].stamp.origin, 7u);
}

TEST_F(TwinTest, TellsWhatChangedAfterARevisionInOrder) {
  ASSERT_TRUE(edit(Kind::put, "/attributes/b", "1"));
  ASSERT_TRUE(edit(Kind::put, "/attributes/a", "2"));
  ASSERT_TRUE(edit(Kind::remove, "/attributes/b", {}));
  const auto all = leaves(twin), late = leaves(twin, 2);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].path, "/a");
  EXPECT_EQ(all[1].path, "/b");
  EXPECT_EQ(all[1].value, "");
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0], all[1]);
  Twin other;
  EXPECT_EQ(other.join(all, limits).difference, R"({"attributes":{"a":2}})");
  std::vector<TwinLeaf> own;
  other.changed_after(0, own, Twin::Joined::left_out);
  EXPECT_TRUE(own.empty());
  EXPECT_FALSE(other.changed_here_after(0));
  EXPECT_TRUE(twin.changed_here_after(2));
}

TEST_F(TwinTest, JoinsKeepOutWhatNoReplicaWouldSay) {
  const model::Stamp stamp{1'700'000'000'000ULL << 16, 3};
  const std::vector<TwinLeaf> bad = {
      {TwinPart::attributes, "a", stamp, "1"},         {TwinPart::attributes, "/a~2", stamp, "1"},
      {TwinPart::attributes, "/a", stamp, "{\"b\":1}"}, {TwinPart::attributes, "/a", stamp, "1 "},
      {TwinPart::attributes, "/a", stamp, "nul"},       {TwinPart::attributes, "", stamp, "1"},
      {TwinPart::reported, "/F", stamp, "1"},           {TwinPart::about, "/nonsense", stamp, "1"},
      {TwinPart::attributes, "/a/~", stamp, "1"},       {static_cast<TwinPart>(4), "/a", stamp, "1"},
      {TwinPart::attributes, "/a\n", stamp, "1"},       {TwinPart::attributes, "/a", {1ULL << 63, 0}, "1"},
      {TwinPart::attributes, "/a", stamp, std::string(20000, '1')},
      {TwinPart::attributes, "/1/2/3/4/5/6/7/8/9/10/11", stamp, "1"}};
  std::uint32_t refused = 0;
  EXPECT_FALSE(twin.join(bad, limits, &refused).changed);
  EXPECT_EQ(refused, bad.size());
  const std::vector<TwinLeaf> good = {{TwinPart::attributes, "/o", stamp, "{}"}, {TwinPart::attributes, "/a", stamp, "[1]"}};
  EXPECT_EQ(twin.join(good, limits, &refused).difference, R"({"attributes":{"a":[1],"o":{}}})");
  EXPECT_EQ(refused, 0u);
}

TEST_F(TwinTest, JoinsTakeTwiceTheLimitsAndEditsThenOnlyLess) {
  limits.leaves = 2;
  Twin other;
  for (const char* p : {"/attributes/a", "/attributes/b"}) ASSERT_TRUE(edit(Kind::put, p, "1"));
  for (const char* p : {"/attributes/c", "/attributes/d"})
    ASSERT_TRUE(other.edit({Kind::put, p, "1"}, {1, 1}, limits));
  std::uint32_t refused = 0;
  twin.join(leaves(other), limits, &refused);
  other.join(leaves(twin), limits, &refused);
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(at(""), text(other, ""));
  EXPECT_EQ(put("/attributes/e", "1"), "exhausted");
  EXPECT_EQ(put("/attributes/a", "2"), R"({"attributes":{"a":2}})");
  EXPECT_EQ(remove("/attributes"), R"({"attributes":null})");
}

TEST_F(TwinTest, ForgetsRemovalsThatAreKnownAndOld) {
  ASSERT_TRUE(edit(Kind::put, "/attributes/a", "1"));
  ASSERT_TRUE(edit(Kind::remove, "/attributes/a", {}));
  EXPECT_EQ(twin.forget_removed(1, now + 1), 0u);
  EXPECT_EQ(twin.forget_removed(2, now), 0u);
  EXPECT_EQ(twin.forget_removed(2, now + 1), 1u);
  EXPECT_EQ(leaves(twin).size(), 1u);     // that there are attributes
}

TEST_F(TwinTest, VisitsEachVisibleLeaf) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"attributes":{"b":1,"a":{}},"features":{"F":{"desiredProperties":{"p":[2]}}}})"));
  ASSERT_TRUE(edit(Kind::put, "/attributes/c", "{}"));
  ASSERT_TRUE(edit(Kind::put, "/attributes/c/d", "3"));
  std::string seen;
  twin.each([&](TwinPart part, std::string_view path, std::string_view value, model::Stamp) {
    seen += std::to_string(static_cast<int>(part)) + std::string(path) + "=" + std::string(value) + " ";
  });
  EXPECT_EQ(seen, "1/a={} 1/b=1 1/c/d=3 3/F/p=[2] ");
}

TEST_F(TwinTest, ComesBackFromBytes) {
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(edit(Kind::put, "/attributes/n" + std::to_string(i * 7919 % 100) + "/v", std::to_string(i)));
  ASSERT_TRUE(edit(Kind::remove, "/attributes/n3", {}));
  base::Bytes bytes;
  twin.save(bytes);
  auto loaded = Twin::load(bytes);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(text(*loaded, ""), at(""));
  EXPECT_EQ(loaded->revision(), twin.revision());
  EXPECT_EQ(leaves(*loaded), leaves(twin));
  // Changes since bring an older copy up to date.
  ASSERT_TRUE(edit(Kind::put, "/attributes/n1", "5"));
  ASSERT_TRUE(edit(Kind::merge, "/attributes", R"({"n2":null})"));
  base::Bytes since;
  twin.save_changes(loaded->revision(), since);
  ASSERT_TRUE(loaded->load_changes(since));
  EXPECT_EQ(text(*loaded, ""), at(""));
  EXPECT_EQ(leaves(*loaded), leaves(twin));
  EXPECT_EQ(loaded->revision(), twin.revision());
}

TEST_F(TwinTest, RefusesDamagedBytes) {
  ASSERT_TRUE(edit(Kind::put, "/attributes", R"({"a":1,"b":{"c":"text"}})"));
  base::Bytes bytes;
  twin.save(bytes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto loaded = Twin::load(base::BytesView(bytes).first(cut));
    ASSERT_FALSE(loaded) << cut;
    EXPECT_EQ(loaded.error().code, base::Code::corrupt);
  }
  bytes.push_back(0);
  EXPECT_FALSE(Twin::load(bytes));
}

}  // namespace
}  // namespace selvedge::engine
