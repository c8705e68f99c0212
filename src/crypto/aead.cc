#include "crypto/aead.h"

#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace selvedge::crypto {
namespace {

using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;

constexpr std::size_t max_bytes = 1 << 30;     // OpenSSL counts in int

CipherPtr start(const AeadKey& key, const AeadNonce& nonce, base::BytesView associated, bool sealing) {
  CHECK(associated.size() <= max_bytes);
  CipherPtr cipher(EVP_CIPHER_CTX_new());
  int done = 0;
  CHECK(cipher && EVP_CipherInit_ex(cipher.get(), EVP_chacha20_poly1305(), nullptr, key.data(),
                                    nonce.data(), sealing ? 1 : 0) == 1);
  if (!associated.empty())
    CHECK(EVP_CipherUpdate(cipher.get(), nullptr, &done, associated.data(),
                           static_cast<int>(associated.size())) == 1);
  return cipher;
}

// Encrypts or decrypts `in` to the same number of bytes at `out`.
void run(EVP_CIPHER_CTX* cipher, base::BytesView in, std::uint8_t* out) {
  int done = 0;
  if (!in.empty())
    CHECK(EVP_CipherUpdate(cipher, out, &done, in.data(), static_cast<int>(in.size())) == 1);
}

AeadNonce chunk_nonce(std::uint64_t index, Position position) {
  AeadNonce nonce{};
  for (unsigned i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::uint8_t>(index >> (8 * i));
  nonce[11] = position == Position::last ? 1 : 0;
  return nonce;
}

}  // namespace

void aead_seal(const AeadKey& key, const AeadNonce& nonce, base::BytesView associated,
               base::BytesView plain, base::Bytes& out) {
  CHECK(plain.size() <= max_bytes);
  const CipherPtr cipher = start(key, nonce, associated, true);
  const std::size_t at = out.size();
  out.resize(at + plain.size() + aead_tag_bytes);
  run(cipher.get(), plain, out.data() + at);
  int done = 0;
  CHECK(EVP_CipherFinal_ex(cipher.get(), nullptr, &done) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, aead_tag_bytes,
                            out.data() + at + plain.size()) == 1);
}

base::Result<void> aead_open(const AeadKey& key, const AeadNonce& nonce, base::BytesView associated,
                             base::BytesView sealed, base::Bytes& out) {
  constexpr std::string_view refused = "open sealed bytes: they were changed, or the key is another";
  if (sealed.size() < aead_tag_bytes || sealed.size() > max_bytes)
    return base::fail(base::Code::denied, std::string(refused));
  const ErrorScope scope;
  const CipherPtr cipher = start(key, nonce, associated, false);
  const base::BytesView text = sealed.first(sealed.size() - aead_tag_bytes);
  std::array<std::uint8_t, aead_tag_bytes> tag;
  std::ranges::copy(sealed.last(aead_tag_bytes), tag.begin());
  const std::size_t at = out.size();
  out.resize(at + text.size());
  run(cipher.get(), text, out.data() + at);
  int done = 0;
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, aead_tag_bytes, tag.data()) == 1);
  if (EVP_CipherFinal_ex(cipher.get(), nullptr, &done) == 1) return {};
  // What was decrypted is nobody's to see.
  OPENSSL_cleanse(out.data() + at, text.size());
  out.resize(at);
  return base::fail(base::Code::denied, std::string(refused));
}

AeadKey make_aead_key() {
  AeadKey key;
  random(key);
  return key;
}

void seal_chunk(const AeadKey& key, std::uint64_t index, Position position, base::BytesView plain,
                base::Bytes& out) {
  aead_seal(key, chunk_nonce(index, position), {}, plain, out);
}

base::Result<void> open_chunk(const AeadKey& key, std::uint64_t index, Position position,
                              base::BytesView sealed, base::Bytes& out) {
  return aead_open(key, chunk_nonce(index, position), {}, sealed, out);
}

}  // namespace selvedge::crypto
