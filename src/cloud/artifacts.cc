#include "cloud/artifacts.h"

#include <charconv>

#include "base/json.h"
#include "base/text.h"
#include "cloud/artifacts_state.h"
#include "codec/artifact/documents.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view root = "/api/v1/artifacts", below = "/api/v1/artifacts/*",
                           keys = "/api/v1/artifacts/keys";

std::optional<model::Sha256> parse_digest(std::string_view hex) {
  const auto bytes = base::from_hex(hex);
  model::Sha256 digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

std::optional<std::uint64_t> parse_version(std::string_view text) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && version > 0 && version <= codec::artifact::max_version ? std::optional(version) : std::nullopt;
}

// What follows the root, at its one slash.
std::pair<std::string_view, std::string_view> parts(const Request& request) {
  std::string_view rest = std::string_view(request.path).substr(root.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return {rest, {}};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

Response no_such_path() {
  return Response::problem({Code::not_found,
                            "expected /api/v1/artifacts, .../NAME, .../NAME/VERSION, .../blobs/SHA256 or .../keys"});
}

bool may_read(const Caller& caller) {
  return caller.kind == Caller::Kind::node || caller.may(Right::view);
}

void write(base::JsonWriter& json, const CatalogEntry& e) {
  json.begin_object()
      .field("name", e.name)
      .field("version", e.version)
      .field("version_text", e.version_text)
      .field("kind", e.kind)
      .field("size", e.size)
      .field("digest", base::to_hex(e.digest))
      .field("sealed", e.sealed)
      .field("created", base::to_iso8601(e.created))
      .field("pushed", base::to_iso8601(e.pushed))
      .field("pushed_by", e.pushed_by);
  json.key("signers").begin_array();
  for (const auto& signer : e.signers) json.value(signer);
  json.end_array().end_object();
}

}  // namespace

Artifacts::Artifacts(std::shared_ptr<State> state) : state_(std::move(state)) {}
Artifacts::~Artifacts() = default;

Result<std::unique_ptr<Artifacts>> Artifacts::open(os::World& world, std::string_view state,
                                                   CatalogLimits limits, base::Registry& metrics) {
  const auto s = std::make_shared<State>(world);
  const std::string path = std::string(state) + "/artifacts";
  s->catalog = TRY(ArtifactCatalog::open(world, path, limits));
  s->keys = TRY(ArtifactKeys::open(world, path + "/keys"));
  s->sent_bytes = &metrics.counter("selvedge_artifact_sent_bytes_total", "Bytes of artifacts sent.");
  s->received_bytes = &metrics.counter("selvedge_artifact_pushed_bytes_total", "Bytes of artifacts pushed.");
  metrics.gauge_from("selvedge_artifacts", "Artifacts that are listed.", [weak = std::weak_ptr(s)] {
    const auto self = weak.lock();
    return self ? static_cast<double>(self->catalog->entries().size()) : 0.0;
  });
  metrics.gauge_from("selvedge_artifact_stored_bytes", "Bytes of artifacts on disk.", [weak = std::weak_ptr(s)] {
    const auto self = weak.lock();
    return self ? static_cast<double>(self->catalog->used()) : 0.0;
  });
  return std::unique_ptr<Artifacts>(new Artifacts(s));
}

void Artifacts::add_routes(net::http::Server& server, ArtifactAccess access) {
  state_->access = std::move(access);
  const auto shared = state_;
  const auto read = net::api::identified(
      shared->access.identify, [shared](const Caller& caller, Request request, Respond respond) {
        if (!may_read(caller))
          return respond(Response::problem({Code::denied, "artifacts are for nodes and operators"}));
        shared->get(caller, request, respond);
      });
  const auto change = [&](Right right, auto member) {
    return net::api::require(shared->access.identify, right,
                             [shared, member](const Caller& caller, Request request, Respond respond) {
                               ((*shared).*member)(caller, std::move(request), respond);
                             });
  };
  server.route("GET", root, read);
  server.route("GET", below, read);
  server.route("PUT", below, change(Right::operate, &State::put));
  server.route("DELETE", below, change(Right::operate, &State::remove));
  server.route("GET", keys, read);
  server.route("PUT", keys,
               net::api::require(shared->access.identify, Right::administer,
                                 [shared](const Caller& caller, Request request, Respond respond) {
                                   shared->put_keys(caller, std::move(request.body), respond);
                                 }));
}

void Artifacts::State::get(const Caller&, const Request& request, const Respond& respond) {
  const auto [first, second] = parts(request);
  if (first == "keys" && second.empty()) return get_keys(request, respond);
  if (first == "blobs") {
    const auto digest = parse_digest(second);
    if (!digest) return respond(no_such_path());
    return get_blob(*digest, request, respond);
  }
  if (!first.empty() && !codec::artifact::is_artifact_name(first)) return respond(no_such_path());
  if (second.empty()) return list(request, first, respond);
  const auto version = parse_version(second);
  if (!version) return respond(no_such_path());
  get_manifest(first, *version, respond);
}

void Artifacts::State::put(const Caller& caller, Request request, const Respond& respond) {
  const auto [first, second] = parts(request);
  if (first == "blobs") {
    const auto digest = parse_digest(second);
    if (!digest) return respond(no_such_path());
    return put_blob(*digest, std::move(request), respond);
  }
  const auto version = parse_version(second);
  if (!codec::artifact::is_artifact_name(first) || first == "keys" || !version) return respond(no_such_path());
  put_manifest(caller, std::string(first), *version, std::move(request.body), respond);
}

void Artifacts::State::remove(const Caller& caller, const Request& request, const Respond& respond) {
  const auto [name_text, version_text] = parts(request);
  const auto version = parse_version(version_text);
  if (!version) return respond(no_such_path());
  const std::string name(name_text);
  catalog->remove(name, *version, [shared = shared_from_this(), caller, name, version = *version,
                                   respond](const Result<void>& removed) {
    if (!removed) return respond(Response::problem(removed.error()));
    shared->access.audit(caller, {"artifact.remove", name + " " + std::to_string(version), "", ""});
    Response done;
    done.status = 204;
    respond(std::move(done));
  });
}

void Artifacts::State::list(const Request&, std::string_view name, const Respond& respond) const {
  base::JsonWriter json;
  json.begin_array();
  std::size_t count = 0;
  for (const CatalogEntry& e : catalog->entries()) {
    if (!name.empty() && e.name != name) continue;
    write(json, e);
    ++count;
  }
  if (!name.empty() && count == 0)
    return respond(Response::problem({Code::not_found, "no artifact is named " + std::string(name)}));
  respond(Response::json(json.end_array().take()));
}

void Artifacts::State::get_manifest(std::string_view name, std::uint64_t version, const Respond& respond) {
  const CatalogEntry* entry = catalog->find(name, version);
  if (entry == nullptr)
    return respond(Response::problem(
        {Code::not_found, std::string(name) + ": there is no version " + std::to_string(version)}));
  catalog->document(*entry, [respond, tag = base::to_hex(entry->document)](Result<std::string> document) {
    if (!document) return respond(Response::problem(document.error()));
    Response response = Response::json(std::move(*document));
    response.headers.emplace_back("ETag", "\"" + tag + "\"");
    respond(std::move(response));
  });
}

void Artifacts::State::get_keys(const Request& request, const Respond& respond) const {
  std::uint64_t from = 1;
  if (const auto text = request.parameter("from")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), from);
    if (error != std::errc() || end != text->data() + text->size())
      return respond(Response::problem({Code::invalid_input, "from: expected the version of a keys document"}));
  }
  base::JsonWriter json;
  json.begin_object().field("newest", keys->newest());
  json.key("documents").begin_array();
  std::size_t bytes = 0;
  for (const std::string& document : keys->documents(from, 64)) {
    bytes += document.size();
    if (bytes > (3 << 20) && bytes > document.size()) break;   // the next request goes on
    json.value(document);
  }
  respond(Response::json(json.end_array().end_object().take()));
}

}  // namespace selvedge::cloud
