// A stream of any bytes becomes frames or is refused; what was read is written the same.

#include "engine/site/frame.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  engine::SiteFrameReader reader;
  const base::BytesView bytes(data, size);
  reader.add(bytes.first(size / 2));
  bool half = false;
  while (true) {
    const auto frame = reader.next();
    if (!frame) return 0;
    if (!*frame) {
      if (std::exchange(half, true)) return 0;
      reader.add(bytes.subspan(size / 2));
      continue;
    }
    base::Bytes once;
    engine::encode_site_frame(**frame, once);
    CHECK(engine::decode_site_frame(base::BytesView(once).subspan(4)) == **frame);
  }
}
