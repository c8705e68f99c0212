#include <cstdlib>

#include "codec/package/tar.h"

using namespace selvedge;

// As a packed file, and as the plain tar inside one, which the packing would hide from the fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView bytes(data, size);
  const codec::ArchiveLimits limits{.unpacked = std::size_t{1} << 22, .members = 64};
  for (const auto& members : {codec::read_archive(bytes, limits), codec::read_tar(bytes, limits.members)}) {
    if (!members) continue;
    const auto again = codec::write_tar(*members);
    if (!again || codec::read_tar(*again, limits.members) != *members) std::abort();
  }
  return 0;
}
