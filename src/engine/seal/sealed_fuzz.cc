// Sealed blocks from outside, around a good header so that the search reaches what is within.

#include "codec/series/sealed.h"
#include "engine/seal/frame_sealer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  static const crypto::SealKeyPair keys = [] {
    crypto::SealKeyPair made;
    made.secret.fill(7);
    made.recipient = crypto::recipient_of(made.secret);
    return made;
  }();
  const base::BytesView bytes(data, size);
  base::ignore(engine::unseal_frame("s", bytes, keys.secret), "any answer will do");
  model::BlockSummary summary;
  summary.count = 1;
  base::Bytes frame;
  if (codec::put_sealed_frame(codec::sealed_header(summary), bytes, frame))
    base::ignore(engine::unseal_frame("s", frame, keys.secret), "any answer will do");
  return 0;
}
