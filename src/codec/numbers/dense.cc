#include "codec/numbers/dense.h"

namespace selvedge::codec {

void put_dense(base::Writer& out, std::span<const std::int64_t> integers) {
  std::int64_t before = 0;
  for (const std::int64_t k : integers) {
    out.svarint(static_cast<std::int64_t>(static_cast<std::uint64_t>(k) - static_cast<std::uint64_t>(before)));
    before = k;
  }
}

bool take_dense(base::Reader& in, std::span<std::int64_t> integers) {
  std::int64_t before = 0;
  for (std::int64_t& k : integers) {
    before = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) + static_cast<std::uint64_t>(in.svarint()));
    k = before;
  }
  return in.ok();
}

}  // namespace selvedge::codec
