// Crypto: keys, certificates, digests and passwords, on OpenSSL 3 inside the .cc files.
//
// Everything is PEM or bytes in, PEM or bytes out; no OpenSSL type leaves the module. Functions are
// pure but for randomness and may run on any thread; make_key and hash_password take milliseconds
// and belong on the pool.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace selvedge::crypto {

using Digest = std::array<std::uint8_t, 32>;
Digest sha256(base::BytesView bytes);
bool equal_in_constant_time(base::BytesView a, base::BytesView b);
void random(std::span<std::uint8_t> into);

// A new ECDSA P-256 private key, PKCS#8 PEM.
base::Result<std::string> make_key();

// What a certificate is for; stands in it as a URI "urn:selvedge:<role>:<name>".
enum class Role : std::uint8_t { cloud, node, device, operator_ };
std::string_view name(Role role);
std::string role_uri(Role role, std::string_view name);

struct RoleName {
  Role role{};
  std::string name;
};
// The role and name in a certificate's URIs; error if there is none or more than one.
base::Result<RoleName> role_of(std::span<const std::string> uris);

// A node or device name: 1 to 64 of [A-Za-z0-9._-], not starting with '.' or '-'.
bool is_name(std::string_view name);

struct CertificateInfo {
  std::string common_name, issuer, serial;   // issuer: its common name; serial: lower-case hex
  std::vector<std::string> uris, dns_names, addresses;
  base::Time not_before{}, not_after{};
  bool is_ca = false;
  std::string fingerprint;                   // SHA-256 of the DER, hex
};
// The first certificate of `pem`. Names with a NUL inside are refused.
base::Result<CertificateInfo> read_certificate(std::string_view pem);

// Every certificate made here says that it began this much before it was asked to, because the
// clocks of those who check it may be behind.
inline constexpr base::Duration clock_skew = std::chrono::minutes(5);

// A certificate authority: its own self-signed certificate and key. It signs leaves only.
struct Authority {
  std::string certificate, key;              // PEM
};
base::Result<Authority> make_authority(std::string_view common_name, base::Time now,
                                       base::Duration valid);
// The certificate alone, for a key that is there (PEM, or a URI that names it).
base::Result<std::string> certify_authority(std::string_view private_key,
                                            std::string_view common_name, base::Time now,
                                            base::Duration valid);

struct CertificateRequest {
  Role role{};
  std::string name;                          // becomes CN and role URI
  std::vector<std::string> hosts;            // DNS names and addresses, for servers
  base::Time not_before{};                   // the certificate says clock_skew earlier
  base::Duration valid{};                    // from not_before; cut at the authority's own end
};
// A certificate for the public key of `csr` (PKCS#10 PEM), whose own subject is ignored: the
// authority decides what it certifies. serverAuth and clientAuth. Code::invalid_input if the csr
// is not signed by its own key or the key is weak (RSA below 2048 bits, EC but for P-256, P-384 and
// P-521).
base::Result<std::string> issue(const Authority& authority, std::string_view csr,
                                const CertificateRequest& request);
base::Result<std::string> make_csr(std::string_view key, std::string_view common_name);
// The certificate matches the key.
base::Result<void> check_pair(std::string_view certificate, std::string_view key);
// SHA-256 of the first certificate's DER, to pin a CA by.
base::Result<Digest> fingerprint(std::string_view certificate);

// Passwords: scrypt (RFC 7914) N=2^14 r=8 p=1 with a random salt, as "scrypt$...". 16 MiB, ~50 ms.
base::Result<std::string> hash_password(std::string_view password);
// False: another password. Error: `hash` is malformed, or asks for more than 64 MiB.
base::Result<bool> check_password(std::string_view password, std::string_view hash);

// One-time join tokens: "<id>.<secret>.<CA fingerprint>", so that a node needs to know nothing else
// to trust the cloud it talks to. The cloud keeps only the digest of the secret.
struct JoinToken {
  std::string id, secret;
  Digest authority{};
};
JoinToken make_join_token(const Digest& authority);
std::string to_text(const JoinToken& token);
base::Result<JoinToken> parse_join_token(std::string_view text);
std::string secret_digest(std::string_view secret);   // hex

}  // namespace selvedge::crypto
