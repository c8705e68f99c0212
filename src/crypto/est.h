// Est: the bytes that EST (RFC 7030, RFC 8951) and renewal speak: certificates without content
// (PKCS#7 "certs-only"), requests as they come from other tools, and the proof that one holds a key.
//
// Pure; any thread. Everything from outside is bounded by max_request_bytes and max_certificates.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"

namespace selvedge::crypto {

inline constexpr std::size_t max_request_bytes = 32 << 10;
inline constexpr std::size_t max_certificates = 16;

// DER of a SignedData that carries the certificates of `pem` and is signed by nobody
// (RFC 5652 section 5.2, the "degenerate case").
base::Result<base::Bytes> certificates_only(std::string_view pem);
// The certificates in one, as PEM, in its order.
base::Result<std::string> read_certificates_only(base::BytesView der);
// One PEM text for each certificate in `bundle`.
base::Result<std::vector<std::string>> split_certificates(std::string_view bundle);

// DER of what a request should have (RFC 7030 section 4.5.2): an EC key on P-256, signed with
// ECDSA and SHA-256.
base::Bytes request_attributes();

// A certificate request as PEM, from what a client posted: base64 of DER with or without line
// breaks (RFC 8951 section 3), PEM, or plain DER.
base::Result<std::string> read_posted_request(std::string_view body);

struct RequestInfo {
  std::string common_name;                 // "" if it names none
  std::vector<std::string> dns_names, addresses, uris;   // that it asks for
};
base::Result<RequestInfo> read_request(std::string_view csr);

// Signs `data` with the key (SHA-256, or as Ed25519 has it), and checks it with the key in
// `certificate`: Code::denied if it was signed by another key or over other data.
base::Result<base::Bytes> prove_key(std::string_view key, base::BytesView data);
base::Result<void> check_proof(std::string_view certificate, base::BytesView data,
                               base::BytesView proof);

// `certificate` was signed by one of the authorities in `bundle`; which one, as an index. Times are
// not looked at: it may have run out. Code::denied if none did.
base::Result<std::size_t> issuer_of(std::string_view certificate, std::string_view bundle);

}  // namespace selvedge::crypto
