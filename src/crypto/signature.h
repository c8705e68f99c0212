// Signatures over bytes: Ed25519 (RFC 8032), ECDSA P-256 with SHA-256, and RSA-PSS with SHA-256.
//
// RSA-PSS (RFC 8017) is SHA-256, MGF1 with SHA-256, and on signing the longest salt that the key
// allows. A verifier takes any salt length that the encoding itself says: signers differ (the
// longest, or that of the digest), and the length says nothing about who signed. ECDSA signatures
// are DER; both (r, s) and (r, n - s) verify, so a signature is not a unique name of what it signs.
//
// What a remote is told is one bit. Why a check failed is in `for_log` and belongs into the log
// only. Everything a verifier touches is public, so its time reveals nothing that is secret.
// Pure; any thread. Ed25519 verifies in about 0.1 ms, RSA-3072 quicker.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/private_key.h"

namespace selvedge::crypto {

// The longest signature there is: RSA of 8192 bits.
inline constexpr std::size_t max_signature_bytes = 1024;

base::Result<base::Bytes> sign(const PrivateKey& key, base::BytesView data);

// Whether a check passed. The reason is for this side's log, never for the other side.
struct Checked {
  bool passed = false;
  std::string for_log;

  explicit operator bool() const { return passed; }
};

// `signer`: PEM of a public key or of a certificate (whose chain and dates are not looked at). RSA
// of 2048 to 8192 bits, P-256 and Ed25519.
Checked verify_signature(std::string_view signer, base::BytesView data, base::BytesView signature);

// The certificate was issued by one of the CA certificates in `authority` (PEM, one or several, so
// that an old and a new CA overlap), itself or over further certificates that follow it in
// `certificate`; all are valid at `now`, and none is weak (RSA below 2048 bits, SHA-1). The first
// certificate must be no CA and fit for a TLS client. Revocation is not asked about here.
Checked verify_device_certificate(std::string_view certificate, std::string_view authority,
                                  base::Time now);

// A public key that can be compared: its one DER form, by which it is named.
struct PublicKey {
  KeyKind kind{};
  unsigned bits = 0;
  base::Bytes der;                     // SubjectPublicKeyInfo

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};
// From PEM (public key or certificate) in any encoding; the result is in the one form.
base::Result<PublicKey> read_public_key(std::string_view pem);
// Only the one form is taken: another encoding of the same key (a compressed point, RSA under the
// PSS-only identifier, an exponent other than 65537) would be a second name for it.
base::Result<PublicKey> parse_public_key(base::BytesView der);
// SHA-256 of the DER, lower-case hex, 64 characters.
std::string key_id(const PublicKey& key);
std::string to_pem(const PublicKey& key);
Checked verify_signature(const PublicKey& key, base::BytesView data, base::BytesView signature);

}  // namespace selvedge::crypto
