// Simple published schemes, plainly: decimals, differences, zigzag, then varints (with zstd behind
// them), or bits packed by 128; decimals less their least value packed by 1,024 (after ALP, Afroozeh et
// al., SIGMOD 2023, without its sampling); Gorilla.

#include <zstd.h>

#include <algorithm>
#include <bit>

#include "codec/decimals.h"
#include "codec/bit_stream.h"
#include "codec/gorilla.h"

namespace bench {
namespace {

using selvedge::base::Reader;
using selvedge::base::Writer;
using Integers = std::vector<std::int64_t>;

enum class Packing { varint, bits_of_differences, bits_of_frames };

struct Scheme {
  Packing packing;
  int zstd_level;   // 0: without
};

// At most 64 bits each, least significant bit first; eight bytes at a time.
void put_packed(const std::uint64_t* in, std::size_t count, unsigned width, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + (count * width + 7) / 8 + 8);
  std::uint64_t held = 0;
  unsigned used = 0;
  std::uint8_t* at = out.data() + start;
  for (std::size_t i = 0; i < count; ++i) {
    held |= in[i] << used;
    if (used + width >= 64) {
      std::memcpy(at, &held, 8);
      at += 8;
      held = used == 0 ? 0 : in[i] >> (64 - used);
      used = used + width - 64;
    } else {
      used += width;
    }
  }
  std::memcpy(at, &held, 8);
  out.resize(start + (count * width + 7) / 8);
}

bool take_packed(Reader& in, std::uint64_t* out, std::size_t count, unsigned width) {
  if (width > 64) return false;
  const auto bytes = in.raw((count * width + 7) / 8);
  if (!in.ok()) return false;
  if (width == 0) {
    std::fill_n(out, count, 0);
    return true;
  }
  const std::uint64_t mask = width == 64 ? ~0ULL : (1ULL << width) - 1;
  std::size_t i = 0;
  for (; i < count; ++i) {   // eight bytes from the value's first byte hold 57 bits of it
    const std::size_t bit = i * width, byte = bit / 8;
    if (width > 56 || byte + 8 > bytes.size()) break;
    std::uint64_t held;
    std::memcpy(&held, bytes.data() + byte, 8);
    out[i] = (held >> (bit % 8)) & mask;
  }
  for (; i < count; ++i) {
    std::uint64_t value = 0;
    for (std::size_t b = 0; b < width; ++b) {
      const std::size_t bit = i * width + b;
      value |= static_cast<std::uint64_t>((bytes[bit / 8] >> (bit % 8)) & 1) << b;
    }
    out[i] = value;
  }
  return true;
}

void put_integers(Writer& out, Bytes& bytes, const Integers& integers, Packing packing) {
  static thread_local std::vector<std::uint64_t> rest;
  rest.resize(integers.size());
  if (packing == Packing::bits_of_frames) {
    for (std::size_t i = 0; i < integers.size(); i += 1024) {
      const std::size_t count = std::min<std::size_t>(1024, integers.size() - i);
      const std::int64_t least = *std::min_element(integers.begin() + static_cast<std::ptrdiff_t>(i),
                                                   integers.begin() + static_cast<std::ptrdiff_t>(i + count));
      std::uint64_t any = 0;
      for (std::size_t j = 0; j < count; ++j) {
        rest[j] = static_cast<std::uint64_t>(integers[i + j]) - static_cast<std::uint64_t>(least);
        any |= rest[j];
      }
      out.svarint(least);
      out.u8(static_cast<std::uint8_t>(std::bit_width(any)));
      put_packed(rest.data(), count, static_cast<unsigned>(std::bit_width(any)), bytes);
    }
    return;
  }
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const auto now = static_cast<std::uint64_t>(integers[i]);
    rest[i] = selvedge::base::zigzag(static_cast<std::int64_t>(now - before));
    before = now;
  }
  if (packing == Packing::varint) {
    for (const std::uint64_t one : rest) out.varint(one);
    return;
  }
  for (std::size_t i = 0; i < rest.size(); i += 128) {
    const std::size_t count = std::min<std::size_t>(128, rest.size() - i);
    std::uint64_t any = 0;
    for (std::size_t j = 0; j < count; ++j) any |= rest[i + j];
    out.u8(static_cast<std::uint8_t>(std::bit_width(any)));
    put_packed(rest.data() + i, count, static_cast<unsigned>(std::bit_width(any)), bytes);
  }
}

bool take_integers(Reader& in, Integers& integers, Packing packing) {
  static thread_local std::vector<std::uint64_t> rest;
  rest.resize(integers.size());
  if (packing == Packing::bits_of_frames) {
    for (std::size_t i = 0; i < integers.size(); i += 1024) {
      const std::size_t count = std::min<std::size_t>(1024, integers.size() - i);
      const auto least = static_cast<std::uint64_t>(in.svarint());
      if (!take_packed(in, rest.data(), count, in.u8())) return false;
      for (std::size_t j = 0; j < count; ++j) integers[i + j] = static_cast<std::int64_t>(least + rest[j]);
    }
    return true;
  }
  if (packing == Packing::varint)
    for (std::uint64_t& one : rest) one = in.varint();
  else
    for (std::size_t i = 0; i < rest.size(); i += 128)
      if (!take_packed(in, rest.data() + i, std::min<std::size_t>(128, rest.size() - i), in.u8())) return false;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    value += static_cast<std::uint64_t>(selvedge::base::unzigzag(rest[i]));
    integers[i] = static_cast<std::int64_t>(value);
  }
  return in.ok();
}

bool encode(const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out, Scheme scheme) {
  static thread_local Integers integers;
  static thread_local Bytes raw;
  raw.clear();
  if (kind == Kind::clock) {
    integers.resize(count);
    std::memcpy(integers.data(), in, count * 8);
  } else if (!(kind == Kind::float64 ? to_decimals<double>(in, count, integers, raw)
                                     : to_decimals<float>(in, count, integers, raw))) {
    return false;
  }
  Writer writer(raw);
  put_integers(writer, raw, integers, scheme.packing);
  if (scheme.zstd_level == 0) {
    out = raw;
    return true;
  }
  static ZSTD_CCtx* const context = ZSTD_createCCtx();
  out.resize(ZSTD_compressBound(raw.size()));
  const std::size_t used = ZSTD_compressCCtx(context, out.data(), out.size(), raw.data(), raw.size(), scheme.zstd_level);
  if (ZSTD_isError(used) != 0) return false;
  out.resize(used);
  return true;
}

template <typename Value>
bool decode_values(Reader& in, std::uint8_t* out, Integers& integers, Packing packing) {
  static thread_local DecimalHead<Value> head;
  if (!head.take(in) || !take_integers(in, integers, packing)) return false;
  head.write(integers, out);
  return true;
}

bool decode(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind, Scheme scheme) {
  static thread_local Integers integers;
  static thread_local Bytes raw;
  integers.resize(count);
  if (scheme.zstd_level > 0) {
    static ZSTD_DCtx* const context = ZSTD_createDCtx();
    raw.resize(std::max<std::size_t>(raw.size(), count * 22 + 4096));
    const std::size_t got = ZSTD_decompressDCtx(context, raw.data(), raw.size(), in.data(), in.size());
    if (ZSTD_isError(got) != 0) return false;
    in = {raw.data(), got};
  }
  Reader reader(in);
  if (kind == Kind::float64) return decode_values<double>(reader, out, integers, scheme.packing);
  if (kind == Kind::float32) return decode_values<float>(reader, out, integers, scheme.packing);
  if (!take_integers(reader, integers, scheme.packing)) return false;
  std::memcpy(out, integers.data(), count * 8);
  return true;
}

void add_scheme(std::vector<Codec>& all, const std::string& name, Scheme scheme, bool slow = false) {
  all.push_back({name, "dfq", slow,
                 [scheme](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                   return encode(in, count, kind, out, scheme);
                 },
                 [scheme](std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind) {
                   return decode(in, out, count, kind, scheme);
                 }});
}

}  // namespace

void add_schemes(std::vector<Codec>& all) {
  all.push_back({"gorilla", "dfq", false,
                 [](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                   gorilla_encode(in, count, kind, out);
                   return true;
                 },
                 [](std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind) {
                   gorilla_decode(in, out, count, kind);
                   return true;
                 }});
  add_scheme(all, "dec-delta-varint", {Packing::varint, 0});
  add_scheme(all, "dec-delta-varint-zstd3", {Packing::varint, 3});
  add_scheme(all, "dec-delta-varint-zstd19", {Packing::varint, 19}, true);
  add_scheme(all, "dec-delta-bitpack128", {Packing::bits_of_differences, 0});
  add_scheme(all, "dec-frame-bitpack1024", {Packing::bits_of_frames, 0});
}

}  // namespace bench
