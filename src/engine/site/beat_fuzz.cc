// A beat of any bytes is read or refused; what was read is written the same. The checksum is mended first.

#include <cstring>

#include "base/crc32c.h"
#include "engine/site/beat.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes bytes(data, data + size);
  if (size >= 8) {
    const std::uint32_t crc = base::crc32c(base::BytesView(bytes).first(size - 4));
    std::memcpy(bytes.data() + size - 4, &crc, 4);
  }
  const auto beat = engine::decode_site_beat(bytes);
  if (!beat) return 0;
  base::Bytes once;
  engine::encode_site_beat(*beat, once);
  CHECK(engine::decode_site_beat(once) == *beat);
  return 0;
}
