#include <chrono>

#include "crypto/crypto.h"
#include "os/world.h"
#include "parts.h"

namespace selvedge::bench {

using base::Result;
using namespace std::chrono_literals;

Result<void> write_keys(const std::string& folder) {
  auto world = TRY(os::RealWorld::create());
  auto dir = TRY(world->directory(folder, true));
  const base::Time now = world->loop().wall_now();
  const crypto::Authority authority = TRY(crypto::make_authority("bench", now, 24h));
  TRY(os::write_file(*dir, "ca.crt", base::as_bytes(authority.certificate)));
  const auto write = [&](crypto::Role role, const std::string& name,
                         std::vector<std::string> hosts) -> Result<void> {
    const std::string key = TRY(crypto::make_key());
    crypto::CertificateRequest request;
    request.role = role;
    request.name = name;
    request.hosts = std::move(hosts);
    request.not_before = now;
    request.valid = 12h;
    const std::string certificate =
        TRY(crypto::issue(authority, TRY(crypto::make_csr(key, name)), request));
    TRY(os::write_file(*dir, name + ".key", base::as_bytes(key), os::Open::create_private));
    return os::write_file(*dir, name + ".crt", base::as_bytes(certificate));
  };
  TRY(write(crypto::Role::cloud, "server", {"127.0.0.1"}));
  return write(crypto::Role::node, "client", {});
}

Result<os::TlsConfig> read_keys(const std::string& folder, Side side) {
  auto world = TRY(os::RealWorld::create());
  auto dir = TRY(world->directory(folder, false));
  const auto read = [&](const std::string& name) -> Result<std::string> {
    return std::string(base::as_text(TRY(os::read_file(*dir, name, 64 << 10))));
  };
  const std::string name = side == Side::server ? "server" : "client";
  os::TlsConfig config;
  config.certificate = TRY(read(name + ".crt"));
  config.key = TRY(read(name + ".key"));
  config.trusted = TRY(read("ca.crt"));
  config.tls13_only = true;
  return config;
}

}  // namespace selvedge::bench
