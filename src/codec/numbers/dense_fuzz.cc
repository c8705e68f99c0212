// Any bytes as dense integers: the first two say how many.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "codec/numbers/dense.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  if (size < 2) return 0;
  const std::size_t count = 1 + (data[0] | static_cast<std::size_t>(data[1]) << 8) % 5000;
  std::vector<std::int64_t> integers(count);
  base::Reader in({data + 2, size - 2});
  if (!codec::take_dense(in, integers)) return 0;
  // What was read can be written and read again.
  base::Bytes bytes;
  base::Writer out(bytes);
  codec::put_dense(out, integers);
  base::Reader again(bytes);
  std::vector<std::int64_t> back(count);
  CHECK(codec::take_dense(again, back) && back == integers && again.at_end());
  return 0;
}
