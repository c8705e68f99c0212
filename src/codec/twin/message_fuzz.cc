// Twin messages: whatever is taken must survive being written and read again. The checksum is made
// right first, or the search would never get past it.

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/twin/twin.h"

namespace {

namespace base = selvedge::base;
namespace twin = selvedge::codec::twin;

void try_message(base::BytesView payload) {
  const auto message = twin::decode(payload);
  if (!message) return;
  base::Bytes once, twice;
  twin::encode(*message, once);
  const auto again = twin::decode(once);
  // Written in the shortest form it cannot be longer than what was read.
  CHECK(again && again->index() == message->index() && once.size() <= payload.size());
  twin::encode(*again, twice);
  CHECK(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes bytes(data, data + size);
  try_message(bytes);
  if (bytes.size() < 8) return 0;
  const base::BytesView view(bytes);
  base::Writer(bytes).patch_u32(4, base::crc32c(view.subspan(8), base::crc32c(view.subspan(0, 4))));
  try_message(bytes);
  return 0;
}
