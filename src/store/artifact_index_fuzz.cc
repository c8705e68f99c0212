// Arbitrary bytes as the index of artifacts; what can be read is written as the same bytes again.

#include <cstdlib>

#include "base/crc32c.h"
#include "base/wire.h"
#include "store/artifact_index.h"

namespace store = selvedge::store;
namespace base = selvedge::base;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The checksum would keep everything out: it is put right first.
  base::Bytes bytes(data, data + size);
  if (size >= 4) {
    bytes.resize(size - 4);
    const std::uint32_t sum = base::crc32c(bytes);
    base::Writer(bytes).u32(sum);
  }
  const auto index = store::decode_artifact_index(bytes);
  if (!index) return 0;
  const auto again = store::decode_artifact_index(store::encode(*index));
  if (!again || *again != *index) std::abort();
  return 0;
}
