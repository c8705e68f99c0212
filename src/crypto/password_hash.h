// A stored password hash taken apart: "scrypt$<log2 N>$<r>$<p>$<salt>$<key>", salt and key in hex.
// Private to crypto/.
//
// The costs come from a file that may be damaged or made to hurt, so they are bounded before any
// memory is taken: 64 MiB and p <= 4 at most.

#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::crypto {

struct ScryptCost {
  std::uint32_t log2_n = 14, r = 8, p = 1;

  std::uint64_t memory_bytes() const { return (128ULL * r) << log2_n; }
};

struct PasswordHash {
  ScryptCost cost;
  base::Bytes salt, key;
};

base::Result<PasswordHash> parse_password_hash(std::string_view text);

}  // namespace selvedge::crypto
