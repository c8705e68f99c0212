// The path of 64-bit ARM: as in fast_avx512.cc, with registers of 16 bytes.

#include "codec/numbers/fast_paths.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "codec/numbers/fast_group.h"

namespace selvedge::codec {

namespace {

bool is_here() {
  return true;
}

std::size_t encode(const std::int64_t* integers, std::size_t count, bool is_first,
                   std::uint8_t* to) {
  return static_cast<std::size_t>(
      fast_encoder::put_group_of<fast_plan::PlainScans>(integers, count, is_first, to) - to);
}

// Numbers from `first` on, of eight that begin at `in`.
struct Narrow {
  SixteenBytes<std::uint32_t> layout;
  uint8x16_t bytes = vld1q_u8(layout.bytes);
  int32x4_t shifts = vnegq_s32(vreinterpretq_s32_u32(vld1q_u32(layout.shifts)));
  std::size_t start;

  Narrow(unsigned width, unsigned first) : layout(width, first), start(first * width / 8) {}
  uint32x4_t take(const std::uint8_t* in) const {
    return vshlq_u32(vreinterpretq_u32_u8(vqtbl1q_u8(vld1q_u8(in + start), bytes)), shifts);
  }
};

struct Wide {
  SixteenBytes<std::uint64_t> layout;
  uint8x16_t bytes = vld1q_u8(layout.bytes);
  int64x2_t shifts = vnegq_s64(vreinterpretq_s64_u64(vld1q_u64(layout.shifts)));
  std::size_t start;

  Wide(unsigned width, unsigned first) : layout(width, first), start(first * width / 8) {}
  uint64x2_t take(const std::uint8_t* in) const {
    return vshlq_u64(vreinterpretq_u64_u8(vqtbl1q_u8(vld1q_u8(in + start), bytes)), shifts);
  }
};

void unpack_narrow(const std::uint8_t* in, unsigned width, std::size_t count, std::uint32_t* to) {
  const Narrow low(width, 0), high(width, 4);
  const uint32x4_t mask = vdupq_n_u32((1U << width) - 1);
  for (std::size_t i = 0; i < count; i += 8, in += width) {
    vst1q_u32(to + i, vandq_u32(low.take(in), mask));
    vst1q_u32(to + i + 4, vandq_u32(high.take(in), mask));
  }
}

void unpack_wide(const std::uint8_t* in, unsigned width, std::size_t count, std::uint64_t* to) {
  const Wide first(width, 0), second(width, 2), third(width, 4), fourth(width, 6);
  const uint64x2_t mask =
      vdupq_n_u64(width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1);
  for (std::size_t i = 0; i < count; i += 8, in += width) {
    vst1q_u64(to + i, vandq_u64(first.take(in), mask));
    vst1q_u64(to + i + 2, vandq_u64(second.take(in), mask));
    vst1q_u64(to + i + 4, vandq_u64(third.take(in), mask));
    vst1q_u64(to + i + 6, vandq_u64(fourth.take(in), mask));
  }
}

// What differs between words of 32 and of 64 bits.
struct Lanes32 {
  using Register = uint32x4_t;
  static constexpr std::size_t lanes = 4;
  static Register load(const std::uint32_t* at) { return vld1q_u32(at); }
  static Register all(std::uint32_t x) { return vdupq_n_u32(x); }
  static Register add(Register a, Register b) { return vaddq_u32(a, b); }
  static Register last(Register x) { return vdupq_laneq_u32(x, 3); }
  static std::uint32_t any(Register x) { return vgetq_lane_u32(x, 0); }
  static Register sums(Register x) {
    const Register zero = vdupq_n_u32(0);
    x = vaddq_u32(x, vextq_u32(zero, x, 3));
    return vaddq_u32(x, vextq_u32(zero, x, 2));
  }
};

struct Lanes64 {
  using Register = uint64x2_t;
  static constexpr std::size_t lanes = 2;
  static Register load(const std::uint64_t* at) { return vld1q_u64(at); }
  static Register all(std::uint64_t x) { return vdupq_n_u64(x); }
  static Register add(Register a, Register b) { return vaddq_u64(a, b); }
  static Register last(Register x) { return vdupq_laneq_u64(x, 1); }
  static std::uint64_t any(Register x) { return vgetq_lane_u64(x, 0); }
  static Register sums(Register x) { return vaddq_u64(x, vextq_u64(vdupq_n_u64(0), x, 1)); }
};

template <typename Word>
using Lanes = std::conditional_t<sizeof(Word) == 4, Lanes32, Lanes64>;

// One register of numbers after the other, as sums in their order.
template <typename Word, FastOrder order>
struct Summer {
  using L = Lanes<Word>;
  typename L::Register low, sum, slope;

  explicit Summer(const FastStart<Word>& start)
      : low(L::all(start.low)), sum(L::all(0)), slope(L::all(start.slope)) {}

  typename L::Register next(const Word* u) {
    typename L::Register x = L::add(L::load(u), low);
    if constexpr (order == FastOrder::values) return x;
    if constexpr (order == FastOrder::second_differences) {
      const auto inner = L::sums(x);
      x = L::add(inner, slope);
      slope = L::add(slope, L::last(inner));
    }
    // What follows waits for the carried sum alone, and for nothing of this register.
    const auto inner = L::sums(x);
    const auto result = L::add(inner, sum);
    sum = L::add(sum, L::last(inner));
    return result;
  }

  FastEnd<Word> end(const FastStart<Word>& start, const Word* u, std::size_t count) const {
    return fast_end<order>(start, u, count, L::any(sum), L::any(slope));
  }
};

// The scale in registers.
template <FastScale::Kind kind>
struct Scaler {
  float64x2_t base, multiple, offset, divisor, inverse, step, origin, decimals;
  std::uint64_t whole_multiple;
  uint64x2_t whole_offset;
  Rounding rounding;

  Scaler(const FastScale& scale, std::int64_t from)
      : base(vdupq_n_f64(static_cast<double>(from))),
        multiple(vdupq_n_f64(scale.multiple)),
        offset(vdupq_n_f64(scale.offset)),
        divisor(vdupq_n_f64(scale.divisor)),
        inverse(vdupq_n_f64(scale.inverse)),
        step(vdupq_n_f64(scale.step)),
        origin(vdupq_n_f64(scale.origin)),
        decimals(vdupq_n_f64(scale.decimals)),
        whole_multiple(static_cast<std::uint64_t>(scale.whole_multiple)),
        whole_offset(vdupq_n_u64(static_cast<std::uint64_t>(scale.whole_offset))),
        rounding(scale.rounding) {}

  float64x2_t narrow(int32x2_t sums_of_two) const {
    const float64x2_t k = vaddq_f64(base, vcvtq_f64_s64(vmovl_s32(sums_of_two)));
    return scaled(vfmaq_f64(offset, k, multiple));  // exact, so that fusing changes nothing
  }
  float64x2_t wide(uint64x2_t k) const {
    uint64x2_t whole = vdupq_n_u64(vgetq_lane_u64(k, 0) * whole_multiple);
    whole = vsetq_lane_u64(vgetq_lane_u64(k, 1) * whole_multiple, whole, 1);
    return scaled(vcvtq_f64_s64(vreinterpretq_s64_u64(vaddq_u64(whole, whole_offset))));
  }

 private:
  float64x2_t scaled(float64x2_t whole) const {
    float64x2_t value;
    if constexpr (kind == FastScale::Kind::quotient) {
      const float64x2_t guess = vmulq_f64(whole, inverse);  // why it is exact: fast_avx512.cc
      value = vfmaq_f64(guess, vfmsq_f64(whole, guess, divisor), inverse);
    } else {
      value = vdivq_f64(vaddq_f64(origin, vmulq_f64(whole, step)), divisor);
    }
    if (rounding == Rounding::none) return value;
    if (rounding == Rounding::float32) return vcvt_f64_f32(vcvt_f32_f64(value));
    const float64x2_t shift =
        vdupq_n_f64(6755399441055744.0);  // 1.5 * 2^52 leaves no bits for a fraction
    const float64x2_t tall = vmulq_f64(value, decimals);
    return vdivq_f64(vsubq_f64(vaddq_f64(tall, shift), shift), decimals);
  }
};

template <FastOrder order>
struct Integers {
  static FastEnd<std::uint32_t> run(const std::uint32_t* u, const FastStart<std::uint32_t>& start,
                                    std::size_t count, std::int64_t* to) {
    Summer<std::uint32_t, order> summer(start);
    const int64x2_t base = vdupq_n_s64(start.base);
    for (std::size_t i = 0; i < count; i += 4) {
      const int32x4_t x = vreinterpretq_s32_u32(summer.next(u + i));
      vst1q_s64(to + i, vaddw_s32(base, vget_low_s32(x)));
      vst1q_s64(to + i + 2, vaddw_high_s32(base, x));
    }
    return summer.end(start, u, count);
  }
  static FastEnd<std::uint64_t> run(const std::uint64_t* u, const FastStart<std::uint64_t>& start,
                                    std::size_t count, std::int64_t* to) {
    Summer<std::uint64_t, order> summer(start);
    const uint64x2_t base = vdupq_n_u64(static_cast<std::uint64_t>(start.base));
    for (std::size_t i = 0; i < count; i += 2)
      vst1q_s64(to + i, vreinterpretq_s64_u64(vaddq_u64(base, summer.next(u + i))));
    return summer.end(start, u, count);
  }
};

template <FastOrder order, FastScale::Kind kind>
struct DoublesOf {
  static FastEnd<std::uint32_t> run(const std::uint32_t* u, const FastStart<std::uint32_t>& start,
                                    const FastScale& scale, std::size_t count, double* to) {
    Summer<std::uint32_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    for (std::size_t i = 0; i < count; i += 4) {
      const int32x4_t x = vreinterpretq_s32_u32(summer.next(u + i));
      vst1q_f64(to + i, scaler.narrow(vget_low_s32(x)));
      vst1q_f64(to + i + 2, scaler.narrow(vget_high_s32(x)));
    }
    return summer.end(start, u, count);
  }
  static FastEnd<std::uint64_t> run(const std::uint64_t* u, const FastStart<std::uint64_t>& start,
                                    const FastScale& scale, std::size_t count, double* to) {
    Summer<std::uint64_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    const uint64x2_t base = vdupq_n_u64(static_cast<std::uint64_t>(start.base));
    for (std::size_t i = 0; i < count; i += 2)
      vst1q_f64(to + i, scaler.wide(vaddq_u64(base, summer.next(u + i))));
    return summer.end(start, u, count);
  }
};

template <FastOrder order>
struct Doubles {
  template <typename Word>
  static FastEnd<Word> run(const Word* u, const FastStart<Word>& start, const FastScale& scale,
                           std::size_t count, double* to) {
    return scale.kind == FastScale::Kind::quotient
               ? DoublesOf<order, FastScale::Kind::quotient>::run(u, start, scale, count, to)
               : DoublesOf<order, FastScale::Kind::line>::run(u, start, scale, count, to);
  }
};

}  // namespace

const FastPath fast_path_neon = {"neon",
                                 is_here,
                                 encode,
                                 unpack_narrow,
                                 unpack_wide,
                                 patch_one_by_one<std::uint32_t>,
                                 patch_one_by_one<std::uint64_t>,
                                 integers_in_order<Integers, std::uint32_t>,
                                 integers_in_order<Integers, std::uint64_t>,
                                 doubles_in_order<Doubles, std::uint32_t>,
                                 doubles_in_order<Doubles, std::uint64_t>};

}  // namespace selvedge::codec
#endif
