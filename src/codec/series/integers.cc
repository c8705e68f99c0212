#include "codec/series/integers.h"

#include "codec/series/compress.h"

namespace selvedge::codec {
namespace {

using std::int64_t;
using std::size_t;
using std::uint64_t;

constexpr std::uint8_t layout_planes = 4;
constexpr std::uint8_t has_divisor = 8;

int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

struct Scratch {
  std::vector<int64_t> residuals;
  base::Bytes bytes;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

bool read_varints(const base::Bytes& bytes, std::vector<int64_t>& out) {
  base::Reader in(bytes);
  for (int64_t& r : out) r = in.svarint();
  return in.ok() && in.at_end();
}

bool read_planes(const base::Bytes& bytes, size_t width, std::vector<int64_t>& out) {
  const size_t n = out.size();
  if (bytes.size() != n * width) return false;
  std::fill(out.begin(), out.end(), 0);
  for (size_t plane = 0; plane < width; ++plane) {
    const std::uint8_t* from = bytes.data() + plane * n;
    for (size_t i = 0; i < n; ++i)
      out[i] |= static_cast<int64_t>(static_cast<uint64_t>(from[i]) << (8 * plane));
  }
  for (int64_t& r : out) r = base::unzigzag(static_cast<uint64_t>(r));
  return true;
}

void sum_up(unsigned order, int64_t first, int64_t first_difference,
            const std::vector<int64_t>& residuals, std::vector<int64_t>& out) {
  size_t at = 0;
  int64_t value = first;
  int64_t difference = first_difference;
  if (!out.empty()) out[at++] = value;
  if (order == 2 && at < out.size()) out[at++] = value = plus(value, difference);
  for (const int64_t r : residuals) {
    difference = order == 2 ? plus(difference, r) : r;
    out[at++] = value = plus(value, difference);
  }
}

}  // namespace

bool take_integers(base::Reader& in, size_t count, std::vector<int64_t>& into) {
  auto& [residuals, bytes] = scratch();
  const std::uint8_t mode = in.u8();
  const unsigned order = mode & 3;
  if (mode >= 16 || order == 3 || count < order) return false;
  uint64_t divisor = 1;
  if (mode & has_divisor) {
    divisor = in.varint();
    if (divisor < 2 || divisor > INT64_MAX) return false;
  }
  const int64_t first = order >= 1 ? in.svarint() : 0;
  const int64_t first_difference = order == 2 ? in.svarint() : 0;
  const size_t width = mode & layout_planes ? in.u8() : 0;
  if (!in.ok() || width > 8) return false;
  const size_t n = count - order;
  if (!take_section(in, mode & layout_planes ? n * width : n * 10, bytes)) return false;
  if (!(mode & layout_planes) && bytes.size() < n) return false;

  residuals.resize(n);
  if (!(mode & layout_planes ? read_planes(bytes, width, residuals) : read_varints(bytes, residuals)))
    return false;
  if (divisor > 1)
    for (int64_t& r : residuals)
      r = static_cast<int64_t>(static_cast<uint64_t>(r) * divisor);
  into.resize(count);
  if (order == 0)
    std::copy(residuals.begin(), residuals.end(), into.begin());
  else
    sum_up(order, first, first_difference, residuals, into);
  return true;
}

}  // namespace selvedge::codec
