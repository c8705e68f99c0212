#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "crypto/crypto.h"
#include "crypto/hasher.h"

namespace selvedge::crypto {

Digest sha256(base::BytesView bytes) {
  Digest digest;
  std::size_t size = digest.size();
  CHECK(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(),
                     &size) == 1);
  return digest;
}

struct Hasher::State {
  State() : context(EVP_MD_CTX_new()) { begin(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  void begin() { CHECK(EVP_DigestInit_ex2(context, EVP_sha256(), nullptr) == 1); }

  EVP_MD_CTX* context;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;

Hasher::Hasher(const Hasher& other) : Hasher() { *this = other; }
Hasher& Hasher::operator=(const Hasher& other) {
  if (this != &other)
    CHECK(EVP_MD_CTX_copy_ex(state_->context, other.state_->context) == 1);
  return *this;
}

void Hasher::add(base::BytesView bytes) {
  CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
  Digest digest;
  CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1);
  state_->begin();
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
