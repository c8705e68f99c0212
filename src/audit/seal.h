// Seal: vouching for the head of an audit log with a certificate of the fleet.
//
// What is kept beside the head is the signature and the certificate it was made with, so that anyone
// who trusts the fleet's authorities can check it, long after that certificate was renewed.

#pragma once

#include <string>

#include "store/audit_record.h"

namespace selvedge::audit {

struct Voucher {
  std::string certificate, key;          // PEM; the key may be a URI (crypto/private_key.h)
  std::string trusted;                   // authorities whose certificates may vouch
  std::string role_uri;                  // of the certificate: "urn:selvedge:cloud:cloud"
};

// Signing may run on any thread. Without a certificate (a node that has not joined) heads are not
// signed, and unsigned ones are taken.
store::AuditSeal seal_with(Voucher voucher);

// Does `signature` vouch for `text`? Code::denied and why not.
base::Result<void> check_voucher(std::string_view text, std::string_view signature,
                                 std::string_view trusted, std::string_view role_uri);

}  // namespace selvedge::audit
