// Certificates, keys and requests from outside. A DER body is wrapped in PEM here, so that the
// search need not find out base64 by itself; the first byte chooses.

#include "base/text.h"
#include "crypto/crypto.h"

namespace {

using namespace std::chrono_literals;
namespace base = selvedge::base;
namespace crypto = selvedge::crypto;

std::string wrap(std::string_view label, base::BytesView der) {
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
  const std::string text = base::to_base64(der);
  for (std::size_t at = 0; at < text.size(); at += 64) pem += text.substr(at, 64) + "\n";
  return pem + "-----END " + std::string(label) + "-----\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::Authority authority =
      crypto::make_authority("CA", base::Time{1'700'000'000'000'000'000}, 24h * 3650).value();
  if (size == 0) return 0;
  const base::BytesView body(data + 1, size - 1);
  const bool raw = (data[0] & 1) != 0;
  const std::string text(base::as_text(body));
  const std::string certificate = raw ? text : wrap("CERTIFICATE", body);
  const std::string csr = raw ? text : wrap("CERTIFICATE REQUEST", body);
  const std::string key = raw ? text : wrap("PRIVATE KEY", body);
  const auto info = crypto::read_certificate(certificate);
  if (info) base::ignore(crypto::role_of(info->uris), "any answer will do");
  base::ignore(crypto::fingerprint(certificate), "any answer will do");
  base::ignore(crypto::check_pair(authority.certificate, key), "any answer will do");
  base::ignore(crypto::issue(authority, csr,
                             {.role = crypto::Role::node,
                              .name = "n",
                              .hosts = {},
                              .not_before = {1'700'000'000'000'000'000},
                              .valid = 24h}),
               "any answer will do");
  return 0;
}
