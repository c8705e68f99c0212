#include "crypto/public_key.h"

#include <openssl/core_names.h>

namespace selvedge::crypto {
namespace {

std::unexpected<base::Error> refuse(std::string_view why) {
  std::string message = "check public key: ";
  message += why;
  return base::fail(base::Code::invalid_input, std::move(message));
}

base::Result<void> check_rsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits >= 2048 && bits <= 8192) return {};
  return refuse("RSA of " + std::to_string(bits) + " bits; 2048 to 8192 are taken");
}

// A curve given by its parameters instead of its name can be one with a known trapdoor
// (CVE-2020-0601), so a name is asked for even if the parameters look familiar.
base::Result<void> check_curve(EVP_PKEY* key) {
  int explicit_parameters = 0;
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                             &explicit_parameters) != 1 ||
      explicit_parameters != 0) {
    return refuse("its curve is given by parameters, not by name");
  }
  char name[64] = {};
  if (EVP_PKEY_get_group_name(key, name, sizeof name, nullptr) != 1) {
    return refuse("its curve has no name");
  }
  for (const int nid : {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1}) {
    if (std::string_view(name) == OBJ_nid2sn(nid)) return {};
  }
  return refuse("curve " + std::string(name) + "; P-256, P-384 and P-521 are taken");
}

}  // namespace

base::Result<void> check_public_key(EVP_PKEY* key) {
  if (key == nullptr) return refuse("it cannot be read");
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: {
      TRY(check_rsa(key));
      break;
    }
    case EVP_PKEY_EC: {
      TRY(check_curve(key));
      break;
    }
    case EVP_PKEY_ED25519:
      return {};
    default:
      return refuse("neither RSA, EC nor Ed25519");
  }
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_public_check_quick(context.get()) != 1) {
    return refuse("it is not a valid key of its kind");
  }
  return {};
}

const EVP_MD* signing_digest(const EVP_PKEY* key) {
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

}  // namespace selvedge::crypto
