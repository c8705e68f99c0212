#include "engine/trust/signers.h"

#include "crypto/signature.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

Result<void> check_keys(const model::KeysDocument& document) {
  constexpr unsigned least_rsa_bits = 3072;
  for (const auto& [id, der] : document.keys) {
    const std::string step = "check key " + id.substr(0, 12);
    const auto key = TRY(base::while_doing(step, crypto::parse_public_key(der)));
    if (crypto::key_id(key) != id) return fail(Code::invalid_input, step + ": its id is another one's");
    if (key.kind == crypto::KeyKind::rsa_pss && key.bits < least_rsa_bits)
      return fail(Code::invalid_input, step + ": RSA of " + std::to_string(key.bits) +
                                           " bits; at least 3072 are asked for");
  }
  return {};
}

std::set<std::string> signers_of(const codec::artifact::Envelope& envelope,
                                 const model::KeysDocument& document,
                                 const model::SignerRole& role) {
  const base::Bytes signed_bytes =
      codec::artifact::pre_authentication(envelope.type, envelope.payload);
  std::set<std::string> signers;
  for (const auto& signature : envelope.signatures) {
    if (!role.keys.contains(signature.key_id) || signers.contains(signature.key_id)) continue;
    const auto at = document.keys.find(signature.key_id);
    if (at == document.keys.end() || document.revoked.contains(signature.key_id)) continue;
    const auto key = crypto::parse_public_key(at->second);
    if (key && crypto::verify_signature(*key, signed_bytes, signature.bytes))
      signers.insert(signature.key_id);
  }
  return signers;
}

Result<std::set<std::string>> require_signers(const codec::artifact::Envelope& envelope,
                                              const model::KeysDocument& document,
                                              const model::SignerRole& role, std::string_view step) {
  auto signers = signers_of(envelope, document, role);
  if (signers.size() >= role.threshold) return signers;
  return fail(Code::denied, std::string(step) + ": signed by " + std::to_string(signers.size()) +
                                " of the keys that may, " + std::to_string(role.threshold) +
                                " are needed");
}

}  // namespace selvedge::engine
