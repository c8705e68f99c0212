#include "os/fake/tls.h"

#include <algorithm>
#include <charconv>

#include "os/fake/pem_identity.h"

namespace selvedge::os::fake {
namespace {

std::string_view next_part(std::string_view& text, std::string_view separators) {
  const std::size_t end = std::min(text.find_first_of(separators), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool parse_number(std::string_view text, std::int64_t& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stopped == end;
}

}  // namespace

std::string Certificate::text() const {
  std::string out = "fake:CN=" + common_name;
  for (const std::string& uri : uris) out += ";uri=" + uri;
  for (const std::string& name : dns) out += ";dns=" + name;
  out += ";ca=" + ca + ";serial=" + serial;
  if (not_before != 0) out += ";not_before=" + std::to_string(not_before);
  out += ";not_after=" + std::to_string(not_after);
  return out;
}

base::Result<Certificate> Certificate::parse(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return base::fail(base::Code::invalid_input, "read fake certificate: " + std::string(why));
  };
  if (!text.starts_with("fake:")) return bad("it does not begin with fake:");
  text.remove_prefix(5);
  Certificate certificate{.common_name = {}, .uris = {}, .dns = {}, .ca = {}, .serial = {}};
  while (!text.empty()) {
    std::string_view value = next_part(text, ";\n");
    const std::string_view field = next_part(value, "=");
    if (field == "CN") certificate.common_name = value;
    else if (field == "uri") certificate.uris.emplace_back(value);
    else if (field == "dns") certificate.dns.emplace_back(value);
    else if (field == "ca") certificate.ca = value;
    else if (field == "serial") certificate.serial = value;
    else if (field == "not_before" && parse_number(value, certificate.not_before)) continue;
    else if (field == "not_after" && parse_number(value, certificate.not_after)) continue;
    else if (!field.empty()) return bad("field '" + std::string(field) + "'");
  }
  if (certificate.common_name.empty()) return bad("no CN");
  if (certificate.ca.empty()) return bad("no ca");
  return certificate;
}

TlsConfig tls_config(const Certificate& own, std::string_view trusted_ca) {
  TlsConfig config = tls_config_without_certificate(trusted_ca);
  config.certificate = own.text();
  config.key = "fake-key:" + own.serial;
  return config;
}

TlsConfig tls_config_without_certificate(std::string_view trusted_ca) {
  TlsConfig config;
  config.trusted = "fake-ca:" + std::string(trusted_ca);
  return config;
}

base::Result<std::shared_ptr<const Identity>> Identity::parse(const TlsConfig& config) {
  auto identity = std::make_shared<Identity>();
  identity->config = config;
  if (!config.certificate.empty()) {
    identity->own = is_pem(config.certificate) ? TRY(read_pem(config.certificate, config.key))
                                               : TRY(Certificate::parse(config.certificate));
    if (config.key.starts_with("fake-key:") && config.key.substr(9) != identity->own->serial)
      return base::fail(base::Code::invalid_input,
                        "set up TLS: the key does not fit the certificate");
  }
  std::string_view trusted = config.trusted;
  while (!trusted.empty()) {
    if (is_pem(trusted)) {
      identity->trusted.push_back(TRY(take_pem_authority(trusted)));
      continue;
    }
    const std::string_view part = next_part(trusted, " \n;");
    if (part.empty()) continue;
    if (!part.starts_with("fake-ca:"))
      return base::fail(base::Code::invalid_input, "set up TLS: trusted is not fake-ca:<name>");
    identity->trusted.emplace_back(part.substr(8));
  }
  return identity;
}

base::Result<void> FakeTls::replace(const TlsConfig& config) {
  identity_ = TRY(Identity::parse(config));
  return {};
}

bool has_name(const Certificate& certificate, std::string_view name) {
  return certificate.common_name == name || std::ranges::count(certificate.dns, name) > 0;
}

base::Result<void> verify(const Identity& self, const std::optional<Certificate>& other,
                          base::Time wall, Peer& peer) {
  using Wanted = TlsConfig::PeerCertificate;
  const auto refuse = [](const std::string& why) {
    return base::fail(base::Code::denied, "TLS handshake: " + why);
  };
  peer.encrypted = true;
  if (self.config.peer == Wanted::none) return {};
  if (!other) {
    if (self.config.peer == Wanted::optional) return {};
    return refuse("the peer showed no certificate");
  }
  const std::string who = "certificate of " + other->common_name;
  if (std::ranges::count(self.trusted, other->ca) == 0)
    return refuse(who + ": not from a trusted CA but " + other->ca);
  const std::int64_t seconds = wall.ns / 1'000'000'000;
  if (other->not_after != 0 && seconds >= other->not_after) return refuse(who + ": expired");
  if (seconds < other->not_before) return refuse(who + ": not yet valid");
  peer.common_name = other->common_name;
  peer.uris = other->uris;
  peer.serial = other->serial;
  peer.not_after = other->not_after;
  if (self.config.admit) TRY(self.config.admit(peer));
  return {};
}

}  // namespace selvedge::os::fake
