// JSON, NDJSON and SenML JSON: the first byte chooses options.

#include "codec/payload/check_for_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace payload = selvedge::codec::payload;
  using payload::Format;
  if (size == 0) return 0;
  const selvedge::base::BytesView rest(data + 1, size - 1);
  for (const Format format : {Format::json, Format::ndjson, Format::senml_json})
    payload::decode_and_check(format, data[0], rest);
  return 0;
}
