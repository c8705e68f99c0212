#include "os/world.h"

#include <array>
#include <cstring>

namespace selvedge::os {

std::uint64_t World::random_u64() {
  std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
  entropy(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

double World::random_unit() {
  constexpr int mantissa_bits = 53;
  return static_cast<double>(random_u64() >> (64 - mantissa_bits)) * 0x1p-53;
}

}  // namespace selvedge::os
