// Envelope: signed bytes with the signatures beside them (the form of DSSE v1).
//
// What is signed is not the payload alone but the pre-authentication encoding of its type and its
// exact bytes, so no JSON needs a canonical form and no document passes for one of another type.
// Layout: docs/spec/artifact.md. Decoding is bounded by model::ArtifactLimits. Pure; any thread.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::artifact {

inline constexpr std::string_view manifest_type = "application/vnd.selvedge.manifest.v1+json";
inline constexpr std::string_view keys_type = "application/vnd.selvedge.keys.v1+json";

struct Signature {
  std::string key_id;                  // a hint which key it is; proves nothing
  base::Bytes bytes;

  friend bool operator==(const Signature&, const Signature&) = default;
};

struct Envelope {
  std::string type;
  base::Bytes payload;
  std::vector<Signature> signatures;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// The bytes that are signed: "DSSEv1 <length> <type> <length> <payload>".
base::Bytes pre_authentication(std::string_view type, base::BytesView payload);

std::string encode(const Envelope& envelope);                          // JSON
base::Result<Envelope> decode_envelope(std::string_view json);

}  // namespace selvedge::codec::artifact
