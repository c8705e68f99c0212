#include "codec/artifact/envelope.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/artifact/members.h"
#include "model/artifact.h"

namespace selvedge::codec::artifact {
namespace {

constexpr std::string_view what = "read signed document";
constexpr std::size_t max_type_bytes = 128, max_key_id_bytes = 128, max_signature_bytes = 1024;

}  // namespace

base::Bytes pre_authentication(std::string_view type, base::BytesView payload) {
  base::Bytes bytes = base::to_bytes("DSSEv1 " + std::to_string(type.size()) + " ");
  bytes.reserve(bytes.size() + type.size() + payload.size() + 24);
  base::append(bytes, base::as_bytes(type));
  base::append(bytes, base::as_bytes(" " + std::to_string(payload.size()) + " "));
  base::append(bytes, payload);
  return bytes;
}

std::string encode(const Envelope& envelope) {
  base::JsonWriter json;
  json.begin_object()
      .field("payloadType", envelope.type)
      .field("payload", base::to_base64(envelope.payload))
      .key("signatures")
      .begin_array();
  for (const Signature& signature : envelope.signatures) {
    json.begin_object()
        .field("keyid", signature.key_id)
        .field("sig", base::to_base64(signature.bytes))
        .end_object();
  }
  return json.end_array().end_object().take();
}

base::Result<Envelope> decode_envelope(std::string_view json) {
  const auto root = TRY(parse_object(json, what));
  const Members members(root, what);
  Envelope envelope;
  envelope.type = TRY(members.text("payloadType", max_type_bytes));
  envelope.payload = TRY(members.base64("payload", model::ArtifactLimits::document_bytes));
  const auto* signatures = TRY(members.array("signatures", model::ArtifactLimits::list));
  for (const auto& item : *signatures) {
    if (!item.is_object()) return members.wrong("signatures", "holds something that is no object");
    const Members signature(item, "read signature");
    Signature& read = envelope.signatures.emplace_back();
    read.key_id = TRY(signature.text_or_empty("keyid", max_key_id_bytes));
    read.bytes = TRY(signature.base64("sig", max_signature_bytes));
  }
  return envelope;
}

}  // namespace selvedge::codec::artifact
