// SenML CBOR: the first byte chooses options.

#include "codec/payload/check_for_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace payload = selvedge::codec::payload;
  using payload::Format;
  if (size == 0) return 0;
  payload::decode_and_check(Format::senml_cbor, data[0], {data + 1, size - 1});
  return 0;
}
