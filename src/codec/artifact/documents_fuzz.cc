// Envelopes, manifests and keys documents from outside: what is taken says the same when written
// again. The first byte chooses.

#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  using namespace selvedge::codec::artifact;
  if (size == 0) return 0;
  const std::string_view text = base::as_text(base::BytesView(data + 1, size - 1));
  switch (data[0] % 3) {
    case 0: {
      const auto envelope = decode_envelope(text);
      if (envelope) CHECK(decode_envelope(encode(*envelope)).value() == *envelope);
      break;
    }
    case 1: {
      const auto manifest = decode_manifest(text);
      if (!manifest) break;
      CHECK(check(*manifest).has_value());
      const std::string again = encode(*manifest);
      CHECK(encode(decode_manifest(again).value()) == again);
      break;
    }
    default: {
      const auto keys = decode_keys(text);
      if (!keys) break;
      CHECK(check(*keys).has_value());
      const std::string again = encode(*keys);
      CHECK(encode(decode_keys(again).value()) == again);
    }
  }
  return 0;
}
