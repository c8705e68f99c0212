#include "audit/seal.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/signature.h"

namespace selvedge::audit {

using base::Code;
using base::Result;

namespace {

// "<signature> <certificate>", both base64. The first is filled up with spaces, for the lengths of
// signatures vary and a simulation is to write files of the same size each time.
constexpr char between = ' ';
constexpr std::size_t signature_room = 128;

Result<std::string> vouch(const Voucher& voucher, std::string_view text) {
  const crypto::PrivateKey key = TRY(crypto::load_private_key(voucher.key));
  const base::Bytes signature = TRY(crypto::sign(key, base::as_bytes(text)));
  std::string text_of_it = base::to_base64(signature);
  text_of_it.resize(std::max(text_of_it.size() + 1, signature_room), between);
  return text_of_it + base::to_base64(base::as_bytes(voucher.certificate));
}

}  // namespace

Result<void> check_voucher(std::string_view text, std::string_view signature,
                           std::string_view trusted, std::string_view role_uri) {
  const auto wrong = [](std::string why) { return base::fail(Code::denied, "signature: " + why); };
  if (signature.empty()) return wrong("there is none");
  const std::size_t gap = signature.find(between);
  if (gap == std::string_view::npos) return wrong("it brings no certificate");
  const auto bytes = base::from_base64(signature.substr(0, gap));
  const auto pem = base::from_base64(signature.substr(signature.rfind(between) + 1));
  if (!bytes || !pem) return wrong("it is not base64");
  const std::string_view certificate = base::as_text(*pem);
  const auto info = crypto::read_certificate(certificate);
  if (!info) return wrong(info.error().message);
  if (std::ranges::find(info->uris, role_uri) == info->uris.end())
    return wrong("it is by '" + info->common_name + "', not by " + std::string(role_uri));
  // As it was when it was new: a head may be read after the certificate was renewed.
  const auto chain = crypto::verify_device_certificate(certificate, trusted,
                                                       info->not_before + std::chrono::seconds(1));
  if (!chain) return wrong("its certificate is not of this fleet: " + chain.for_log);
  const auto fits = crypto::verify_signature(certificate, base::as_bytes(text), *bytes);
  if (!fits) return wrong("it does not fit: " + fits.for_log);
  return {};
}

store::AuditSeal seal_with(Voucher voucher) {
  store::AuditSeal seal;
  if (voucher.certificate.empty()) return seal;
  seal.sign = [voucher](std::string_view text) { return vouch(voucher, text); };
  seal.check = [voucher](std::string_view text, std::string_view signature) {
    return check_voucher(text, signature, voucher.trusted, voucher.role_uri);
  };
  return seal;
}

}  // namespace selvedge::audit
