// Processor: which vector instructions may be used here. Asked once; every path gives the same result.

#pragma once

#include <cstdint>

namespace selvedge::codec {

enum class Processor : std::uint8_t {
  baseline,
  avx2,    // and BMI, BMI2, LZCNT, POPCNT, which come with it unless a hypervisor hides them
  avx512,  // F, BW, DQ and VL besides
};

inline Processor processor() {
#ifdef __x86_64__
  static const Processor widest = [] {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("lzcnt") || !__builtin_cpu_supports("popcnt"))
      return Processor::baseline;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
               ? Processor::avx512
               : Processor::avx2;
  }();
  return widest;
#else
  return Processor::baseline;
#endif
}

}  // namespace selvedge::codec
