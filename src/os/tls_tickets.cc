#include "os/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace selvedge::os {
namespace {

constexpr std::int64_t span_seconds = 12 * 3600;

std::array<std::uint8_t, 32> derive(const std::array<std::uint8_t, 32>& secret, std::string_view use,
                                    std::int64_t span) {
  const std::string text = std::string(use) + ' ' + std::to_string(span);
  std::array<std::uint8_t, 32> out{};
  unsigned size = static_cast<unsigned>(out.size());
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return out;
}

int place_in_context() {
  static const int place =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

}  // namespace

TlsTickets::TlsTickets(std::string_view private_key) : secret_{} {
  constexpr std::string_view use = "selvedge session tickets";
  unsigned size = static_cast<unsigned>(secret_.size());
  HMAC(EVP_sha256(), use.data(), static_cast<int>(use.size()),
       reinterpret_cast<const unsigned char*>(private_key.data()), private_key.size(), secret_.data(),
       &size);
}

void TlsTickets::serve(ssl_ctx_st* context) {
  SSL_CTX_set_ex_data(context, place_in_context(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TlsTickets::use);
}

TlsTickets::Key TlsTickets::key(std::int64_t span) const {
  Key key{};
  const auto name = derive(secret_, "name", span);
  std::copy_n(name.begin(), key.name.size(), key.name.begin());
  key.cipher = derive(secret_, "cipher", span);
  key.mac = derive(secret_, "mac", span);
  return key;
}

// As SSL_CTX_set_tlsext_ticket_key_evp_cb wants it: 1 this key, 2 this key and give out a new
// ticket, 0 no key of ours (a full handshake follows), -1 an error.
int TlsTickets::use(ssl_st* ssl, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher,
                    evp_mac_ctx_st* mac, int sealing) {
  const auto* const self = static_cast<const TlsTickets*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place_in_context()));
  const std::int64_t now = static_cast<std::int64_t>(std::time(nullptr)) / span_seconds;
  const EVP_CIPHER* const kind = EVP_aes_256_cbc();
  Key key = self->key(now);
  // Whoever comes with a ticket gets the next one: in TLS 1.3 each is for one use.
  const int answer = sealing == 1 ? 1 : 2;
  if (sealing == 1) {
    std::copy(key.name.begin(), key.name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(kind)) != 1) return -1;
  } else if (!std::equal(key.name.begin(), key.name.end(), name)) {
    // The span before; or the next, of a copy whose clock is a little ahead.
    key = self->key(now - 1);
    if (!std::equal(key.name.begin(), key.name.end(), name)) key = self->key(now + 1);
    if (!std::equal(key.name.begin(), key.name.end(), name)) return 0;
  }
  const int begun = sealing == 1
                        ? EVP_EncryptInit_ex(cipher, kind, nullptr, key.cipher.data(), iv)
                        : EVP_DecryptInit_ex(cipher, kind, nullptr, key.cipher.data(), iv);
  char digest[] = "SHA256";
  const OSSL_PARAM how[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const bool well = begun == 1 && EVP_MAC_CTX_set_params(mac, how) == 1;
  OPENSSL_cleanse(&key, sizeof key);
  return well ? answer : -1;
}

}  // namespace selvedge::os
