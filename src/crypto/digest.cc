#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "crypto/crypto.h"

namespace selvedge::crypto {

Digest sha256(base::BytesView bytes) {
  Digest digest;
  std::size_t size = digest.size();
  CHECK(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(),
                     &size) == 1);
  return digest;
}

bool equal_in_constant_time(base::BytesView a, base::BytesView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

// A machine without randomness must not make keys or tokens; there is nothing to fall back on.
void random(std::span<std::uint8_t> into) {
  CHECK(into.size() <= 1 << 20);
  CHECK(RAND_bytes(into.data(), static_cast<int>(into.size())) == 1);
}

}  // namespace selvedge::crypto
