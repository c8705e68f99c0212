// Decodes arbitrary bytes as a frame, with the checksum made right, so that the search gets past it.
// What decodes must encode again and decode to the same.

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/crc32c.h"
#include "codec/series/frame.h"

using namespace selvedge;

namespace {

bool same(const codec::Columns& a, const codec::Columns& b) {
  if (a.kind != b.kind || a.times != b.times) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(a.at(i) == b.at(i))) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes frame(data, data + size);
  if (size >= 4) {
    const std::uint32_t checksum = base::crc32c(base::BytesView(frame).subspan(4));
    std::memcpy(frame.data(), &checksum, sizeof checksum);
  }
  codec::Columns columns;
  const auto summary = codec::decode_frame(frame, columns);
  const auto header = codec::read_summary(frame);
  if (!summary) return 0;
  if (!header || header->count != columns.size()) std::abort();
  if (columns.size() > 20'000) return 0;  // keep the search quick
  base::Bytes again;
  codec::Columns back;
  if (!codec::encode_frame(columns, again) || !codec::decode_frame(again, back)) std::abort();
  if (!same(columns, back)) std::abort();
  return 0;
}
