#include <optional>

#include "base/text.h"
#include "crypto/crypto.h"

namespace selvedge::crypto {
namespace {

constexpr std::string_view uri_prefix = "urn:selvedge:";
constexpr Role roles[] = {Role::cloud, Role::node, Role::device, Role::operator_};

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

base::Result<RoleName> parse_role_uri(std::string_view uri) {
  const std::string_view rest = uri.substr(uri_prefix.size());
  for (const Role role : roles) {
    const std::string_view word = name(role);
    if (rest.size() <= word.size() || !rest.starts_with(word) || rest[word.size()] != ':') continue;
    const std::string_view who = rest.substr(word.size() + 1);
    if (!is_name(who)) break;
    return RoleName{role, std::string(who)};
  }
  return base::fail(base::Code::denied, "read role: \"" + base::printable(uri) +
                                            "\" is not urn:selvedge:<role>:<name>");
}

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::cloud:
      return "cloud";
    case Role::node:
      return "node";
    case Role::device:
      return "device";
    case Role::operator_:
      return "operator";
  }
  return "device";
}

std::string role_uri(Role role, std::string_view who) {
  std::string uri(uri_prefix);
  uri += name(role);
  uri += ':';
  uri += who;
  return uri;
}

base::Result<RoleName> role_of(std::span<const std::string> uris) {
  std::optional<RoleName> found;
  for (const std::string& uri : uris) {
    if (!uri.starts_with(uri_prefix)) continue;
    RoleName parsed = TRY(parse_role_uri(uri));
    if (found) {
      return base::fail(base::Code::denied, "read role: the certificate names more than one role");
    }
    found = std::move(parsed);
  }
  if (!found) return base::fail(base::Code::denied, "read role: the certificate names no role");
  return *std::move(found);
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.front() == '-') return false;
  for (const char c : text) {
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

}  // namespace selvedge::crypto
