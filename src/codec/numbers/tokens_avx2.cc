// The avx2 path of the tokens.

#include "codec/numbers/token_reader.h"

#ifdef __x86_64__
#include <immintrin.h>

#define SELVEDGE_PATH_AVX2
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#endif
#include "codec/numbers/token_path.h"
#include "codec/numbers/token_run.h"

namespace selvedge::codec::tokens {

std::size_t read_tokens_avx2(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  return decode_any(in, run, tables, states);
}

std::size_t read_raw_avx2(const RawRun& run) { return read_raw_any(run); }

void weigh_tokens_avx2(const WeighRun& run, Tables& tables) { weigh_any(run, tables); }

}  // namespace selvedge::codec::tokens
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
