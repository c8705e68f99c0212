#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cloud/artifacts_state.h"
#include "crypto/crypto.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::http::Respond;
using net::http::Response;

void Artifacts::State::put_manifest(const Caller& caller, std::string name, std::uint64_t version,
                                    std::string document, const Respond& respond) {
  auto checked = keys->check(document, name, version);
  if (!checked) {
    const base::Error& why = checked.error();
    return respond(Response::problem(why));
  }
  const auto manifest = std::make_shared<const model::ArtifactManifest>(std::move(checked->manifest));
  if (manifest->name == "blobs" || manifest->name == "keys")
    return respond(Response::problem({Code::invalid_input, "an artifact cannot be named " + manifest->name}));
  CatalogEntry entry;
  entry.name = manifest->name;
  entry.version = manifest->version;
  entry.version_text = manifest->version_text;
  entry.kind = manifest->kind;
  entry.size = manifest->size;
  entry.digest = manifest->digest;
  entry.document = crypto::sha256(base::as_bytes(document));
  entry.document_bytes = document.size();
  entry.sealed = manifest->sealing.has_value();
  entry.created = manifest->created;
  entry.pushed = world.loop().wall_now();
  entry.pushed_by = caller.text();
  entry.signers = checked->signers;
  const bool known = catalog->find(name, version) != nullptr;
  catalog->publish(entry, manifest, std::move(document),
                   [shared = shared_from_this(), caller, entry, known, respond](const Result<void>& listed) {
                     if (!listed) {
                       const base::Error& why = listed.error();
                       return respond(why.code == Code::corrupt
                                          ? Response::problem(422, "corrupt", "the bytes here: " + why.message)
                                          : Response::problem(why));
                     }
                     if (!known) {
                       const std::string what = entry.name + " " + std::to_string(entry.version);
                       base::log::info("artifacts", "pushed", {{"artifact", what}, {"by", caller.text()}});
                       shared->access.audit(caller, {"artifact.push", what, "", base::to_hex(entry.digest)});
                     }
                     base::JsonWriter json;
                     json.begin_object()
                         .field("name", entry.name)
                         .field("version", entry.version)
                         .field("digest", base::to_hex(entry.digest))
                         .end_object();
                     respond(Response::json(json.take(), known ? 200 : 201));
                   });
}

// Who may sign what: on record before it counts.
void Artifacts::State::put_keys(const Caller& caller, std::string document, const Respond& respond) {
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(document)));
  const auto add = [shared = shared_from_this(), document = std::move(document),
                    respond](const Result<void>& recorded) {
    if (!recorded) return respond(Response::problem(recorded.error()));
    shared->keys->add(document, [shared, respond](const Result<bool>& added) {
      if (!added) return respond(Response::problem(added.error()));
      base::JsonWriter json;
      json.begin_object().field("version", shared->keys->newest()).end_object();
      respond(Response::json(json.take(), *added ? 201 : 200));
    });
  };
  access.audit_first(caller, {"artifact.keys", "keys document", "", digest}, add);
}

}  // namespace selvedge::cloud
