#include "node/artifacts.h"

#include <charconv>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/artifact/documents.h"
#include "engine/trust/sealed_content.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view root = "/api/v1/artifacts/";
constexpr std::string_view any = "/api/v1/artifacts/*";

FetcherTrust trust_of(TrustStore& store) {
  FetcherTrust trust;
  trust.check = [&store](std::string_view envelope, const engine::ArtifactAsk& ask) {
    return store.check(envelope, ask);
  };
  trust.took = [&store](const engine::TrustedManifest& taken, TrustStore::Done done) {
    store.took(taken, std::move(done));
  };
  trust.next_keys = [&store] { return store.next_version(); };
  trust.offer_keys = [&store](const std::vector<std::string>& documents, TrustStore::Done done) {
    store.offer(documents, std::move(done));
  };
  return trust;
}

void write(base::JsonWriter& json, const ArtifactStatus& status) {
  const store::ArtifactEntry& e = status.stored.entry;
  json.begin_object()
      .field("name", e.name)
      .field("version", e.version)
      .field("version_text", e.version_text)
      .field("kind", e.kind)
      .field("state", status.state)
      .field("have", status.have)
      .field("size", e.size)
      .field("digest", e.size == 0 ? "" : base::to_hex(e.digest))
      .field("wished", status.wished)
      .field("pinned", e.pinned)
      .field("sealed", e.sealed);
  json.key("wished_at");
  if (e.wished.ns == 0) json.null();
  else json.value(base::to_iso8601(e.wished));
  json.field("why", status.why).end_object();
}

}  // namespace

Result<std::unique_ptr<Artifacts>> Artifacts::open(os::World& world, ArtifactsConfig config,
                                                   base::Registry& metrics) {
  std::unique_ptr<Artifacts> made(new Artifacts);
  made->trust_ = TRY(base::while_doing("trust", TrustStore::open(world, config.state, std::move(config.trust))));
  made->store_ = TRY(store::ArtifactStore::open(world, config.state + "/artifacts", config.limits));
  FetcherConfig fetcher;
  fetcher.limits = config.fetch;
  made->fetcher_ = std::make_unique<Fetcher>(world, *made->store_, trust_of(*made->trust_), metrics, fetcher);
  const store::ArtifactStore& store = *made->store_;
  metrics.gauge_from("selvedge_artifact_stored_bytes", "Of the budget for artifacts.",
                     [&store] { return static_cast<double>(store.stats().used_bytes); });
  metrics.gauge_from("selvedge_artifacts", "Artifacts that are whole on this disk.",
                     [&store] { return static_cast<double>(store.stats().whole); });
  metrics.counter_from("selvedge_artifact_evicted_total", "Artifacts that went to make room.",
                       [&store] { return static_cast<double>(store.stats().evicted); });
  metrics.counter_from("selvedge_artifact_damaged_total", "Artifacts found damaged on this disk.",
                       [&store] { return static_cast<double>(store.stats().damaged); });
  return made;
}

void Artifacts::joined(std::string name, std::string cloud_url, std::shared_ptr<os::Tls> tls) {
  store_->set_unwrap([name = std::move(name), secret = trust_->seal_keys().secret](
                         const model::ArtifactManifest& manifest) {
    return engine::unwrap_content_key(manifest, name, secret);
  });
  if (!cloud_url.empty()) fetcher_->set_cloud(std::move(cloud_url), std::move(tls));
}

void Artifacts::add_routes(net::http::Server& server, net::api::Identify identify, net::api::Audit audit) {
  server.route("GET", "/api/v1/artifacts",
               net::api::require(identify, Right::view, [this](const Caller&, Request, Respond respond) {
                 list(respond);
               }));
  server.route("PUT", any,
               net::api::require(identify, Right::operate,
                                 [this, audit](const Caller& caller, Request request, Respond respond) {
                                   if (audit) audit(caller, {"artifact.hold", request.path.substr(root.size()), "", ""});
                                   hold(request, respond);
                                 }));
  server.route("DELETE", any,
               net::api::require(identify, Right::operate,
                                 [this, audit](const Caller& caller, Request request, Respond respond) {
                                   const std::string name = request.path.substr(root.size());
                                   if (audit) audit(caller, {"artifact.release", name, "", ""});
                                   fetcher_->release(name);
                                   Response done;
                                   done.status = 204;
                                   respond(std::move(done));
                                 }));
}

void Artifacts::list(const Respond& respond) const {
  base::JsonWriter json;
  json.begin_array();
  for (const ArtifactStatus& status : fetcher_->list()) write(json, status);
  respond(Response::json(json.end_array().take()));
}

// PUT .../NAME/VERSION?wait=true answers when it is held, else at once.
void Artifacts::hold(const Request& request, const Respond& respond) {
  const std::string_view rest = std::string_view(request.path).substr(root.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view number = rest.substr(std::min(slash + 1, rest.size()));
  ArtifactWish wish;
  wish.name = rest.substr(0, slash);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), wish.version);
  if (!codec::artifact::is_artifact_name(wish.name) || error != std::errc() ||
      end != number.data() + number.size() || wish.version == 0)
    return respond(Response::problem({Code::invalid_input, "expected /api/v1/artifacts/NAME/VERSION"}));
  if (request.parameter("pin") == "true") wish.pin = store::Pin::yes;
  if (const auto text = request.parameter("deadline")) {
    const auto deadline = base::parse_duration(*text);
    if (!deadline) return respond(Response::problem(base::Error(deadline.error()).while_doing("deadline")));
    wish.deadline = *deadline;
  }
  const bool wait = request.parameter("wait") == "true";
  if (!wait) {
    Response accepted = Response::json("{\"accepted\":true}", 202);
    respond(std::move(accepted));
  }
  fetcher_->hold(std::move(wish), [wait, respond](const Result<HeldArtifact>& held) {
    if (!wait) return;
    if (!held) return respond(Response::problem(held.error()));
    base::JsonWriter json;
    json.begin_object()
        .field("name", held->name)
        .field("version", held->version)
        .field("digest", base::to_hex(held->digest))
        .field("size", held->size)
        .end_object();
    respond(Response::json(json.take()));
  });
}

}  // namespace selvedge::node
