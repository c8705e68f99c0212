#include "codec/artifact/documents.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "codec/artifact/envelope.h"

namespace selvedge::codec::artifact {
namespace {

using namespace std::chrono_literals;
using base::Code;

constexpr base::Time created{1'800'000'000'000'000'000};

model::ArtifactManifest full_manifest() {
  model::ArtifactManifest m;
  m.name = "boiler-model.v2";
  m.version = max_version;
  m.version_text = "2.1.0 (käse)";
  m.kind = "model";
  m.size = 200'000;
  m.digest.fill(0xAB);
  m.chunk_bytes = 64 << 10;
  m.chunks.resize(4);
  for (std::size_t i = 0; i < 4; ++i) m.chunks[i].fill(static_cast<std::uint8_t>(i));
  m.targets = {{.arch = "x86_64", .os = "linux", .device_type = ""}, {.arch = "", .os = "", .device_type = "boiler"}};
  m.depends = {{.name = "runtime", .version_least = 3}};
  m.created = created;
  m.expires = created + 24h;
  m.sealing.emplace().wrapped_keys["edge-1"] = base::Bytes(80, 7);
  m.attributes = {{"input", "float32[1,64]"}, {"note", "line 1\nline 2"}};
  return m;
}

model::KeysDocument full_keys() {
  model::KeysDocument d;
  d.version = 3;
  d.issued = created;
  d.expires = created + 1h;
  const std::string a(64, 'a'), b(64, 'b'), c(64, 'c');
  d.keys = {{a, base::Bytes(44, 1)}, {b, base::Bytes(44, 2)}};
  d.root = {.keys = {a}, .threshold = 1};
  d.artifacts = {{"*", {.keys = {b}, .threshold = 1}}, {"model", {.keys = {a, b}, .threshold = 2}}};
  d.revoked = {c};
  return d;
}

TEST(Manifest, SaysTheSameWhenReadBack) {
  const model::ArtifactManifest m = full_manifest();
  const std::string json = encode(m);
  const auto read = decode_manifest(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), json);
  EXPECT_EQ(read->name, m.name);
  EXPECT_EQ(read->version, m.version);
  EXPECT_EQ(read->version_text, m.version_text);
  EXPECT_EQ(read->size, m.size);
  EXPECT_EQ(read->digest, m.digest);
  EXPECT_EQ(read->chunks, m.chunks);
  EXPECT_EQ(read->targets.size(), 2U);
  EXPECT_EQ(read->targets[1].device_type, "boiler");
  EXPECT_EQ(read->depends[0].version_least, 3U);
  EXPECT_EQ(read->created, m.created);
  EXPECT_EQ(read->expires, m.expires);
  EXPECT_EQ(read->sealing->wrapped_keys, m.sealing->wrapped_keys);
  EXPECT_EQ(read->attributes, m.attributes);
}

TEST(Manifest, OfAnEmptyArtifact) {
  model::ArtifactManifest m;
  m.name = "empty", m.version = 1, m.kind = "data";
  const auto read = decode_manifest(encode(m));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size, 0U);
  EXPECT_TRUE(read->chunks.empty());
}

TEST(Manifest, TheLargestFitsIntoADocument) {
  model::ArtifactManifest m = full_manifest();
  m.sealing.reset();
  m.chunk_bytes = 256 << 10;
  m.size = model::ArtifactLimits::bytes;
  m.chunks.assign(model::ArtifactLimits::chunks, m.digest);
  const Envelope envelope{.type = std::string(manifest_type),
                          .payload = base::to_bytes(encode(m)),
                          .signatures = {{std::string(64, 'a'), base::Bytes(64, 1)}}};
  const std::string json = encode(envelope);
  EXPECT_LT(json.size(), model::ArtifactLimits::document_bytes);
  const auto opened = decode_envelope(json);
  ASSERT_TRUE(opened);
  EXPECT_EQ(decode_manifest(base::as_text(opened->payload)).value().chunks.size(), model::ArtifactLimits::chunks);
}

TEST(Manifest, NamesNeverLeaveTheirDirectory) {
  for (const std::string name : {"..", ".", "", "../etc/passwd", "a/b", "a\\b", "/etc", ".hidden", "-rf", "a b",
                                 "a\nb", "$(reboot)", "`id`", "a;b", "a|b", "c:", "ä", "%2e%2e"}) {
    EXPECT_FALSE(is_artifact_name(name)) << name;
    model::ArtifactManifest m = full_manifest();
    m.name = name;
    EXPECT_FALSE(decode_manifest(encode(m))) << name;
    m = full_manifest();
    m.kind = name;
    EXPECT_FALSE(decode_manifest(encode(m))) << name;
    m = full_manifest();
    m.depends[0].name = name;
    EXPECT_FALSE(decode_manifest(encode(m))) << name;
    m = full_manifest();
    m.sealing->wrapped_keys = {{name, base::Bytes(80, 1)}};
    EXPECT_FALSE(decode_manifest(encode(m))) << name;
  }
  EXPECT_FALSE(is_artifact_name(std::string("a\0b", 3)));
  EXPECT_FALSE(is_artifact_name(std::string(65, 'a')));
  EXPECT_TRUE(is_artifact_name(std::string(64, 'a')));
}

TEST(Manifest, DeclaredSizesMustAddUp) {
  const auto refused = [](auto change) {
    model::ArtifactManifest m = full_manifest();
    change(m);
    const auto read = decode_manifest(encode(m));
    return !read && read.error().code == Code::invalid_input;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& m) { m.size = 300'000; }));
  EXPECT_TRUE(refused([](auto& m) { m.size = 0; }));
  EXPECT_TRUE(refused([](auto& m) { m.size = model::ArtifactLimits::bytes + 1; }));
  EXPECT_TRUE(refused([](auto& m) { m.size = UINT64_MAX; }));
  EXPECT_TRUE(refused([](auto& m) { m.size = model::ArtifactLimits::bytes; }));
  EXPECT_TRUE(refused([](auto& m) { m.chunks.pop_back(); }));
  EXPECT_TRUE(refused([](auto& m) { m.chunks.push_back(m.digest); }));
  EXPECT_TRUE(refused([](auto& m) { m.chunks.clear(); }));
  EXPECT_TRUE(refused([](auto& m) { m.chunk_bytes = 0; }));
  EXPECT_TRUE(refused([](auto& m) { m.chunk_bytes = 1; }));
  EXPECT_TRUE(refused([](auto& m) { m.chunk_bytes = UINT32_MAX; }));
  EXPECT_TRUE(refused([](auto& m) { m.version = 0; }));
  EXPECT_TRUE(refused([](auto& m) { m.version = max_version + 1; }));
  EXPECT_TRUE(refused([](auto& m) { m.version = UINT64_MAX; }));
  EXPECT_TRUE(refused([](auto& m) { m.expires = m.created; }));
  EXPECT_TRUE(refused([](auto& m) { m.version_text = std::string(65, 'x'); }));
  EXPECT_TRUE(refused([](auto& m) { m.version_text = "\x1B[2J"; }));
  EXPECT_TRUE(refused([](auto& m) { m.targets.resize(65); }));
  EXPECT_TRUE(refused([](auto& m) { m.targets[0].arch = "x\ny"; }));
  EXPECT_TRUE(refused([](auto& m) { m.depends.resize(65, {"a", 1}); }));
  EXPECT_TRUE(refused([](auto& m) { m.attributes["big"] = std::string(max_attribute_bytes + 1, 'x'); }));
  EXPECT_TRUE(refused([](auto& m) { m.sealing->wrapped_keys["edge-1"].pop_back(); }));
  EXPECT_TRUE(refused([](auto& m) { m.sealing->wrapped_keys.clear(); }));
  EXPECT_TRUE(refused([](auto& m) { m.size = 3 * (64 << 10) + 15; })) << "sealed: shorter than a tag";
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  for (const std::string text : {"", "{}", "[]", "null", "7", "{\"format\":\"selvedge-manifest-2\"}", "{\"format\":7}"})
    EXPECT_EQ(decode_manifest(text).error().code, Code::invalid_input) << text;
  std::string json = encode(full_manifest());
  EXPECT_FALSE(decode_manifest(json + "x"));
  EXPECT_FALSE(decode_manifest(json.substr(0, json.size() - 1)));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = json;
    changed.replace(changed.find(from), from.size(), to);
    return decode_manifest(changed).has_value();
  };
  EXPECT_FALSE(with("\"version\":9007199254740991", "\"version\":1.5"));
  EXPECT_FALSE(with("\"version\":9007199254740991", "\"version\":\"1\""));
  EXPECT_FALSE(with("\"version\":9007199254740991", "\"version\":-1"));
  EXPECT_FALSE(with("\"size\":200000", "\"size\":1e99"));
  EXPECT_FALSE(with("\"targets\":[", "\"targets\":{},\"t\":["));
  EXPECT_FALSE(with("\"attributes\":{", "\"attributes\":{\"n\":1,"));
  EXPECT_TRUE(with("\"size\":200000", "\"size\":200000,\"since\":{\"later\":[1]}")) << "what is not known is skipped";
}

TEST(Manifest, MemoryIsBoundedBeforeItIsRead) {
  EXPECT_FALSE(decode_manifest(std::string(model::ArtifactLimits::document_bytes + 1, ' ')));
  std::string commas = "{\"a\":[";
  for (int i = 0; i < 70'000; ++i) commas += "1,";
  EXPECT_FALSE(decode_manifest(commas + "1]}"));
  EXPECT_FALSE(decode_manifest(std::string(1000, '[')));
}

TEST(Keys, SayTheSameWhenReadBack) {
  const model::KeysDocument d = full_keys();
  const auto read = decode_keys(encode(d));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), encode(d));
  EXPECT_EQ(read->keys, d.keys);
  EXPECT_EQ(read->root, d.root);
  EXPECT_EQ(read->artifacts, d.artifacts);
  EXPECT_EQ(read->revoked, d.revoked);
}

TEST(Keys, RefusesDocumentsThatCannotBeMeant) {
  const auto refused = [](auto change) {
    model::KeysDocument d = full_keys();
    change(d);
    return !decode_keys(encode(d)).has_value();
  };
  const std::string a(64, 'a'), c(64, 'c');
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_FALSE(refused([](auto& d) { d.artifacts.clear(); })) << "nobody may sign";
  EXPECT_TRUE(refused([](auto& d) { d.version = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.expires = d.issued; }));
  EXPECT_TRUE(refused([](auto& d) { d.root.threshold = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.root.threshold = 2; }));
  EXPECT_TRUE(refused([](auto& d) { d.root.keys.clear(); }));
  EXPECT_TRUE(refused([&](auto& d) { d.root.keys = {c}; })) << "a key that is not there";
  EXPECT_TRUE(refused([&](auto& d) { d.revoked = {a}; })) << "revoked, and still there";
  EXPECT_TRUE(refused([](auto& d) { d.keys.begin()->second.clear(); }));
  EXPECT_TRUE(refused([](auto& d) { d.keys["short"] = {1}; }));
  EXPECT_TRUE(refused([](auto& d) { d.artifacts["no kind"] = d.root; }));
  EXPECT_TRUE(refused([](auto& d) {
    for (int i = 0; i < 65; ++i) {
      std::string id = std::to_string(i + 10);
      d.keys[std::string(62, '0') + id] = {1};
    }
  }));
}

TEST(Keys, ARoleNamesEachKeyOnce) {
  std::string json = encode(full_keys());
  const std::string id = "\"" + std::string(64, 'a') + "\"";
  const std::size_t at = json.find("\"root\"");
  json.replace(json.find(id, at), id.size(), id + "," + id);
  EXPECT_EQ(decode_keys(json).error().code, Code::invalid_input);
}

TEST(Envelope, SignsTypeAndLengthsWithThePayload) {
  EXPECT_EQ(base::as_text(pre_authentication("http://example.com/HelloWorld", base::to_bytes("hello world"))),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(base::as_text(pre_authentication("", {})), "DSSEv1 0  0 ");
}

TEST(Envelope, SaysTheSameWhenReadBack) {
  const Envelope envelope{.type = "t",
                          .payload = {0, 1, 255},
                          .signatures = {{"k", base::Bytes(64, 9)}, {"", base::Bytes(256, 8)}}};
  EXPECT_EQ(decode_envelope(encode(envelope)).value(), envelope);
}

TEST(Envelope, RefusesWhatIsOutOfBounds) {
  Envelope envelope{.type = "t", .payload = {1}, .signatures = {}};
  EXPECT_TRUE(decode_envelope(encode(envelope))) << "unsigned is for others to judge";
  envelope.signatures.assign(65, {"k", {1}});
  EXPECT_FALSE(decode_envelope(encode(envelope)));
  envelope.signatures = {{"k", base::Bytes(1025, 1)}};
  EXPECT_FALSE(decode_envelope(encode(envelope)));
  envelope.signatures = {{std::string(129, 'k'), {1}}};
  EXPECT_FALSE(decode_envelope(encode(envelope)));
  envelope.signatures = {{"k", {}}};
  EXPECT_FALSE(decode_envelope(encode(envelope)));
  envelope = {.type = std::string(129, 't'), .payload = {1}, .signatures = {}};
  EXPECT_FALSE(decode_envelope(encode(envelope)));
  for (const std::string text : {"{\"payloadType\":\"t\",\"payload\":\"*\",\"signatures\":[]}",
                                 "{\"payloadType\":\"t\",\"payload\":\"AA==\",\"signatures\":{}}",
                                 "{\"payloadType\":\"t\",\"payload\":\"AA==\",\"signatures\":[7]}",
                                 "{\"payload\":\"AA==\",\"signatures\":[]}"})
    EXPECT_EQ(decode_envelope(text).error().code, Code::invalid_input) << text;
}

}  // namespace
}  // namespace selvedge::codec::artifact
