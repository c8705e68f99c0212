// Private keys by URI: OSSL_STORE, which hands the URI to whichever provider knows its scheme.

#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "base/text.h"
#include "crypto/held_key.h"

namespace selvedge::crypto {
namespace {

using base::Code;
using base::fail;

using StorePtr = std::unique_ptr<OSSL_STORE_CTX, Free<OSSL_STORE_close>>;
using StoreInfoPtr = std::unique_ptr<OSSL_STORE_INFO, Free<OSSL_STORE_INFO_free>>;

constexpr std::string_view pkcs11 = "pkcs11:", store_prefix = "store:";
constexpr std::size_t max_uri_bytes = 4096;
constexpr int max_objects = 256;       // looked at behind one URI

// A PIN in a URI must not reach a log.
std::string shown(std::string_view uri) {
  return base::printable(uri.substr(0, uri.find("pin-value=")));
}

base::Result<StorePtr> open_store(const std::string& uri) {
  // A provider that OpenSSL's configuration names is loaded already; else one by the usual name is
  // tried once and stays loaded.
  if (uri.starts_with(pkcs11) && OSSL_PROVIDER_available(nullptr, "pkcs11") != 1) {
    static_cast<void>(OSSL_PROVIDER_try_load(nullptr, "pkcs11", 1));
  }
  // The null UI answers no question, so nothing waits for a PIN at a terminal.
  StorePtr store(OSSL_STORE_open(uri.c_str(), UI_null(), nullptr, nullptr, nullptr));
  if (store) return store;
  if (uri.starts_with(pkcs11) && OSSL_PROVIDER_available(nullptr, "pkcs11") != 1) {
    return fail(Code::unavailable,
                "read private key " + shown(uri) +
                    ": OpenSSL has no PKCS#11 provider; install one (pkcs11-provider) and name it in "
                    "the configuration file that OPENSSL_CONF points to");
  }
  return openssl_failed(Code::not_found, "read private key " + shown(uri));
}

}  // namespace

bool is_key_uri(std::string_view text) {
  return text.starts_with(pkcs11) || text.starts_with(store_prefix);
}

base::Result<KeyPtr> load_from_store(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text.size() > max_uri_bytes || text.find_first_of(std::string_view("\0\n", 2)) != text.npos)
    return fail(Code::invalid_input, "read private key: its URI is no single line of text");
  const std::string uri(text.starts_with(store_prefix) ? text.substr(store_prefix.size()) : text);
  const StorePtr store = TRY(open_store(uri));
  static_cast<void>(OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY));
  for (int i = 0; i < max_objects && OSSL_STORE_eof(store.get()) != 1; ++i) {
    const StoreInfoPtr info(OSSL_STORE_load(store.get()));
    if (!info) {
      if (OSSL_STORE_error(store.get()) == 1) break;
      continue;
    }
    if (OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
      return KeyPtr(OSSL_STORE_INFO_get1_PKEY(info.get()));
  }
  if (ERR_peek_last_error() != 0 && OSSL_STORE_error(store.get()) == 1)
    return openssl_failed(Code::not_found, "read private key " + shown(uri));
  return fail(Code::not_found, "read private key " + shown(uri) + ": no private key is there");
}

}  // namespace selvedge::crypto
