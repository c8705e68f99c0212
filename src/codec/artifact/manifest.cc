#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/members.h"

namespace selvedge::codec::artifact {
namespace {

using base::Code;
using base::fail;
using base::Result;
using Limits = model::ArtifactLimits;

constexpr std::string_view what = "read manifest", format = "selvedge-manifest-1";
constexpr std::string_view sealing = "hpke-x25519-sha256-chacha20poly1305";
constexpr std::size_t max_word = 64, wrapped_key_bytes = 32 + 32 + 16, tag_bytes = 16;

std::unexpected<base::Error> broken(std::string_view why) {
  return fail(Code::invalid_input, "check manifest: " + std::string(why));
}

Result<void> check_size(const model::ArtifactManifest& m) {
  if (m.size > Limits::bytes)
    return broken("size " + base::size_text(m.size) + " is more than " + base::size_text(Limits::bytes));
  if (m.chunk_bytes < Limits::chunk_bytes_least || m.chunk_bytes > Limits::chunk_bytes_most)
    return broken("chunk_bytes is not between 64KiB and 8MiB");
  const std::uint64_t chunks = (m.size + m.chunk_bytes - 1) / m.chunk_bytes;
  if (chunks > Limits::chunks)
    return broken("more than " + std::to_string(Limits::chunks) + " chunks; make them larger");
  if (m.chunks.size() != chunks)
    return broken(std::to_string(m.chunks.size()) + " chunk digests for " + std::to_string(chunks) +
                  " chunks");
  return {};
}

Result<void> check_sealing(const model::ArtifactManifest& m) {
  if (!m.sealing) return {};
  if (m.sealing->wrapped_keys.empty() || m.sealing->wrapped_keys.size() > max_sealed_for)
    return broken("sealed for none or more than " + std::to_string(max_sealed_for) + " nodes");
  for (const auto& [node, key] : m.sealing->wrapped_keys)
    if (!is_artifact_name(node) || key.size() != wrapped_key_bytes)
      return broken("sealed for '" + base::printable(node) + "' with a wrapped key that is none");
  const std::uint64_t rest = m.size % m.chunk_bytes;
  if (m.size < tag_bytes || (rest != 0 && rest < tag_bytes))
    return broken("sealed, but its last chunk is shorter than a tag");
  return {};
}

Result<void> check_lists(const model::ArtifactManifest& m) {
  if (m.targets.size() > Limits::list || m.depends.size() > Limits::list ||
      m.attributes.size() > Limits::list)
    return broken("more than " + std::to_string(Limits::list) + " targets, dependencies or attributes");
  for (const auto& target : m.targets)
    for (const std::string* word : {&target.arch, &target.os, &target.device_type})
      if (word->size() > max_word || !is_plain_text(*word)) return broken("a target is no short word");
  for (const auto& dependency : m.depends)
    if (!is_artifact_name(dependency.name) || dependency.version_least > max_version)
      return broken("a dependency has no valid name or version");
  for (const auto& [key, value] : m.attributes)
    if (key.empty() || key.size() > max_word || value.size() > max_attribute_bytes ||
        !is_plain_text(key) || !base::is_utf8(value))
      return broken("attribute '" + base::printable(key) + "' is too long or no text");
  return {};
}

void put_digests(base::JsonWriter& json, const std::vector<model::Sha256>& digests) {
  base::Bytes all;
  all.reserve(digests.size() * std::tuple_size_v<model::Sha256>);
  for (const auto& digest : digests) base::append(all, digest);
  json.field("chunks", base::to_base64(all));
}

Result<void> take_chunks(const Members& members, model::ArtifactManifest& m) {
  if (m.size == 0) return {};
  constexpr std::size_t each = std::tuple_size_v<model::Sha256>;
  const base::Bytes all = TRY(members.base64("chunks", Limits::chunks * each));
  if (all.size() % each != 0) return members.wrong("chunks", "is no row of SHA-256 digests");
  m.chunks.resize(all.size() / each);
  for (std::size_t i = 0; i < m.chunks.size(); ++i)
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(i * each), each, m.chunks[i].begin());
  return {};
}

Result<void> take_lists(const Members& members, model::ArtifactManifest& m) {
  for (const auto& item : *TRY(members.array("targets", Limits::list))) {
    const Members members_of(item, "read manifest's target");
    model::ArtifactTarget& target = m.targets.emplace_back();
    target.arch = TRY(members_of.text_or_empty("arch", max_word));
    target.os = TRY(members_of.text_or_empty("os", max_word));
    target.device_type = TRY(members_of.text_or_empty("device_type", max_word));
  }
  for (const auto& item : *TRY(members.array("depends", Limits::list))) {
    const Members members_of(item, "read manifest's dependency");
    model::ArtifactDependency& dependency = m.depends.emplace_back();
    dependency.name = TRY(members_of.text("name", max_word));
    dependency.version_least = TRY(members_of.number("version_least", 0, max_version));
  }
  for (const auto& [key, value] : *TRY(members.object("attributes", Limits::list))) {
    if (value.text("x") != value.text("y")) return members.wrong("attributes", "holds more than text");
    m.attributes[key] = value.text();
  }
  return {};
}

Result<void> take_sealing(const json::Value& root, model::ArtifactManifest& m) {
  const json::Value& said = root["sealed"];
  if (said.is_null()) return {};
  const Members sealed(said, "read manifest's sealing");
  if (TRY(sealed.text("algorithm", max_word)) != sealing)
    return sealed.wrong("algorithm", "is one that this version does not know");
  m.sealing.emplace();
  const auto* nodes = TRY(sealed.object("keys", max_sealed_for));
  const json::Value& keys = said["keys"];
  for (const auto& [node, key] : *nodes)
    m.sealing->wrapped_keys[node] = TRY(Members(keys, "read wrapped keys").base64(node, wrapped_key_bytes));
  return {};
}

}  // namespace

bool is_artifact_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  });
}

Result<void> check(const model::ArtifactManifest& m) {
  if (!is_artifact_name(m.name))
    return broken("name '" + base::printable(m.name) +
                  "' is not 1 to 64 of A-Z a-z 0-9 . _ - without a leading . or -");
  if (!is_artifact_name(m.kind)) return broken("kind '" + base::printable(m.kind) + "' is no name");
  if (m.version == 0 || m.version > max_version) return broken("version is not from 1 to 2^53 - 1");
  if (m.version_text.size() > max_word || !is_plain_text(m.version_text))
    return broken("version_text is too long or not printable");
  if (m.created.ns < 0 || (m.expires && *m.expires <= m.created))
    return broken("it expires before it was created");
  TRY(check_size(m));
  TRY(check_sealing(m));
  return check_lists(m);
}

std::string encode(const model::ArtifactManifest& m) {
  base::JsonWriter json;
  json.begin_object()
      .field("format", format)
      .field("name", m.name)
      .field("version", m.version)
      .field("version_text", m.version_text)
      .field("kind", m.kind)
      .field("size", m.size)
      .field("sha256", base::to_hex(m.digest))
      .field("chunk_bytes", std::uint64_t{m.chunk_bytes})
      .field("created", base::to_iso8601(m.created));
  if (m.expires) json.field("expires", base::to_iso8601(*m.expires));
  json.key("targets").begin_array();
  for (const auto& target : m.targets)
    json.begin_object()
        .field("arch", target.arch)
        .field("os", target.os)
        .field("device_type", target.device_type)
        .end_object();
  json.end_array().key("depends").begin_array();
  for (const auto& dependency : m.depends)
    json.begin_object()
        .field("name", dependency.name)
        .field("version_least", dependency.version_least)
        .end_object();
  json.end_array();
  if (m.sealing) {
    json.key("sealed").begin_object().field("algorithm", sealing).key("keys").begin_object();
    for (const auto& [node, key] : m.sealing->wrapped_keys) json.field(node, base::to_base64(key));
    json.end_object().end_object();
  }
  json.key("attributes").begin_object();
  for (const auto& [key, value] : m.attributes) json.field(key, value);
  json.end_object();
  put_digests(json, m.chunks);
  return json.end_object().take();
}

Result<model::ArtifactManifest> decode_manifest(std::string_view text) {
  const auto root = TRY(parse_object(text, what));
  const Members members(root, what);
  if (TRY(members.text("format", max_word)) != format)
    return members.wrong("format", "is one that this version does not know");
  model::ArtifactManifest m;
  m.name = TRY(members.text("name", max_word));
  m.version = TRY(members.number("version", 1, max_version));
  m.version_text = TRY(members.text_or_empty("version_text", max_word));
  m.kind = TRY(members.text("kind", max_word));
  m.size = TRY(members.number("size", 0, Limits::bytes));
  m.chunk_bytes = static_cast<std::uint32_t>(
      TRY(members.number("chunk_bytes", Limits::chunk_bytes_least, Limits::chunk_bytes_most)));
  const auto digest = base::from_hex(TRY(members.text("sha256", 64)));
  if (!digest || digest->size() != m.digest.size()) return members.wrong("sha256", "is no SHA-256 in hex");
  std::ranges::copy(*digest, m.digest.begin());
  m.created = TRY(members.time("created"));
  if (members.has("expires")) m.expires = TRY(members.time("expires"));
  TRY(take_chunks(members, m));
  TRY(take_lists(members, m));
  TRY(take_sealing(root, m));
  TRY(check(m));
  return m;
}

}  // namespace selvedge::codec::artifact
