// The path for every processor; and which one to take.

#include "codec/numbers/token_path.h"
#include "codec/numbers/token_run.h"

namespace selvedge::codec::tokens {

std::size_t read_tokens_baseline(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  return decode_any(in, run, tables, states);
}

std::size_t read_raw_baseline(const RawRun& run) { return read_raw_any(run); }

void weigh_tokens_baseline(const WeighRun& run, Tables& tables) { weigh_any(run, tables); }

Path widest_path() {
#ifdef __x86_64__
  static const Path path = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                                   __builtin_cpu_supports("avx512dq")
                               ? Path::avx512
                           : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? Path::avx2
                                                                                             : Path::baseline;
  return path;
#else
  return Path::baseline;
#endif
}

const Paths* functions_of(Path path) {
  static constexpr Paths baseline = {read_tokens_baseline, read_raw_baseline, weigh_tokens_baseline};
  if (path > widest_path()) return nullptr;
#ifdef __x86_64__
  static constexpr Paths avx2 = {read_tokens_avx2, read_raw_avx2, weigh_tokens_avx2};
  static constexpr Paths avx512 = {read_tokens_avx512, read_raw_avx512, weigh_tokens_avx512};
  if (path == Path::avx512) return &avx512;
  if (path == Path::avx2) return &avx2;
#endif
  return &baseline;
}

}  // namespace selvedge::codec::tokens
