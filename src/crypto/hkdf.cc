#include "crypto/hkdf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace selvedge::crypto {

Digest hmac_sha256(base::BytesView key, base::BytesView data) {
  static constexpr std::uint8_t empty = 0;     // a null key would mean something else to OpenSSL
  CHECK(key.size() <= 1 << 20);
  Digest digest;
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key.empty() ? &empty : key.data(), static_cast<int>(key.size()),
             data.data(), data.size(), digest.data(), &size) != nullptr);
  return digest;
}

Digest hkdf_extract(base::BytesView salt, base::BytesView input_key) {
  return hmac_sha256(salt, input_key);
}

void hkdf_expand(base::BytesView pseudorandom_key, base::BytesView info,
                 std::span<std::uint8_t> out) {
  CHECK(out.size() <= 255 * std::tuple_size_v<Digest>);
  Digest block{};
  base::Bytes input;
  std::uint8_t count = 0;
  while (!out.empty()) {
    input.clear();
    if (count > 0) base::append(input, block);
    base::append(input, info);
    input.push_back(++count);
    block = hmac_sha256(pseudorandom_key, input);
    const std::size_t part = std::min(out.size(), block.size());
    std::copy_n(block.begin(), part, out.begin());
    out = out.subspan(part);
  }
  OPENSSL_cleanse(block.data(), block.size());
  OPENSSL_cleanse(input.data(), input.size());
}

}  // namespace selvedge::crypto
