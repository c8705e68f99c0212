#include "credentials.h"

namespace selvedge::sim {
namespace {

constexpr base::Duration day = std::chrono::hours(24);
constexpr base::Duration valid = 800 * day;
constexpr std::size_t text_size = 2048;

// The lengths of keys and signatures vary by a few bytes; lines after the end do not matter.
std::string padded(std::string pem) {
  CHECK(pem.size() <= text_size);
  pem.resize(text_size, '\n');
  return pem;
}

std::string make_key() { return padded(crypto::make_key().value()); }

base::Result<void> write(os::Dir& dir, const std::string& name, const std::string& text) {
  return os::write_file(dir, name, base::as_bytes(text), os::Open::create_private);
}

}  // namespace

Credentials::Credentials(base::Time now)
    : from_(now - 400 * day),
      authority_(crypto::make_authority("Simulated fleet", from_, 2 * valid).value()),
      node_key_(make_key()), device_key_(make_key()), cloud_key_(make_key()) {
  authority_.certificate = padded(std::move(authority_.certificate));
  authority_.key = padded(std::move(authority_.key));
}

const Credentials& Credentials::since(base::Time now) {
  static std::map<base::Time, Credentials> all;
  auto at = all.find(now);
  if (at == all.end()) at = all.emplace(now, Credentials(now)).first;
  return at->second;
}

std::string Credentials::issue(crypto::Role role, const std::string& name,
                               const std::string& key) const {
  std::string& known = issued_[crypto::role_uri(role, name)];
  if (!known.empty()) return known;
  crypto::CertificateRequest request;
  request.role = role;
  request.name = name;
  request.hosts = {name};
  request.not_before = from_;
  request.valid = valid;
  const std::string csr = crypto::make_csr(key, name).value();
  known = padded(crypto::issue(authority_, csr, request).value());
  return known;
}

base::Result<void> Credentials::install_cloud(os::World& world, const std::string& state,
                                              const std::string& name) const {
  auto dir = TRY(world.directory(state + "/identity", true));
  TRY(write(*dir, "ca.key", authority_.key));
  TRY(write(*dir, "ca.crt", authority_.certificate));
  TRY(write(*dir, "cloud.key", cloud_key_));
  TRY(write(*dir, "cloud.crt", issue(crypto::Role::cloud, name, cloud_key_)));
  TRY(write(*dir, "operator.key", cloud_key_));
  return write(*dir, "operator.crt", issue(crypto::Role::operator_, "operator", cloud_key_));
}

base::Result<void> Credentials::install_node(os::World& world, const std::string& state,
                                             const std::string& name,
                                             const std::string& cloud) const {
  identity::NodeIdentity identity;
  identity.name = name;
  identity.key = node_key_;
  identity.certificate = issue(crypto::Role::node, name, node_key_);
  identity.authority = authority_.certificate;
  identity.cloud_mqtt = cloud;
  return identity::save(world, state, identity);
}

os::TlsConfig Credentials::device(const std::string& name) const {
  os::TlsConfig tls;
  tls.certificate = issue(crypto::Role::device, name, device_key_);
  tls.key = device_key_;
  tls.trusted = authority_.certificate;
  return tls;
}

}  // namespace selvedge::sim
