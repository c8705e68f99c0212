#include "identity/identity.h"

#include <algorithm>

#include "crypto/crypto.h"

namespace selvedge::identity {
namespace {

constexpr std::uint64_t file_limit = 64 << 10;

base::Result<std::string> read_text(os::Dir& dir, std::string_view name) {
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

}  // namespace

base::Result<std::optional<NodeIdentity>> load(os::World& world, std::string_view state) {
  auto dir = world.directory(std::string(state) + "/identity", true);
  if (!dir) return std::unexpected(std::move(dir).error().while_doing("identity"));
  const auto joined = read_text(**dir, "joined");
  if (!joined && joined.error().code == base::Code::not_found) return std::nullopt;
  if (!joined) return std::unexpected(joined.error());
  NodeIdentity identity;
  identity.cloud_mqtt = value_of(*joined, "mqtt");
  identity.cloud_url = value_of(*joined, "url");
  identity.key = TRY(read_text(**dir, "node.key"));
  identity.certificate = TRY(read_text(**dir, "node.crt"));
  identity.authority = TRY(read_text(**dir, "ca.crt"));
  TRY(base::while_doing("identity", crypto::check_pair(identity.certificate, identity.key)));
  const auto info = TRY(crypto::read_certificate(identity.certificate));
  const auto role = TRY(base::while_doing("identity: node.crt", crypto::role_of(info.uris)));
  if (role.role != crypto::Role::node)
    return base::fail(base::Code::corrupt, "identity: node.crt is not a node's certificate");
  identity.name = role.name;
  return identity;
}

base::Result<void> save(os::World& world, std::string_view state,
                                 const NodeIdentity& identity) {
  auto dir = TRY(world.directory(std::string(state) + "/identity", true));
  TRY(os::write_file(*dir, "node.key", base::as_bytes(identity.key), os::Open::create_private));
  TRY(os::write_file(*dir, "node.crt", base::as_bytes(identity.certificate)));
  TRY(os::write_file(*dir, "ca.crt", base::as_bytes(identity.authority)));
  // Written last: it is what says that the rest is there.
  const std::string joined =
      "mqtt = " + identity.cloud_mqtt + "\nurl = " + identity.cloud_url + "\n";
  return os::write_file(*dir, "joined", base::as_bytes(joined));
}

}  // namespace selvedge::identity
