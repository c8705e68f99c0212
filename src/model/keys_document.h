// KeysDocument: who may sign what. Signed by root keys; each version names the next one's signers.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

namespace selvedge::model {

// A key's id is the SHA-256 of its SubjectPublicKeyInfo, in hex.
struct SignerRole {
  std::set<std::string> keys;              // ids
  std::uint32_t threshold = 1;             // distinct keys that must have signed

  friend bool operator==(const SignerRole&, const SignerRole&) = default;
};

struct KeysDocumentLimits {
  static constexpr std::uint32_t keys = 64, roles = 64, revoked = 1024;
};

struct KeysDocument {
  std::uint64_t version = 0;               // 1, 2, 3, ...: none is left out
  base::Time issued{}, expires{};
  std::map<std::string, base::Bytes> keys; // id -> SubjectPublicKeyInfo, DER
  SignerRole root;                         // who signs the next version
  std::map<std::string, SignerRole> artifacts;   // kind, or "*": any kind that has no role itself
  std::set<std::string> revoked;           // ids; grows from version to version, never shrinks
};

}  // namespace selvedge::model
