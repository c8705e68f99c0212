// The cloud's side of artifacts over HTTP: pushing piece by piece, what is listed, ranges, keys, rights.

#include "cloud/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "cloud/byte_range.h"
#include "codec/json/value.h"
#include "engine/trust/trust_fixture.h"
#include "store/artifact_fixture.h"

namespace selvedge::cloud {
namespace {

using namespace std::chrono_literals;
using net::api::Caller;
using net::api::Right;
using net::http::Fetch;
using net::http::Fetched;
using store::test::Sample;
using testing::ElementsAre;
using testing::HasSubstr;

class CloudArtifacts : public testing::Test {
 protected:
  void SetUp() override {
    machine.set_wall(engine::trust_start);
    start();
  }
  void start(CatalogLimits limits = {.budget_bytes = 10 << 20, .keep_free_bytes = 0}) {
    client.reset();
    server.reset();
    artifacts.reset();
    metrics = std::make_unique<base::Registry>();
    auto opened = Artifacts::open(machine, "state", limits, *metrics);
    ASSERT_TRUE(opened) << opened.error().message;
    artifacts = std::move(*opened);
    server = std::make_unique<net::http::Server>(machine, net::http::ServerLimits{});
    ArtifactAccess access;
    access.identify = [this](const net::http::Request&, auto answer) { answer(caller); };
    access.audit = [this](const Caller& who, net::api::Change what) {
      audit.push_back(who.text() + " " + what.action + " " + what.target);
    };
    access.audit_first = [this](const Caller& who, net::api::Change what, auto then) {
      audit.push_back(who.text() + " " + what.action + " " + what.target);
      then({});
    };
    artifacts->add_routes(*server, access);
    ASSERT_TRUE(server->listen({"", 8443}, nullptr));
    client = std::make_unique<net::http::Client>(sim.machine("asker"), net::http::ClientLimits{}, nullptr);
  }
  Fetched ask(std::string method, std::string path, std::string body = {},
              std::vector<std::pair<std::string, std::string>> headers = {}) {
    Fetch fetch;
    fetch.method = std::move(method);
    fetch.url = "http://cloud:8443/api/v1/artifacts" + path;
    fetch.headers = std::move(headers);
    fetch.body = std::move(body);
    std::optional<base::Result<Fetched>> outcome;
    client->fetch(std::move(fetch), [&](base::Result<Fetched> f) { outcome = std::move(f); });
    sim.run_until([&] { return outcome.has_value(); }, 1min);
    if (!outcome || !*outcome) {
      ADD_FAILURE() << (outcome ? outcome->error().message : "no answer");
      return {};
    }
    return std::move(**outcome);
  }
  int put_bytes(const base::Bytes& bytes, std::size_t from, std::size_t count, const std::string& digest) {
    return ask("PUT", "/blobs/" + digest, std::string(base::as_text(base::BytesView(bytes).subspan(from, count))),
               {{"content-range", "bytes " + std::to_string(from) + "-" + std::to_string(from + count - 1) + "/" +
                                      std::to_string(bytes.size())}})
        .status;
  }
  static std::string hex(const Sample& sample) { return base::to_hex(sample.manifest->digest); }
  std::string sign(const Sample& sample, const std::string& who = "signer") {
    return signers.envelope(*sample.manifest, {who});
  }
  void put_keys() {
    caller.right = Right::administer;
    ASSERT_EQ(ask("PUT", "/keys", signers.envelope(signers.first(), {"root"})).status, 201);
    caller.right = Right::operate;
  }
  void push(const Sample& sample) {
    ASSERT_EQ(put_bytes(sample.bytes, 0, sample.bytes.size(), hex(sample)), 201);
    ASSERT_EQ(ask("PUT", path(sample), sign(sample)).status, 201);
  }
  static std::string path(const Sample& sample) {
    return "/" + sample.manifest->name + "/" + std::to_string(sample.manifest->version);
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("cloud");
  engine::Signers signers;
  Caller caller{.kind = Caller::Kind::operator_, .name = "alice", .right = Right::operate, .from = ""};
  std::vector<std::string> audit;
  std::unique_ptr<base::Registry> metrics;
  std::unique_ptr<Artifacts> artifacts;
  std::unique_ptr<net::http::Server> server;
  std::unique_ptr<net::http::Client> client;
};

TEST_F(CloudArtifacts, TakesBytesPieceByPieceAndListsWhatIsSigned) {
  put_keys();
  const Sample a(1, 500'000, "model", 3);
  EXPECT_EQ(ask("HEAD", "/blobs/" + hex(a)).header("upload-offset"), "0");
  EXPECT_EQ(ask("PUT", path(a), sign(a)).status, 404);   // its bytes come first
  EXPECT_EQ(put_bytes(a.bytes, 0, 200'000, hex(a)), 202);
  EXPECT_EQ(put_bytes(a.bytes, 0, 200'000, hex(a)), 409);
  const Fetched have = ask("HEAD", "/blobs/" + hex(a));
  EXPECT_EQ(have.status, 404);
  EXPECT_EQ(have.header("upload-offset"), "200000");
  EXPECT_EQ(put_bytes(a.bytes, 200'000, 300'000, hex(a)), 201);
  EXPECT_EQ(put_bytes(a.bytes, 0, 200'000, hex(a)), 201);   // it is there
  EXPECT_EQ(ask("PUT", path(a), sign(a)).status, 201);
  EXPECT_EQ(ask("PUT", path(a), sign(a)).status, 200);
  EXPECT_EQ(ask("GET", path(a)).body, sign(a));
  const auto list = codec::json::parse(ask("GET", "").body).value();
  ASSERT_EQ(list.array().size(), 1u);
  EXPECT_EQ(list.array()[0]["name"].text(), "model");
  EXPECT_EQ(list.array()[0]["pushed_by"].text(), "operator:alice");
  EXPECT_EQ(ask("GET", "/other").status, 404);
  start();
  EXPECT_EQ(ask("GET", path(a)).body, sign(a));
  EXPECT_EQ(ask("GET", "/blobs/" + hex(a)).body, base::as_text(a.bytes));
  EXPECT_THAT(audit, ElementsAre("operator:alice artifact.keys keys document", "operator:alice artifact.push model 3"));
}

TEST_F(CloudArtifacts, ServesRanges) {
  put_keys();
  const Sample a(1, 700'000, "a", 1);
  push(a);
  const std::string all(base::as_text(a.bytes));
  const std::string tag = "\"" + hex(a) + "\"";
  struct Case {
    std::vector<std::pair<std::string, std::string>> headers;
    int status;
    std::size_t first, count;
  };
  const Case cases[] = {
      {{}, 200, 0, 700'000},
      {{{"range", "bytes=0-699999"}}, 206, 0, 700'000},
      {{{"range", "bytes=10-19"}}, 206, 10, 10},
      {{{"range", "bytes=300000-"}}, 206, 300'000, 400'000},
      {{{"range", "bytes=-5"}}, 206, 699'995, 5},
      {{{"range", "bytes=699999-9999999"}}, 206, 699'999, 1},
      {{{"range", "bytes=0-1,5-6"}}, 200, 0, 700'000},
      {{{"range", "lines=0-1"}}, 200, 0, 700'000},
      {{{"range", "bytes=5-1"}}, 200, 0, 700'000},
      {{{"range", "bytes=10-19"}, {"if-range", tag}}, 206, 10, 10},
      {{{"range", "bytes=10-19"}, {"if-range", "\"other\""}}, 200, 0, 700'000},
  };
  for (const Case& c : cases) {
    const Fetched got = ask("GET", "/blobs/" + hex(a), {}, c.headers);
    const std::string what = c.headers.empty() ? "no range" : c.headers[0].second;
    EXPECT_EQ(got.status, c.status) << what;
    EXPECT_EQ(got.header("etag"), tag);
    EXPECT_TRUE(got.body == all.substr(c.first, c.count)) << what;
    if (c.status == 206) {
      EXPECT_EQ(got.header("content-range"), "bytes " + std::to_string(c.first) + "-" +
                                                 std::to_string(c.first + c.count - 1) + "/700000");
    }
  }
  const Fetched beyond = ask("GET", "/blobs/" + hex(a), {}, {{"range", "bytes=700000-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.header("content-range"), "bytes */700000");
  EXPECT_EQ(ask("GET", "/blobs/" + hex(a), {}, {{"if-none-match", tag}}).status, 304);
  const Fetched head = ask("HEAD", "/blobs/" + hex(a));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "700000");
}

TEST(ByteRangeTest, ReadsStrictly) {
  EXPECT_EQ(parse_range("bytes=0-", 0).is, RangeIs::not_satisfiable);
  EXPECT_EQ(parse_range("bytes=-0", 10).is, RangeIs::not_satisfiable);
  EXPECT_EQ(parse_range("bytes=-99", 10).range, (ByteRange{0, 9}));
  for (const char* odd : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "bytes= 1-2", "bytes=1-2 ",
                          "bytes=0x1-2", "bytes=99999999999999999999-", "bytes=1-99999999999999999999"})
    EXPECT_EQ(parse_range(odd, 10).is, RangeIs::none) << odd;
}

TEST_F(CloudArtifacts, RefusesWhatIsNotSignedOrNotTrue) {
  const Sample a(1, 300'000, "a", 1);
  EXPECT_EQ(ask("PUT", path(a), sign(a)).status, 503);   // no keys document yet
  put_keys();
  ASSERT_EQ(put_bytes(a.bytes, 0, a.bytes.size(), hex(a)), 201);
  EXPECT_EQ(ask("PUT", path(a), sign(a, "stranger")).status, 403);
  EXPECT_EQ(ask("PUT", "/b/1", sign(a)).status, 403);
  EXPECT_EQ(ask("PUT", "/a/2", sign(a)).status, 403);
  EXPECT_NE(ask("PUT", path(a), "{}").status, 201);
  EXPECT_NE(ask("PUT", path(a), "").status, 201);
  // Signed, but its chunks are not those of the bytes that its digest names.
  Sample lying = a;
  auto m = std::make_shared<model::ArtifactManifest>(*a.manifest);
  m->chunks[1][0] ^= 1;
  lying.manifest = m;
  EXPECT_EQ(ask("PUT", path(a), sign(lying)).status, 422);
  EXPECT_EQ(codec::json::parse(ask("GET", "").body)->array().size(), 0u);
  ASSERT_EQ(ask("PUT", path(a), sign(a)).status, 201);
  const Sample other(2, 300'000, "a", 1);
  ASSERT_EQ(put_bytes(other.bytes, 0, other.bytes.size(), hex(other)), 201);
  EXPECT_EQ(ask("PUT", path(other), sign(other)).status, 409);
}

TEST_F(CloudArtifacts, RefusesBytesThatDoNotFit) {
  const Sample a(1, 100'000, "a", 1);
  base::Bytes wrong = a.bytes;
  wrong[99'999] ^= 1;
  EXPECT_EQ(put_bytes(wrong, 0, wrong.size(), hex(a)), 422);
  EXPECT_EQ(ask("HEAD", "/blobs/" + hex(a)).header("upload-offset"), "0");
  const auto put = [&](std::string range, std::string body, std::string digest = "") {
    std::vector<std::pair<std::string, std::string>> headers{{"content-range", std::move(range)}};
    if (!digest.empty()) headers.emplace_back("content-digest", std::move(digest));
    return ask("PUT", "/blobs/" + hex(a), std::move(body), std::move(headers)).status;
  };
  EXPECT_EQ(put("bytes 0-9/100000", "123"), 400);
  EXPECT_EQ(put("bytes 0-2/2", "123"), 400);
  EXPECT_EQ(put("bytes 0-2/9223372036854775808", "123"), 400);
  EXPECT_EQ(put("bytes 0-2/18446744073709551615", "123"), 400);
  EXPECT_EQ(put("bytes 9223372036854775805-9223372036854775807/9223372036854775808", "123"), 400);
  EXPECT_EQ(put("", "123"), 400);
  EXPECT_EQ(put("bytes 5-7/100000", "123"), 409);
  EXPECT_EQ(put("bytes 0-2/100000", "123", "sha-256=:AAAA:"), 400);
  EXPECT_EQ(put("bytes 0-2/100000", "123", "sha-256=:pmWkWSBCL51Bfkhn79xPuKBKHz//H6B+mY6G9/eieuM=:"), 202);
  EXPECT_EQ(put("bytes 3-5/100001", "123"), 409);   // another size than before
}

TEST_F(CloudArtifacts, KeepsNamesOutOfPaths) {
  put_keys();
  for (const char* target : {"/..%2f..%2fetc/1", "/blobs/..%2f..%2fetc%2fpasswd", "/blobs/", "/blobs/zz", "/a/b", "/a/-1",
                             "/a/0", "/a/18446744073709551616", "/.a/1", "/a%00b/1", "/keys/1", "/blobs/1"}) {
    const int got = ask("GET", target).status, put = ask("PUT", target, "x").status;
    EXPECT_TRUE(got == 404 || got == 400) << target << " " << got;
    EXPECT_TRUE(put == 404 || put == 400) << target << " " << put;
  }
  for (const std::string& file : machine.disk().files()) EXPECT_TRUE(file.starts_with("state/artifacts/")) << file;
}

TEST_F(CloudArtifacts, KeepsItsBudgetAndCleansUp) {
  start({.budget_bytes = 450'000, .keep_free_bytes = 0, .upload_kept = 1h});
  put_keys();
  const Sample a(1, 300'000, "a", 1), b(2, 300'000, "b", 1);
  ASSERT_EQ(put_bytes(a.bytes, 0, 1000, hex(a)), 202);
  EXPECT_EQ(put_bytes(b.bytes, 0, 1000, hex(b)), 429);
  sim.run_for(2h);   // nobody went on
  EXPECT_EQ(put_bytes(b.bytes, 0, 300'000, hex(b)), 201);
  ASSERT_EQ(ask("PUT", path(b), sign(b)).status, 201);
  sim.run_for(3h);
  EXPECT_EQ(ask("GET", "/blobs/" + hex(b)).status, 200);
  EXPECT_EQ(ask("DELETE", path(b)).status, 204);
  EXPECT_EQ(ask("DELETE", path(b)).status, 404);
  EXPECT_EQ(ask("GET", "/blobs/" + hex(b)).status, 404);
  ASSERT_EQ(put_bytes(a.bytes, 0, 1000, hex(a)), 202);
  start();
  EXPECT_EQ(ask("HEAD", "/blobs/" + hex(a)).header("upload-offset"), "0");
  for (const std::string& file : machine.disk().files()) EXPECT_FALSE(file.ends_with(".part") || file.ends_with(".blob"));
}

TEST_F(CloudArtifacts, LetsEachDoWhatTheyMay) {
  put_keys();
  const Sample a(1, 100'000, "a", 1);
  push(a);
  const auto codes = [&] {
    return std::vector{ask("GET", "").status, ask("GET", path(a)).status, ask("GET", "/keys").status,
                       ask("GET", "/blobs/" + hex(a)).status, ask("PUT", path(a), sign(a)).status,
                       ask("PUT", "/keys", signers.envelope(signers.first(), {"root"})).status};
  };
  caller = {.kind = Caller::Kind::node, .name = "edge-1", .right = Right::view, .from = ""};
  EXPECT_THAT(codes(), ElementsAre(200, 200, 200, 200, 403, 403));
  caller = {.kind = Caller::Kind::device, .name = "d", .right = Right::view, .from = ""};
  EXPECT_THAT(codes(), ElementsAre(403, 403, 403, 403, 403, 403));
  caller = {.kind = Caller::Kind::operator_, .name = "v", .right = Right::view, .from = ""};
  EXPECT_THAT(codes(), ElementsAre(200, 200, 200, 200, 403, 403));
  EXPECT_EQ(ask("DELETE", path(a)).status, 403);
  caller.right = Right::administer;
  EXPECT_THAT(codes(), ElementsAre(200, 200, 200, 200, 200, 200));
}

TEST_F(CloudArtifacts, ServesTheChainOfKeysDocuments) {
  put_keys();
  caller.right = Right::administer;
  auto second = signers.first();
  second.version = 2;
  second.issued = engine::trust_start + 1h;
  EXPECT_EQ(ask("PUT", "/keys", signers.envelope(second, {"stranger"})).status, 403);
  EXPECT_EQ(ask("PUT", "/keys", signers.envelope(second, {"root"})).status, 201);
  start();
  const auto count = [&](const std::string& query) {
    const auto json = codec::json::parse(ask("GET", "/keys" + query).body).value();
    EXPECT_EQ(json["newest"].integer(), 2);
    return json["documents"].array().size();
  };
  EXPECT_EQ(count(""), 2u);
  EXPECT_EQ(count("?from=2"), 1u);
  EXPECT_EQ(count("?from=3"), 0u);
  EXPECT_EQ(count("?from=0"), 1u);
  EXPECT_EQ(ask("GET", "/keys?from=x").status, 400);
}

TEST_F(CloudArtifacts, SendsToASlowClientWithoutHoldingTheWholeInMemory) {
  put_keys();
  const Sample a(1, 4'000'000, "a", 1);
  push(a);
  sim.link("asker", "cloud").model.bytes_per_second = 200'000;
  std::uint64_t got = 0;
  bool done = false;
  Fetch fetch;
  fetch.url = "http://cloud:8443/api/v1/artifacts/blobs/" + hex(a);
  fetch.on_body = [&](base::BytesView bytes) { got += bytes.size(); };
  const std::uint64_t before = machine.disk().stats().read_bytes;
  client->fetch(fetch, [&](base::Result<Fetched> end) { done = end.has_value(); });
  ASSERT_TRUE(sim.run_until([&] { return got > 500'000; }, 1min));
  EXPECT_LT(machine.disk().stats().read_bytes - before, 3'000'000u);
  ASSERT_TRUE(sim.run_until([&] { return done; }, 1min));
  EXPECT_EQ(got, 4'000'000u);
  EXPECT_THAT(metrics->text(), HasSubstr("selvedge_artifact_sent_bytes_total 4000000"));
}

}  // namespace
}  // namespace selvedge::cloud
