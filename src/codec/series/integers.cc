// The order of difference is chosen by the bits it leaves (a temperature leaves 3 to 8 bits as first
// differences, a counter next to none as second ones), measured on a sample. Varints suit residuals
// that mostly fit one byte; wider ones lie better as byte planes, because zstd then codes the
// noisy low bytes and the quiet high bytes each by their own statistics. Residuals of three bytes and
// more are often a few long numbers that come again (averages, unit conversions), which zstd
// finds only where their bytes lie together: there both layouts are tried.

#include "codec/series/integers.h"

#include <bit>
#include <numeric>

#include "codec/series/compress.h"

namespace selvedge::codec {
namespace {

using std::int64_t;
using std::size_t;
using std::uint64_t;

constexpr std::uint8_t layout_planes = 4;
constexpr std::uint8_t has_divisor = 8;
constexpr size_t sample_run = 256;  // residuals looked at in a row
constexpr size_t sample_runs = 4;

int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

struct Scratch {
  std::vector<int64_t> residuals;
  base::Bytes bytes;
  base::Bytes planes_section, varints_section;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// The order that leaves the fewest bits.
unsigned choose_order(std::span<const int64_t> v) {
  if (v.size() < 3) return v.size() < 2 ? 0 : 1;
  uint64_t bits[3] = {};
  const size_t runs = v.size() <= sample_run * sample_runs ? 1 : sample_runs;
  const size_t length = runs == 1 ? v.size() - 2 : sample_run;
  for (size_t run = 0; run < runs; ++run) {
    const size_t start = 2 + (v.size() - 2 - length) * run / (runs == 1 ? 1 : runs - 1);
    for (size_t i = start; i < start + length; ++i) {
      const int64_t d = minus(v[i], v[i - 1]);
      const int64_t dd = minus(d, minus(v[i - 1], v[i - 2]));
      bits[0] += static_cast<uint64_t>(std::bit_width(base::zigzag(v[i])));
      bits[1] += static_cast<uint64_t>(std::bit_width(base::zigzag(d)));
      bits[2] += static_cast<uint64_t>(std::bit_width(base::zigzag(dd)));
    }
  }
  if (bits[2] < bits[1] && bits[2] < bits[0]) return 2;
  return bits[1] <= bits[0] ? 1 : 0;
}

void take_differences(std::span<const int64_t> v, unsigned order, std::vector<int64_t>& out) {
  out.resize(v.size() - std::min<size_t>(order, v.size()));
  if (order == 0) {
    std::copy(v.begin(), v.end(), out.begin());
  } else if (order == 1) {
    for (size_t i = 1; i < v.size(); ++i) out[i - 1] = minus(v[i], v[i - 1]);
  } else {
    for (size_t i = 2; i < v.size(); ++i)
      out[i - 2] = minus(minus(v[i], v[i - 1]), minus(v[i - 1], v[i - 2]));
  }
}

// The greatest common divisor, given up as 1 as soon as it is 1. Not taken of the lowest integer,
// which has no positive counterpart.
int64_t common_divisor(const std::vector<int64_t>& v) {
  uint64_t g = 0;
  for (const int64_t x : v) {
    if (x == 0) continue;
    if (x == INT64_MIN) return 1;
    const uint64_t magnitude = static_cast<uint64_t>(x < 0 ? -x : x);
    if ((g | magnitude) <= UINT32_MAX) {  // 32-bit division is several times faster
      const auto a = static_cast<std::uint32_t>(g);
      const auto b = static_cast<std::uint32_t>(magnitude);
      if (a == 0 || b % a != 0) g = std::gcd(a, b);
    } else if (g == 0 || magnitude % g != 0) {
      g = std::gcd(g, magnitude);
    }
    if (g == 1) return 1;
  }
  return g == 0 ? 1 : static_cast<int64_t>(g);
}

void varints(const std::vector<int64_t>& residuals, base::Bytes& out) {
  out.resize(residuals.size() * 10);
  std::uint8_t* at = out.data();
  for (const int64_t r : residuals) {
    uint64_t v = base::zigzag(r);
    while (v >= 0x80) {
      *at++ = static_cast<std::uint8_t>(v | 0x80);
      v >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(v);
  }
  out.resize(static_cast<size_t>(at - out.data()));
}

void planes(const std::vector<int64_t>& residuals, size_t width, base::Bytes& out) {
  const size_t n = residuals.size();
  out.resize(n * width);
  for (size_t plane = 0; plane < width; ++plane) {
    std::uint8_t* to = out.data() + plane * n;
    for (size_t i = 0; i < n; ++i)
      to[i] = static_cast<std::uint8_t>(base::zigzag(residuals[i]) >> (8 * plane));
  }
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

void put_integers(base::Writer& out, std::span<const int64_t> values) {
  auto& [residuals, bytes, planes_section, varints_section] = scratch();
  const unsigned order = choose_order(values);
  take_differences(values, order, residuals);
  const int64_t divisor = common_divisor(residuals);
  if (divisor > 1)
    for (int64_t& r : residuals) r /= divisor;

  uint64_t all = 0;
  uint64_t wide = 0;
  for (const int64_t r : residuals) {
    const uint64_t z = base::zigzag(r);
    all |= z;
    wide += z >= 0x80;
  }
  const size_t width = (static_cast<size_t>(std::bit_width(all)) + 7) / 8;
  bool as_planes = wide * 3 > residuals.size() && width <= 6;
  planes_section.clear();
  if (as_planes) {
    base::Writer section(planes_section);
    section.u8(static_cast<std::uint8_t>(width));
    planes(residuals, width, bytes);
    put_section(section, bytes);
  }
  varints_section.clear();
  if (!as_planes || width >= 3) {
    base::Writer section(varints_section);
    varints(residuals, bytes);
    put_section(section, bytes);
    as_planes = as_planes && planes_section.size() <= varints_section.size();
  }

  out.u8(static_cast<std::uint8_t>(order | (as_planes ? layout_planes : 0u) |
                                   (divisor > 1 ? has_divisor : 0u)));
  if (divisor > 1) out.varint(static_cast<uint64_t>(divisor));
  if (order >= 1) out.svarint(values[0]);
  if (order == 2) out.svarint(minus(values[1], values[0]));
  out.raw(as_planes ? planes_section : varints_section);
}

bool take_integers(base::Reader& in, size_t count, std::vector<int64_t>& into) {
  auto& [residuals, bytes, unused_planes, unused_varints] = scratch();
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
