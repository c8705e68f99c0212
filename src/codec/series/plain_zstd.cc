#include "codec/series/plain_zstd.h"

#include <zstd.h>

#include "base/result.h"

namespace selvedge::codec {

void plain_zstd(base::BytesView bytes, int level, base::Bytes& out) {
  out.resize(ZSTD_compressBound(bytes.size()));
  const std::size_t used = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  CHECK(ZSTD_isError(used) == 0);
  out.resize(used);
}

bool plain_unzstd(base::BytesView bytes, std::span<std::uint8_t> out) {
  return ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size()) == out.size();
}

}  // namespace selvedge::codec
