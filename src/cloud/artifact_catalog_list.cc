#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cloud/artifact_catalog.h"
#include "codec/artifact/documents.h"
#include "codec/json/value.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;

namespace {

Result<model::Sha256> digest(const std::string& hex) {
  const base::Bytes bytes = TRY(base::from_hex(hex));
  model::Sha256 out{};
  if (bytes.size() != out.size()) return base::fail(Code::corrupt, "not a SHA-256");
  std::ranges::copy(bytes, out.begin());
  return out;
}

Result<CatalogEntry> entry(const codec::json::Value& json) {
  CatalogEntry e;
  e.name = json["name"].text();
  e.version = static_cast<std::uint64_t>(json["version"].integer());
  e.version_text = json["version_text"].text();
  e.kind = json["kind"].text();
  e.size = static_cast<std::uint64_t>(json["size"].integer());
  e.digest = TRY(digest(json["digest"].text()));
  e.document = TRY(digest(json["document"].text()));
  e.document_bytes = static_cast<std::uint64_t>(json["document_bytes"].integer());
  e.sealed = json["sealed"].boolean();
  e.created.ns = json["created"].integer();
  e.pushed.ns = json["pushed"].integer();
  e.pushed_by = json["pushed_by"].text();
  for (const auto& signer : json["signers"].array()) e.signers.push_back(signer.text());
  if (!codec::artifact::is_artifact_name(e.name) || e.size > model::ArtifactLimits::bytes)
    return base::fail(Code::corrupt, "it names an artifact that cannot be");
  return e;
}

}  // namespace

std::string encode_catalog(const std::vector<CatalogEntry>& entries) {
  base::JsonWriter json;
  json.begin_array();
  for (const CatalogEntry& e : entries) {
    json.begin_object()
        .field("name", e.name)
        .field("version", e.version)
        .field("version_text", e.version_text)
        .field("kind", e.kind)
        .field("size", e.size)
        .field("digest", base::to_hex(e.digest))
        .field("document", base::to_hex(e.document))
        .field("document_bytes", e.document_bytes)
        .field("sealed", e.sealed)
        .field("created", e.created.ns)
        .field("pushed", e.pushed.ns)
        .field("pushed_by", e.pushed_by);
    json.key("signers").begin_array();
    for (const auto& signer : e.signers) json.value(signer);
    json.end_array().end_object();
  }
  return json.end_array().take();
}

Result<std::vector<CatalogEntry>> decode_catalog(std::string_view text, std::size_t most) {
  const auto json = TRY(codec::json::parse(text));
  std::vector<CatalogEntry> entries;
  for (const auto& one : json.array()) {
    if (entries.size() >= most) return base::fail(Code::corrupt, "it has too many entries");
    entries.push_back(TRY(entry(one)));
  }
  return entries;
}

// ---- the list on disk ----

Result<void> ArtifactCatalog::load() {
  const auto bytes = os::read_file(*dir_, "list", 64 << 20);
  if (bytes) {
    entries_ = TRY(base::while_doing("read the list of artifacts",
                                     decode_catalog(base::as_text(*bytes), limits_.entries)));
  } else if (bytes.error().code != Code::not_found) {
    return std::unexpected(bytes.error());
  }
  return clean();
}

// What is listed stays, whatever else is there goes.
Result<void> ArtifactCatalog::clean() {
  std::set<std::string> wanted{"list"};
  for (const CatalogEntry& e : entries_) {
    const std::string file = base::to_hex(e.digest) + ".blob";
    wanted.insert(file);
    wanted.insert(base::to_hex(e.document) + ".signed");
    const auto opened = dir_->open(file, os::Open::existing);
    const bool whole = opened && TRY((*opened)->size()) == e.size;
    blobs_[e.digest] = {e.size, whole ? e.size : 0, whole, false, {}};
  }
  for (const std::string& name : TRY(dir_->list()))
    if (!wanted.contains(name)) TRY(dir_->remove(name));
  return {};
}

void ArtifactCatalog::save(Done done) {
  (saving_ ? waiting_for_next_ : waiting_for_save_).push_back(std::move(done));
  if (!saving_) write_list();
}

void ArtifactCatalog::write_list() {
  saving_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  world_.loop().work(
      37,
      [outcome, dir = dir_, text = encode_catalog(entries_)] {
        *outcome = os::write_file(*dir, "list", base::as_bytes(text));
      },
      [weak = self_, outcome] {
        const auto self = weak.lock();
        if (!self) return;
        self->saving_ = false;
        const auto told = std::exchange(self->waiting_for_save_, {});
        self->waiting_for_save_ = std::exchange(self->waiting_for_next_, {});
        if (!self->waiting_for_save_.empty()) self->write_list();
        for (const Done& done : told) done(*outcome);
      });
}

}  // namespace selvedge::cloud
