// FetcherFixture: a node with a fetcher, and a cloud that serves artifacts as a test wants it to.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <map>

#include "net/http/http.h"
#include "node/fetcher.h"
#include "store/artifact_fixture.h"

namespace selvedge::node::test {

using store::test::Sample;

// How the cloud answers a request for bytes.
enum class Cloud : std::uint8_t {
  honest,
  ignores_range,       // 200 and everything
  other_range,         // 206 and other bytes than were asked for
  too_much,            // more than it announced was asked for
  too_little,          // ends early
  wrong_bytes,         // the right number of them
  other_size,          // another total in Content-Range
  trickles,            // a byte a second
  refuses,             // 403
  busy,                // 503
};

class FetcherFixture : public testing::Test {
 protected:
  explicit FetcherFixture(std::uint64_t seed = 1) : sim(seed), cloud(sim.machine("cloud")), node(sim.machine("node")) {
    server = std::make_unique<net::http::Server>(cloud, net::http::ServerLimits{});
    server->route("GET", "/api/v1/artifacts/*", [this](net::http::Request r, net::http::Respond respond) {
      serve(r, respond);
    });
    EXPECT_TRUE(server->listen({"", 8443}, nullptr));
    node.on_crash([this] { stop(); });
  }
  ~FetcherFixture() override { stop(); }

  void start(store::ArtifactStoreLimits limits = {}, engine::FetchLimits fetch = {}) {
    store_limits = limits;
    fetch_limits = fetch;
    metrics = std::make_unique<base::Registry>();
    auto opened = store::ArtifactStore::open(node, "artifacts", limits);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    FetcherTrust trust;
    trust.check = [this](std::string_view envelope, const engine::ArtifactAsk& ask) { return check(envelope, ask); };
    trust.took = [this](const engine::TrustedManifest& m, std::function<void(base::Result<void>)> done) {
      taken.push_back(m.manifest.name + " " + std::to_string(m.manifest.version));
      done({});
    };
    FetcherConfig config;
    config.limits = fetch;
    config.timeout = std::chrono::seconds(20);
    fetcher = std::make_unique<Fetcher>(node, *store, std::move(trust), *metrics, config);
    fetcher->set_cloud("http://cloud:8443", nullptr);
  }
  void stop() {
    fetcher.reset();
    store.reset();
  }
  void restart() {
    stop();
    start(store_limits, fetch_limits);
  }

  void publish(const Sample& sample) {
    const auto& m = *sample.manifest;
    documents[m.name + "/" + std::to_string(m.version)] = sample.document;
    blobs[base::to_hex(m.digest)] = sample.bytes;
  }

  using Outcome = std::shared_ptr<std::optional<base::Result<HeldArtifact>>>;
  Outcome hold(const Sample& sample, ArtifactWish wish = {}) {
    wish.name = sample.manifest->name;
    wish.version = sample.manifest->version;
    auto outcome = std::make_shared<std::optional<base::Result<HeldArtifact>>>();
    fetcher->hold(std::move(wish), [outcome](base::Result<HeldArtifact> held) {
      EXPECT_FALSE(outcome->has_value()) << "told twice";
      *outcome = std::move(held);
    });
    EXPECT_FALSE(outcome->has_value()) << "told within the call";
    return outcome;
  }
  bool wait(const Outcome& outcome, base::Duration limit = std::chrono::hours(1)) {
    return sim.run_until([&] { return outcome->has_value(); }, limit);
  }
  std::string why(const Outcome& outcome) {
    if (!wait(outcome)) return "never answered";
    if (**outcome) return "held";
    return std::string(base::name((**outcome).error().code)) + ": " + (**outcome).error().message;
  }
  bool whole(const Sample& sample) const {
    const auto* e = store->find(sample.manifest->name, sample.manifest->version);
    return e != nullptr && e->whole;
  }
  base::Bytes on_disk(const Sample& sample, std::string_view what = "blob") const {
    return node.disk().contents("artifacts/" + base::to_hex(sample.manifest->digest) + "." + std::string(what))
        .value_or(base::Bytes{});
  }
  // The disk in all, but for the index and signed manifests.
  std::size_t bytes_on_disk() const {
    std::size_t sum = 0;
    for (const std::string& path : node.disk().files()) {
      EXPECT_TRUE(path.starts_with("artifacts/")) << path;
      if (!path.ends_with("index") && !path.ends_with(".signed")) sum += node.disk().contents(path)->size();
    }
    return sum;
  }

  base::Result<engine::TrustedManifest> check(std::string_view envelope, const engine::ArtifactAsk& ask) const {
    if (distrust) return base::fail(base::Code::denied, "signed by nobody we know");
    const auto opened = TRY(codec::artifact::decode_envelope(envelope));
    engine::TrustedManifest trusted;
    trusted.manifest = TRY(codec::artifact::decode_manifest(base::as_text(opened.payload)));
    if (trusted.manifest.name != ask.name || trusted.manifest.version != ask.version ||
        (ask.digest && trusted.manifest.digest != *ask.digest))
      return base::fail(base::Code::denied, "another artifact than was asked for");
    return trusted;
  }

  void serve(const net::http::Request& request, const net::http::Respond& respond) {
    using net::http::Response;
    const std::string path = request.path.substr(std::string_view("/api/v1/artifacts/").size());
    if (const auto document = documents.find(path); document != documents.end())
      return respond(Response::json(document->second));
    const auto blob = path.starts_with("blobs/") ? blobs.find(path.substr(6)) : blobs.end();
    if (blob == blobs.end()) return respond(Response::problem({base::Code::not_found, "nothing there"}));
    serve_bytes(blob->second, request, respond);
  }
  void serve_bytes(const base::Bytes& bytes, const net::http::Request& request, const net::http::Respond& respond) {
    using net::http::Response;
    ++requests;
    std::size_t first = 0, last = bytes.size() - 1;
    const std::string range(request.header("range"));
    EXPECT_EQ(std::sscanf(range.c_str(), "bytes=%zu-%zu", &first, &last), 2);
    const std::size_t asked_last = last;
    Response response;
    response.status = 206;
    response.content_type = "application/octet-stream";
    std::size_t size = bytes.size();
    switch (behaviour) {
      case Cloud::ignores_range: first = 0; last = size - 1; response.status = 200; break;
      case Cloud::other_range: first = first == 0 ? 1 : first - 1; break;
      case Cloud::other_size: size += 1; break;
      case Cloud::refuses: return respond(Response::problem({base::Code::denied, "no"}));
      case Cloud::busy: return respond(Response::problem({base::Code::unavailable, "no"}));
      default: break;
    }
    if (response.status == 206)
      response.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                         std::to_string(last) + "/" + std::to_string(size));
    auto body = std::make_shared<std::string>(base::as_text(base::BytesView(bytes).subspan(first, last - first + 1)));
    if (behaviour == Cloud::wrong_bytes) body->front() = static_cast<char>(body->front() ^ 1);
    if (behaviour == Cloud::too_little) body->resize(body->size() / 2);
    if (behaviour == Cloud::too_much) *body += std::string(200'000, 'x');
    if (behaviour == Cloud::honest || behaviour == Cloud::ignores_range || behaviour == Cloud::other_range ||
        behaviour == Cloud::wrong_bytes || behaviour == Cloud::other_size) {
      response.body = std::move(*body);
      sent += response.body.size();
      return respond(std::move(response));
    }
    if (behaviour == Cloud::too_little) response.length = asked_last - first + 1;
    const bool trickle = behaviour == Cloud::trickles;
    response.stream = [this, body, trickle](std::shared_ptr<net::http::BodyWriter> to) {
      if (trickle) return drip(to, body, 0);
      to->write(base::as_bytes(*body));
      to->finish();
    };
    respond(std::move(response));
  }
  void drip(const std::shared_ptr<net::http::BodyWriter>& to, const std::shared_ptr<std::string>& body, std::size_t at) {
    if (at >= body->size() || at > 10'000) return;
    to->write(base::as_bytes(body->substr(at, 1)));
    cloud.loop().after(std::chrono::seconds(1), [this, to, body, at] { drip(to, body, at + 1); });
  }

  os::fake::Simulation sim;
  os::fake::Machine& cloud;
  os::fake::Machine& node;
  std::map<std::string, std::string> documents;
  std::map<std::string, base::Bytes> blobs;
  Cloud behaviour = Cloud::honest;
  bool distrust = false;
  int requests = 0;
  std::uint64_t sent = 0;
  std::vector<std::string> taken;
  std::unique_ptr<net::http::Server> server;
  store::ArtifactStoreLimits store_limits;
  engine::FetchLimits fetch_limits;
  std::unique_ptr<base::Registry> metrics;
  std::unique_ptr<store::ArtifactStore> store;
  std::unique_ptr<Fetcher> fetcher;
};

}  // namespace selvedge::node::test
