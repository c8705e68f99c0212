// Any bytes as a carried batch, with a key that may be one and without.

#include <cstdint>
#include <vector>

#include "codec/numbers/carried.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  if (size < 3) return 0;
  const std::size_t count = 1 + data[0];
  const std::size_t split = 3 + (data[1] | static_cast<std::size_t>(data[2]) << 8) % (size - 2);
  const base::BytesView first(data + 3, split - 3), second(data + split, size - split);
  std::vector<double> values(count);
  const codec::KeyPtr key = codec::read_key(first);
  codec::take_batch(first, nullptr, values);
  codec::take_batch(second, key.get(), values);
  return 0;
}
