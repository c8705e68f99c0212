// Gorilla: values as leading and trailing zeros of the XOR with the one before, times as differences of
// differences (Pelkonen et al., VLDB 2015; the paper's classes, with an escape of 64 bits).

#include "codec/gorilla.h"

#include <bit>
#include <cstring>

#include "codec/bit_stream.h"

namespace bench {
namespace {

template <typename Word>
void encode_values(const std::uint8_t* in, std::size_t count, Bytes& out) {
  constexpr unsigned width = sizeof(Word) * 8, size_bits = width == 64 ? 6 : 5;
  BitWriter bits(out);
  Word before = 0;
  unsigned lead = 65, trail = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Word value;
    std::memcpy(&value, in + i * sizeof value, sizeof value);
    const Word changed = value ^ before;
    before = value;
    if (i == 0) {
      bits.put(value, width);
    } else if (changed == 0) {
      bits.put(0, 1);
    } else {
      unsigned zeros = static_cast<unsigned>(std::countl_zero(changed));
      const unsigned low = static_cast<unsigned>(std::countr_zero(changed));
      if (zeros > 31) zeros = 31;
      if (lead <= 31 && zeros >= lead && low >= trail) {
        bits.put(2, 2);
      } else {
        lead = zeros, trail = low;
        bits.put(3, 2);
        bits.put(lead, 5);
        bits.put((width - lead - trail) & ((1U << size_bits) - 1), size_bits);
      }
      bits.put(static_cast<std::uint64_t>(changed >> trail), width - lead - trail);
    }
  }
  bits.finish();
}

template <typename Word>
void decode_values(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count) {
  constexpr unsigned width = sizeof(Word) * 8, size_bits = width == 64 ? 6 : 5;
  BitReader bits(in);
  Word value = 0;
  unsigned lead = 0, trail = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 0) {
      value = static_cast<Word>(bits.get(width));
    } else if (bits.get(1) != 0) {
      if (bits.get(1) != 0) {
        lead = static_cast<unsigned>(bits.get(5));
        unsigned size = static_cast<unsigned>(bits.get(size_bits));
        if (size == 0) size = width;
        trail = width - lead - size;
      }
      value ^= static_cast<Word>(bits.get(width - lead - trail) << trail);
    }
    std::memcpy(out + i * sizeof value, &value, sizeof value);
  }
}

struct Class {
  std::int64_t low, high;
  unsigned prefix, prefix_bits, bits;
};
constexpr Class classes[] = {{-63, 64, 2, 2, 7}, {-255, 256, 6, 3, 9}, {-2047, 2048, 14, 4, 12}};

}  // namespace

void gorilla_encode(const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
  out.clear();
  if (kind == Kind::float64) return encode_values<std::uint64_t>(in, count, out);
  if (kind == Kind::float32) return encode_values<std::uint32_t>(in, count, out);
  BitWriter bits(out);
  std::uint64_t before = 0, step_before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t time;
    std::memcpy(&time, in + i * 8, 8);
    const std::uint64_t step = time - before;
    const auto change = static_cast<std::int64_t>(step - step_before);
    before = time;
    if (i == 0) {
      bits.put(time, 64);
      continue;
    }
    step_before = step;
    if (change == 0) {
      bits.put(0, 1);
      continue;
    }
    const Class* fits = nullptr;
    for (const Class& one : classes)
      if (fits == nullptr && change >= one.low && change <= one.high) fits = &one;
    bits.put(fits != nullptr ? fits->prefix : 15, fits != nullptr ? fits->prefix_bits : 4);
    if (fits != nullptr) bits.put(static_cast<std::uint64_t>(change - fits->low), fits->bits);
    else bits.put(static_cast<std::uint64_t>(change), 64);
  }
  bits.finish();
}

void gorilla_decode(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind) {
  if (kind == Kind::float64) return decode_values<std::uint64_t>(in, out, count);
  if (kind == Kind::float32) return decode_values<std::uint32_t>(in, out, count);
  BitReader bits(in);
  std::uint64_t time = bits.get(64), step = 0;
  std::memcpy(out, &time, 8);
  for (std::size_t i = 1; i < count; ++i) {
    std::uint64_t change = 0;
    if (bits.get(1) != 0) {
      std::size_t which = 0;
      while (which < 3 && bits.get(1) != 0) ++which;
      change = which == 3 ? bits.get(64)
                          : bits.get(classes[which].bits) + static_cast<std::uint64_t>(classes[which].low);
    }
    step += change;
    time += step;
    std::memcpy(out + i * 8, &time, 8);
  }
}

}  // namespace bench
