// Two ways by the first byte: a column of arbitrary bytes, which must be refused or ascend from first
// to last; or times made of the bytes, which must come back.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "codec/numbers/clock.h"

using namespace selvedge;

namespace {

void decode(base::Reader& in) {
  const std::size_t count = in.u16() % 5000 + 1;
  const std::int64_t first = in.svarint();
  const auto last = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + in.varint());
  std::vector<std::int64_t> times(count);
  if (!codec::take_clock(in, first, last, times)) return;
  if (times.front() != first || times.back() != last || !std::is_sorted(times.begin(), times.end()))
    std::abort();
}

// Records: u8 how often, u8 how far each may stray, svarint step.
void encode(base::Reader& in) {
  std::vector<std::int64_t> times;
  std::uint64_t at = in.u64(), chance = 1;
  while (in.remaining() > 0 && times.size() < 4096) {
    const unsigned repeat = in.u8(), stray = in.u8();
    const std::uint64_t step = in.varint();
    for (unsigned i = 0; i <= repeat; ++i) {
      chance = chance * 6364136223846793005u + 1442695040888963407u;
      times.push_back(static_cast<std::int64_t>(at + (stray == 0 ? 0 : (chance >> 33) % stray)));
      at += step;
    }
  }
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  base::Bytes bytes;
  base::Writer out(bytes);
  codec::put_clock(out, times);
  base::Reader back(bytes);
  std::vector<std::int64_t> read(times.size());
  if (!codec::take_clock(back, times.front(), times.back(), read) || read != times) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Reader in(base::BytesView(data, size));
  if (in.u8() % 2 == 0) decode(in);
  else encode(in);
  return 0;
}
