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
using Limits = model::KeysDocumentLimits;

constexpr std::string_view what = "read keys document", format = "selvedge-keys-1";
constexpr std::size_t max_word = 64, id_digits = 64, max_key_bytes = 2048;

std::unexpected<base::Error> broken(std::string_view why) {
  return fail(Code::invalid_input, "check keys document: " + std::string(why));
}

bool is_id(std::string_view text) {
  return text.size() == id_digits && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

Result<void> check_role(const model::KeysDocument& document, std::string_view name,
                        const model::SignerRole& role) {
  const std::string said = "role '" + base::printable(name) + "' ";
  if (role.threshold == 0 || role.threshold > role.keys.size())
    return broken(said + "asks for " + std::to_string(role.threshold) + " of " +
                  std::to_string(role.keys.size()) + " keys");
  for (const std::string& id : role.keys)
    if (!document.keys.contains(id)) return broken(said + "names a key that is not in the document");
  return {};
}

void put_role(base::JsonWriter& json, const model::SignerRole& role) {
  json.begin_object().field("threshold", std::uint64_t{role.threshold}).key("keys").begin_array();
  for (const std::string& id : role.keys) json.value(id);
  json.end_array().end_object();
}

Result<void> take_ids(const Members& members, std::string_view member, std::size_t most,
                      std::set<std::string>& ids) {
  for (const auto& item : *TRY(members.array(member, most))) {
    const std::string id = item.text();
    if (!is_id(id)) return members.wrong(member, "holds something that is no key id");
    if (!ids.insert(id).second) return members.wrong(member, "names a key twice");
  }
  return {};
}

Result<model::SignerRole> take_role(const json::Value& value) {
  const Members members(value, "read role");
  model::SignerRole role;
  role.threshold = static_cast<std::uint32_t>(TRY(members.number("threshold", 1, Limits::keys)));
  TRY(take_ids(members, "keys", Limits::keys, role.keys));
  return role;
}

}  // namespace

Result<void> check(const model::KeysDocument& document) {
  if (document.version == 0 || document.version > max_version)
    return broken("version is not from 1 to 2^53 - 1");
  if (document.issued.ns < 0 || document.expires <= document.issued)
    return broken("it expires before it was issued");
  if (document.keys.size() > Limits::keys || document.artifacts.size() > Limits::roles ||
      document.revoked.size() > Limits::revoked)
    return broken("more keys, roles or revoked keys than are allowed");
  for (const auto& [id, key] : document.keys) {
    if (!is_id(id) || key.empty() || key.size() > max_key_bytes)
      return broken("'" + base::printable(id) + "' is no key id, or its key is empty or too long");
    if (document.revoked.contains(id)) return broken("a key is listed and revoked at once");
  }
  for (const std::string& id : document.revoked)
    if (!is_id(id)) return broken("a revoked key has no valid id");
  TRY(check_role(document, "root", document.root));
  for (const auto& [kind, role] : document.artifacts) {
    if (kind != "*" && !is_artifact_name(kind)) return broken("'" + base::printable(kind) + "' is no kind");
    TRY(check_role(document, kind, role));
  }
  return {};
}

std::string encode(const model::KeysDocument& document) {
  base::JsonWriter json;
  json.begin_object()
      .field("format", format)
      .field("version", document.version)
      .field("issued", base::to_iso8601(document.issued))
      .field("expires", base::to_iso8601(document.expires))
      .key("keys")
      .begin_object();
  for (const auto& [id, key] : document.keys) json.field(id, base::to_base64(key));
  json.end_object().key("root");
  put_role(json, document.root);
  json.key("artifacts").begin_object();
  for (const auto& [kind, role] : document.artifacts) {
    json.key(kind);
    put_role(json, role);
  }
  json.end_object().key("revoked").begin_array();
  for (const std::string& id : document.revoked) json.value(id);
  return json.end_array().end_object().take();
}

Result<model::KeysDocument> decode_keys(std::string_view text) {
  const auto root = TRY(parse_object(text, what));
  const Members members(root, what);
  if (TRY(members.text("format", max_word)) != format)
    return members.wrong("format", "is one that this version does not know");
  model::KeysDocument document;
  document.version = TRY(members.number("version", 1, max_version));
  document.issued = TRY(members.time("issued"));
  document.expires = TRY(members.time("expires"));
  const json::Value& keys = root["keys"];
  for (const auto& [id, key] : *TRY(members.object("keys", Limits::keys)))
    document.keys[id] = TRY(Members(keys, what).base64(id, max_key_bytes));
  document.root = TRY(take_role(root["root"]));
  for (const auto& [kind, role] : *TRY(members.object("artifacts", Limits::roles)))
    document.artifacts[kind] = TRY(take_role(role));
  TRY(take_ids(members, "revoked", Limits::revoked, document.revoked));
  TRY(check(document));
  return document;
}

}  // namespace selvedge::codec::artifact
