#include "os/fake/pem_identity.h"


#include "crypto/crypto.h"

namespace selvedge::os::fake {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN";
constexpr std::string_view end_mark = "-----END CERTIFICATE-----";
constexpr std::int64_t second = 1'000'000'000;

}  // namespace

bool is_pem(std::string_view text) { return text.starts_with(begin_mark); }

base::Result<Certificate> read_pem(std::string_view certificate, std::string_view key) {
  constexpr std::string_view step = "set up TLS";
  const auto info = TRY(base::while_doing(step, crypto::read_certificate(certificate)));
  if (!key.empty()) TRY(base::while_doing(step, crypto::check_pair(certificate, key)));
  Certificate read;
  read.common_name = info.common_name;
  read.uris = info.uris;
  read.dns = info.dns_names;
  read.dns.insert(read.dns.end(), info.addresses.begin(), info.addresses.end());
  read.ca = info.issuer;
  read.serial = info.serial;
  read.not_before = info.not_before.ns / second;
  read.not_after = info.not_after.ns / second;
  return read;
}

base::Result<std::string> take_pem_authority(std::string_view& text) {
  const std::size_t mark = text.find(end_mark);
  const std::size_t end = mark == std::string_view::npos ? text.size() : mark + end_mark.size();
  const auto info =
      TRY(base::while_doing("set up TLS: trusted", crypto::read_certificate(text.substr(0, end))));
  text.remove_prefix(end);
  return info.common_name;
}

}  // namespace selvedge::os::fake
