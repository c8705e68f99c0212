#include <algorithm>

#include "codec/numbers/fast.h"
#include "codec/numbers/fast_paths.h"

namespace selvedge::codec {

void put_fast(base::Writer& out, std::span<const std::int64_t> integers) {
  std::uint8_t bytes[fast_group_bytes];
  const FastPath& path = current_fast_path();
  for (std::size_t i = 0; i < integers.size(); i += fast_group) {
    const std::size_t count = std::min(fast_group, integers.size() - i);
    out.raw({bytes, path.encode(integers.data() + i, count, i == 0, bytes)});
  }
}

}  // namespace selvedge::codec
