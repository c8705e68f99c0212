// Signers: who signed an envelope, counted by key and not by signature. Private to engine/trust.

#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "codec/artifact/envelope.h"
#include "model/keys_document.h"

namespace selvedge::engine {

// Every key of the document can be read, is strong enough (RSA of 3072 bits), is in its one
// encoding, and bears the id that its bytes give it: then distinct ids are distinct keys.
base::Result<void> check_keys(const model::KeysDocument& document);

// Ids of the keys of `role` in `document` that signed exactly this payload under this type.
std::set<std::string> signers_of(const codec::artifact::Envelope& envelope,
                                 const model::KeysDocument& document,
                                 const model::SignerRole& role);

// Code::denied with who is missing, if fewer than the role's threshold signed; else who did.
base::Result<std::set<std::string>> require_signers(const codec::artifact::Envelope& envelope,
                                                    const model::KeysDocument& document,
                                                    const model::SignerRole& role,
                                                    std::string_view step);

}  // namespace selvedge::engine
