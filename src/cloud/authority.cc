#include "cloud/authority.h"

#include <algorithm>

#include "base/log.h"

namespace selvedge::cloud {
namespace {

using base::Code;
using base::Result;

constexpr std::uint64_t file_limit = 64 << 10;
constexpr base::Duration day = std::chrono::hours(24);
constexpr base::Duration authority_valid = 3650 * day;
constexpr base::Duration own_valid = 365 * day;
constexpr base::Duration renew_before = 30 * day;

// The file's text, or "" if it does not exist.
Result<std::string> read_optional(os::Dir& dir, std::string_view name) {
  const auto bytes = os::read_file(dir, name, file_limit);
  if (!bytes && bytes.error().code == Code::not_found) return std::string();
  if (!bytes) return std::unexpected(bytes.error());
  return std::string(base::as_text(*bytes));
}

Result<void> write_pair(os::Dir& dir, const std::string& name, std::string_view certificate,
                        std::string_view key) {
  // The key first: a certificate without its key would be taken for damage.
  TRY(os::write_file(dir, name + ".key", base::as_bytes(key), os::Open::create_private));
  return os::write_file(dir, name + ".crt", base::as_bytes(certificate));
}

bool covers(const crypto::CertificateInfo& info, const std::vector<std::string>& hosts) {
  return std::ranges::all_of(hosts, [&](const std::string& host) {
    return std::ranges::find(info.dns_names, host) != info.dns_names.end() ||
           std::ranges::find(info.addresses, host) != info.addresses.end();
  });
}

}  // namespace

Result<std::unique_ptr<Authority>> Authority::open(os::World& world, std::string_view state,
                                                   const std::vector<std::string>& hosts,
                                                   base::Duration operator_valid) {
  auto dir = TRY(world.directory(std::string(state) + "/identity", true));
  std::unique_ptr<Authority> made(new Authority(world));
  TRY(base::while_doing("certificate authority", made->load_or_make(*dir)));
  TRY(base::while_doing("cloud certificate", made->load_or_make_own(*dir, hosts)));
  TRY(base::while_doing("operator certificate", made->make_operator_once(*dir, operator_valid)));
  return made;
}

Result<void> Authority::load_or_make(os::Dir& dir) {
  authority_.certificate = TRY(read_optional(dir, "ca.crt"));
  authority_.key = TRY(read_optional(dir, "ca.key"));
  if (authority_.certificate.empty()) {
    // A key alone is a first start that was cut off: nothing can have been issued with it.
    authority_ = TRY(crypto::make_authority("Selvedge fleet", world_.loop().wall_now(),
                                            authority_valid));
    TRY(write_pair(dir, "ca", authority_.certificate, authority_.key));
    base::log::info("identity", "made the fleet's certificate authority", {{"in", dir.path()}});
  }
  if (authority_.key.empty())
    return base::fail(Code::corrupt, dir.path() + "/ca.crt is there but ca.key is not");
  TRY(crypto::check_pair(authority_.certificate, authority_.key));
  fingerprint_ = TRY(crypto::fingerprint(authority_.certificate));
  return {};
}

Result<void> Authority::load_or_make_own(os::Dir& dir, const std::vector<std::string>& hosts) {
  cloud_certificate_ = TRY(read_optional(dir, "cloud.crt"));
  cloud_key_ = TRY(read_optional(dir, "cloud.key"));
  const base::Time now = world_.loop().wall_now();
  if (!cloud_certificate_.empty() && !cloud_key_.empty() &&
      crypto::check_pair(cloud_certificate_, cloud_key_)) {
    const auto info = TRY(crypto::read_certificate(cloud_certificate_));
    if (covers(info, hosts) && info.not_after > now + renew_before) return {};
  }
  cloud_key_ = TRY(crypto::make_key());
  cloud_certificate_ = TRY(issue(TRY(crypto::make_csr(cloud_key_, "cloud")), crypto::Role::cloud,
                                 "cloud", hosts, own_valid));
  TRY(write_pair(dir, "cloud", cloud_certificate_, cloud_key_));
  base::log::info("identity", "made the cloud's certificate");
  return {};
}

Result<void> Authority::make_operator_once(os::Dir& dir, base::Duration valid) {
  if (!TRY(read_optional(dir, "operator.crt")).empty()) return {};
  const std::string key = TRY(crypto::make_key());
  const std::string certificate = TRY(issue(TRY(crypto::make_csr(key, "operator")),
                                            crypto::Role::operator_, "operator", {}, valid));
  TRY(write_pair(dir, "operator", certificate, key));
  base::log::info("identity", "made the first operator's certificate", {{"in", dir.path()}});
  return {};
}

Result<std::string> Authority::issue(std::string_view csr, crypto::Role role, std::string_view name,
                                     const std::vector<std::string>& hosts,
                                     base::Duration valid) const {
  crypto::CertificateRequest request;
  request.role = role;
  request.name = name;
  request.hosts = hosts;
  request.not_before = world_.loop().wall_now();
  request.valid = valid;
  return crypto::issue(authority_, csr, request);
}

}  // namespace selvedge::cloud
