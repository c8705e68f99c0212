// When a certificate is renewed: at two thirds of its life, and up to a twelfth of it later, so that
// a fleet that joined in one morning does not come back in one minute. Pure.

#pragma once

#include "base/time.h"
#include "crypto/crypto.h"

namespace selvedge::identity {

// `jitter` in [0, 1).
base::Time renew_at(const crypto::CertificateInfo& certificate, double jitter);

// How long to wait after a try that failed: doubles from a hundredth of the life (at most a minute)
// to a sixteenth of it (at most an hour), so that several tries fit into the last third.
struct RetryBounds {
  base::Duration first{}, most{};
};
RetryBounds retry_bounds(const crypto::CertificateInfo& certificate);

// What the holder of an old key signs, so that its certificate's successor is given to nobody else:
// this and the request for the new key.
std::string renewal_proof_text(std::string_view csr);

}  // namespace selvedge::identity
