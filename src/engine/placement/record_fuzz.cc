// Records of a journal, or a saved fleet: whatever the bytes are, a fleet that takes them stays consistent: it is saved,
// restored and saved to the same bytes, and answers.

#include "base/crc32c.h"
#include "engine/placement/placer.h"

using namespace selvedge;
using engine::placement::Fleet;

namespace {

void try_out(Fleet& fleet) {
  base::Bytes saved, again;
  fleet.save(saved);
  const auto restored = Fleet::restore(saved);
  CHECK(restored);
  (*restored)->save(again);
  CHECK(saved == again);
  engine::placement::Placer placer(fleet);
  for (engine::placement::ShapeId shape = 0; shape < 8; ++shape)
    if (fleet.has_shape(shape)) base::ignore(placer.place_or_displace({shape, {}}), "it may not fit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView bytes(data + 1, size - 1);
  if (data[0] & 1) {
    base::Bytes saved(bytes.begin(), bytes.end());
    base::Writer(saved).u32(base::crc32c(bytes));          // so that damage gets beyond the checksum
    if (const auto fleet = Fleet::restore(saved)) try_out(**fleet);
  } else {
    Fleet fleet;
    base::ignore(fleet.replay(bytes), "most are none");
    try_out(fleet);
  }
  return 0;
}
