#include "identity/identity.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/private_key.h"

namespace selvedge::identity {

using base::Code;
using base::Result;

namespace {

constexpr std::uint64_t file_limit = 64 << 10;
constexpr std::uint64_t revoked_limit = 32 << 20;

Result<std::string> read_text(os::Dir& dir, std::string_view name) {
  const base::Bytes bytes = TRY(os::read_file(dir, name, file_limit));
  return std::string(base::as_text(bytes));
}

// "key = value" lines; small enough not to need a parser of its own.
std::string value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find(" = ");
    if (equals != std::string_view::npos && line.substr(0, equals) == key)
      return std::string(line.substr(equals + 3));
  }
  return {};
}

// Which files are the present ones.
struct Files {
  std::uint64_t number = 0;          // 0: of a version that had no numbers
  std::string key, certificate, authority;
};

Files files_of(std::uint64_t number) {
  const std::string at = number == 0 ? "" : "-" + std::to_string(number);
  return {number, "node" + at + ".key", "node" + at + ".crt", "ca" + at + ".crt"};
}

Files present_files(std::string_view joined) {
  const auto number = base::parse_int(value_of(joined, "files"));
  return files_of(number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0);
}

Result<std::unique_ptr<os::Dir>> open(os::World& world, std::string_view state) {
  return base::while_doing("identity", world.directory(std::string(state) + "/identity", true));
}

bool is_numbered(std::string_view file) {
  return (file.starts_with("node") && (file.ends_with(".key") || file.ends_with(".crt"))) ||
         (file.starts_with("ca") && file.ends_with(".crt"));
}

void remove_former(os::Dir& dir, const Files& present) {
  const auto names = dir.list();
  if (!names) return;
  for (const std::string& name : *names)
    if (is_numbered(name) && name != present.key && name != present.certificate &&
        name != present.authority)
      base::ignore(dir.remove(name), "the next save tries again");
}

}  // namespace

Result<std::optional<NodeIdentity>> load(os::World& world, std::string_view state) {
  auto dir = TRY(open(world, state));
  const auto joined = read_text(*dir, "joined");
  if (!joined && joined.error().code == Code::not_found) return std::nullopt;
  if (!joined) return std::unexpected(joined.error());
  const Files files = present_files(*joined);
  NodeIdentity identity;
  identity.cloud_mqtt = value_of(*joined, "mqtt");
  identity.cloud_url = value_of(*joined, "url");
  identity.key = value_of(*joined, "key");
  if (identity.key.empty()) {
    identity.key = TRY(base::while_doing("identity", read_text(*dir, files.key)));
    const auto is_private = dir->is_private(files.key);
    if (is_private && !*is_private)
      base::log::warn("identity", "others may read the node's private key: chmod 600",
                      {{"file", dir->path() + "/" + files.key}});
  }
  identity.certificate = TRY(base::while_doing("identity", read_text(*dir, files.certificate)));
  identity.authority = TRY(base::while_doing("identity", read_text(*dir, files.authority)));
  TRY(base::while_doing("identity", crypto::check_pair(identity.certificate, identity.key)));
  const auto info = TRY(crypto::read_certificate(identity.certificate));
  const auto role =
      TRY(base::while_doing("identity: " + files.certificate, crypto::role_of(info.uris)));
  if (role.role != crypto::Role::node)
    return base::fail(Code::corrupt,
                      "identity: " + files.certificate + " is not a node's certificate");
  identity.name = role.name;
  return identity;
}

Result<void> save(os::World& world, std::string_view state, const NodeIdentity& identity) {
  auto dir = TRY(open(world, state));
  const auto joined = read_text(*dir, "joined");
  if (!joined && joined.error().code != Code::not_found) return std::unexpected(joined.error());
  const Files next = files_of(joined ? present_files(*joined).number + 1 : 1);
  const bool held_elsewhere = crypto::is_key_uri(identity.key);
  if (!held_elsewhere)
    TRY(os::write_file(*dir, next.key, base::as_bytes(identity.key), os::Open::create_private));
  TRY(os::write_file(*dir, next.certificate, base::as_bytes(identity.certificate)));
  TRY(os::write_file(*dir, next.authority, base::as_bytes(identity.authority)));
  const std::string text = "mqtt = " + identity.cloud_mqtt + "\nurl = " + identity.cloud_url +
                           "\nfiles = " + std::to_string(next.number) + "\n" +
                           (held_elsewhere ? "key = " + identity.key + "\n" : "");
  TRY(os::write_file(*dir, "joined", base::as_bytes(text)));
  remove_former(*dir, next);
  return {};
}

Result<std::vector<std::string>> load_revoked(os::World& world, std::string_view state) {
  auto dir = TRY(open(world, state));
  std::vector<std::string> serials;
  const auto bytes = os::read_file(*dir, "revoked", revoked_limit);
  if (!bytes && bytes.error().code == Code::not_found) return serials;
  if (!bytes) return std::unexpected(bytes.error());
  std::string_view text = base::as_text(*bytes);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) serials.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return serials;
}

Result<void> save_revoked(os::World& world, std::string_view state,
                          const std::vector<std::string>& serials) {
  auto dir = TRY(open(world, state));
  std::string text;
  for (const std::string& serial : serials) text += serial + '\n';
  return os::write_file(*dir, "revoked", base::as_bytes(text));
}

Result<void> admit_cloud(const os::Peer& peer) {
  const auto role = crypto::role_of(peer.uris);
  if (role && role->role == crypto::Role::cloud) return {};
  return base::fail(Code::denied, "the certificate of " + base::printable(peer.common_name) +
                                      " is not the cloud's");
}

std::vector<std::string> certificate_hosts(std::vector<std::string> hosts,
                                           const std::vector<std::string>& addresses) {
  for (const std::string& at : addresses) {
    const auto endpoint = os::parse_endpoint(at);
    const bool any = !endpoint || endpoint->host.empty() || endpoint->host == "0.0.0.0" ||
                     endpoint->host == "::";
    if (!any && std::ranges::find(hosts, endpoint->host) == hosts.end())
      hosts.push_back(endpoint->host);
  }
  return hosts;
}

}  // namespace selvedge::identity
