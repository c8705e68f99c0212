#include "identity/renewal.h"

#include <algorithm>

namespace selvedge::identity {
namespace {

base::Duration life_of(const crypto::CertificateInfo& certificate) {
  // From when it was made: it says that it began clock_skew earlier.
  return std::max(certificate.not_after - certificate.not_before - crypto::clock_skew,
                  base::Duration(std::chrono::seconds(1)));
}

}  // namespace

base::Time renew_at(const crypto::CertificateInfo& certificate, double jitter) {
  const base::Duration life = life_of(certificate);
  const auto spread = static_cast<std::int64_t>(jitter * static_cast<double>(life.count() / 12));
  return certificate.not_after - life / 3 + base::Duration(spread);
}

RetryBounds retry_bounds(const crypto::CertificateInfo& certificate) {
  const base::Duration life = life_of(certificate);
  const base::Duration least = std::chrono::seconds(1);
  return {std::clamp(life / 100, least, base::Duration(std::chrono::minutes(1))),
          std::clamp(life / 16, least, base::Duration(std::chrono::hours(1)))};
}

std::string renewal_proof_text(std::string_view csr) {
  return "selvedge renewal 1\n" + std::string(csr);
}

}  // namespace selvedge::identity
