// A path of x86: included by the file that names it in a macro, which is all there is to that file.

#include "codec/numbers/token_reader.h"

#ifdef __x86_64__
#include <immintrin.h>

#ifdef SELVEDGE_PATH_AVX512
#define SELVEDGE_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi,bmi2,lzcnt"
#define SELVEDGE_PATHS avx512_paths
#else
#define SELVEDGE_TARGET "avx2,bmi,bmi2,lzcnt"
#define SELVEDGE_PATHS avx2_paths
#endif
#define SELVEDGE_PRAGMA(words) _Pragma(#words)
#define SELVEDGE_PRAGMA_OF(words) SELVEDGE_PRAGMA(words)
#ifdef __clang__
SELVEDGE_PRAGMA_OF(clang attribute push(__attribute__((target(SELVEDGE_TARGET))), apply_to = function))
#else
#pragma GCC push_options
SELVEDGE_PRAGMA_OF(GCC target(SELVEDGE_TARGET))
#endif
#include "codec/numbers/token_path.h"
#include "codec/numbers/token_run.h"

namespace selvedge::codec::tokens {
const Paths SELVEDGE_PATHS = {decode_any, read_raw_any, weigh_any};
}  // namespace selvedge::codec::tokens

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
